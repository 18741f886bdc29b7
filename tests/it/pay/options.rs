//! What a payment would take, asked before anything is paid.

use serde_json::json;

use crate::harness::app::HOUR;
use crate::harness::node::TestNode;

use super::owing::{Debtor, OWED};

const CALCULATE: &str = "/api/payments/calculate-options";

#[tokio::test(flavor = "multi_thread")]
async fn options_say_what_each_part_pays_and_what_is_missing() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 20, 300).await;
    let app = node.app(debtor.rider);

    let mixed = app.post(CALCULATE, &json!({ "package_id": HOUR })).await;
    let wallet = json!({ "package_id": HOUR, "payment_mode": "wallet" });
    let wallet = app.post(CALCULATE, &wallet).await;
    let dues = app.post(CALCULATE, &json!({ "rental_id": debtor.rental.to_string() })).await;

    let parts = &mixed.data()["payment_breakdown"];
    assert_eq!((&parts["points_to_use"], &parts["wallet_amount"]), (&300.into(), &"20.00".into()));
    assert_eq!(mixed.data()["is_sufficient"], true);
    let data = wallet.data();
    assert_eq!((&data["shortfall"], &data["suggested_topup"]), (&"30.00".into(), &"100.00".into()));
    assert_eq!(data["payment_breakdown"]["direct_amount"], "30.00");
    assert_eq!(dues.data()["total_amount"], OWED);
    assert_eq!(dues.data()["shortfall"], "50.00");
    let nothing = app.post(CALCULATE, &json!({})).await;
    assert_eq!(nothing.refusal(), (400, "package_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_known_to_its_owner_alone_and_packages_have_their_duration_in_words() {
    let node = TestNode::start().await;
    let app = node.app(node.rider(0).await);
    let wish = json!({ "amount": "100", "payment_method_id": "sandbox" });
    let begun = app.post("/api/payments/wallet/topup-intent", &wish).await;
    let path = format!("/api/payments/status/{}", begun.data()["intent_id"].as_str().unwrap());

    let mine = app.get(&path).await;
    let foreign = node.app(node.rider(0).await).get(&path).await;
    let packages = node.stranger().get("/api/payments/packages").await;

    assert_eq!(
        (&mine.data()["status"], &mine.data()["amount"]),
        (&"PENDING".into(), &"100.00".into())
    );
    assert_eq!(foreign.refusal(), (404, "intent_not_found"));
    let rows = packages.data()["packages"].as_array().unwrap();
    let hour = rows.iter().find(|row| row["id"] == HOUR).unwrap();
    assert_eq!(hour["duration_display"], "1 hour");
}

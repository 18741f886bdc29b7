//! Money that goes back by an operator's word: what is left of a rental to the wallet, what is left
//! of a top-up to its source, each of it once, and much of it by two persons.

use std::time::Duration;

use chargeghar::actors::refunds::{Act, Refunds, RequestError, Rules, StepError, What};
use chargeghar::entropy::Entropy;
use chargeghar::store::refunds::Refund;
use chargeghar::store::verify::{Kind, Scope};
use domain::ids::{RentalId, RiderId};
use domain::invoice::Series;
use domain::money::Money;
use domain::points::{PerRupee, Points};
use domain::refund::Status;
use domain::rental;
use serde_json::{Value, json};

use super::owing::give_points;
use crate::harness::app::start;
use crate::harness::node::TestNode;

pub const REFUNDS: &str = "/api/payments/refunds";
pub const REASON: &str = "the bank was empty";
pub const PROCESS: What = What::Process { mobile: None };

#[tokio::test(flavor = "multi_thread")]
async fn the_price_of_a_rental_goes_back_once_with_a_credit_note() {
    let (node, rider, id) = rented().await;
    let app = node.app(rider);
    let wish = json!({ "transaction_id": transaction(&node, rider, "RENTAL").await,
        "reason": REASON });

    let asked = app.post_keyed(REFUNDS, "r-1", &wish).await;
    let replayed = app.post_keyed(REFUNDS, "r-1", &wish).await;
    let twice = app.post(REFUNDS, &wish).await;

    assert_eq!(asked.status, 201, "{asked:?}");
    assert_eq!([&asked.data()["amount"], &asked.data()["status"]], ["50.00", "REQUESTED"]);
    assert!(replayed.is_replay());
    assert_eq!(twice.refusal(), (400, "duplicate_refund"));
    let name = asked.data()["refund_id"].as_str().unwrap();
    let early = act(&node, name, PROCESS, "operator:anna").await;
    assert_eq!(early, Err(StepError::Elsewhere(Status::Requested)));
    act(&node, name, What::Approve, "operator:anna").await.unwrap();
    let both = [0, 1].map(|_| act(&node, name, PROCESS, "operator:bina"));
    let both = futures::future::join_all(both).await;
    assert_eq!(both.iter().filter(|done| done.is_ok()).count(), 1, "{both:?}");

    assert_eq!(node.wallet(rider).await, Money::rupees(500));
    let again = app.post(REFUNDS, &wish).await;
    assert_eq!(again.refusal(), (400, "invalid_status"));
    let documents = node.node.context.store.documents(rider, id).await.unwrap();
    let credit = documents.iter().find(|document| document.series == Series::CreditNote);
    let credit = credit.unwrap();
    assert_eq!((credit.amount, credit.vat.to_string()), (Money::rupees(50), "5.75".to_owned()));
    let refund = transaction(&node, rider, "REFUND").await;
    assert!(refund.starts_with("TXN"), "{refund}");
    let of_refund = json!({ "transaction_id": refund, "reason": REASON });
    assert_eq!(app.post(REFUNDS, &of_refund).await.refusal(), (400, "invalid_status"));
    let listed = node.shown(rider, "payments/refunds").await;
    assert_eq!(listed["refunds"][0]["status"], "PROCESSED");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_credit_note_is_gone_or_says_another_amount_is_found() {
    let (node, rider, _) = rented().await;
    let wish = json!({ "transaction_id": transaction(&node, rider, "RENTAL").await,
        "reason": REASON });
    let asked = node.app(rider).post(REFUNDS, &wish).await;
    let name = asked.data()["refund_id"].as_str().unwrap();
    for what in [What::Approve, PROCESS] {
        act(&node, name, what, "operator:anna").await.unwrap();
    }
    node.audit().await;
    node.database.is_crooked();

    node.database.run("alter table invoices disable trigger all").await;
    for spoil in [
        "update invoices set amount = 49, taxable = 49 - vat where series = 'credit_note'",
        "delete from invoices where series = 'credit_note'",
    ] {
        node.database.run(spoil).await;
        let (report, _) = node.node.context.store.verify(&Scope::Whole, |_| ()).await.unwrap();
        assert_eq!(report.counts.get(&Kind::Refund), Some(&1), "{spoil}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_points_paid_of_a_rental_goes_back_as_points() {
    let (node, rider, id) = rented_by("wallet_points", 200).await;
    let purse = node.node.context.store.purse(rider).await.unwrap();
    assert_eq!((purse.wallet, purse.points), (Money::rupees(470), Points(0)));
    let refunds = refunds(&node);
    let paid = transaction(&node, rider, "RENTAL").await;
    let refund = refunds.request(rider, &paid, REASON.to_owned(), None).await.unwrap();
    assert_eq!(refund.amount, Money::rupees(50));

    act(&node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    act(&node, &refund.reference, PROCESS, "operator:anna").await.unwrap();

    let purse = node.node.context.store.purse(rider).await.unwrap();
    assert_eq!((purse.wallet, purse.points), (Money::rupees(500), Points(200)));
    let kinds = format!(
        "select string_agg(kind, ' ' order by seq) from ledger_transfers
        where rental_id = '{id}' and kind like 'refund_%'"
    );
    assert_eq!(node.database.text(&kinds).await, "refund_to_wallet refund_to_points");
    let credited = "select amount || ' ' || vat from invoices where series = 'credit_note'";
    assert_eq!(node.database.text(credited).await, "50.00 5.75");
    let again = refunds.request(rider, &paid, REASON.to_owned(), None).await;
    assert_eq!(again, Err(RequestError::NothingLeft));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_top_up_goes_back_no_further_than_the_wallet_holds() {
    let node = TestNode::start().await;
    let (rider, other) = (node.rider(500).await, node.rider(0).await);
    let top_up = transaction(&node, rider, "TOPUP").await;
    let refunds = refunds(&node);
    let ask = |rider| refunds.request(rider, &top_up, REASON.to_owned(), None);

    assert_eq!(ask(other).await, Err(RequestError::NotFound));
    let refund = ask(rider).await.unwrap();
    assert_eq!(refund.amount, Money::rupees(500));
    act(&node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    spend(&node, rider, 400).await;
    let spent = act(&node, &refund.reference, PROCESS, "operator:anna").await;
    assert_eq!(spent, Err(StepError::NothingLeft));
    act(&node, &refund.reference, What::Reject, "operator:anna").await.unwrap();

    let rest = ask(rider).await.unwrap();
    assert_eq!(rest.amount, Money::rupees(100));
    act(&node, &rest.reference, What::Reject, "operator:anna").await.unwrap();
    spend(&node, rider, 100).await;
    assert_eq!(ask(rider).await, Err(RequestError::NothingLeft));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn much_money_needs_two_persons() {
    let node = TestNode::start().await;
    let rider = node.rider(5_000).await;
    let top_up = transaction(&node, rider, "TOPUP").await;
    let refund = refunds(&node).request(rider, &top_up, REASON.to_owned(), None).await.unwrap();

    act(&node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    let same = act(&node, &refund.reference, PROCESS, "operator:anna").await;
    let other = act(&node, &refund.reference, PROCESS, "operator:bina").await;

    assert_eq!(same, Err(StepError::SamePerson));
    assert_eq!(other.unwrap().status, Status::Processing);
    node.stop().await;
}

/// A rental of 50 that has ended, of a rider with 500.
async fn rented() -> (TestNode, RiderId, RentalId) {
    rented_by("wallet", 0).await
}

/// The same, paid in a mode that may take points first.
async fn rented_by(mode: &str, points: u32) -> (TestNode, RiderId, RentalId) {
    let node = TestNode::start().await;
    let first = node.cabinet("860000000000017", "CG-1", &["40818048"]).await;
    let other = node.cabinet("860000000000025", "CG-2", &["40818060"]).await;
    let rider = node.rider(500).await;
    if points > 0 {
        give_points(&node, rider, points).await;
    }
    let mut wish = start("CG-1");
    wish["payment_mode"] = json!(mode);
    let started = node.app(rider).post("/api/rentals/start", &wish).await;
    assert_eq!(started.status, 201, "{started:?}");
    let id: RentalId = node.database.text("select id from rentals").await.parse().unwrap();
    let bank = first.take(&"40818048".into()).unwrap();
    node.clock.advance(Duration::from_mins(10));
    other.insert(bank, None).unwrap();
    node.until_status(id, rental::Status::Completed).await;
    (node, rider, id)
}

/// Money leaves the wallet, and comes back to nobody.
pub async fn spend(node: &TestNode, rider: RiderId, rupees: i64) {
    let wish = json!({ "amount": rupees, "withdrawal_method": "esewa",
        "phone_number": "9800000000" });
    node.app(rider).post("/api/payments/withdrawals/request", &wish).await.data();
}

pub fn refunds(node: &TestNode) -> Refunds {
    let (store, clock) = (node.node.context.store.clone(), node.clock.clone());
    let (two_persons_above, vat_percent) = (Money::rupees(1_000), 13.into());
    let points = PerRupee::default();
    let rules = Rules { two_persons_above, vat_percent, points };
    Refunds::new(store, clock, Entropy::system(), rules)
}

pub async fn act(node: &TestNode, name: &str, what: What, by: &str) -> Result<Refund, StepError> {
    refunds(node).act(name, Act { what, by: by.to_owned(), note: None }, None).await
}

/// What the app calls the rider's newest transaction of a kind.
pub async fn transaction(node: &TestNode, rider: RiderId, kind: &str) -> String {
    let rows: Value =
        node.shown(rider, &format!("payments/transactions?transaction_type={kind}")).await;
    rows["transactions"][0]["transaction_id"].as_str().unwrap().to_owned()
}

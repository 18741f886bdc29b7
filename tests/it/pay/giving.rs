//! Money that goes back by an operator's word: what is left of a rental to the wallet, what is left
//! of a top-up to its source, each of it once, and much of it by two persons.

use std::time::Duration;

use chargeghar::actors::refunds::{Act, Refunds, RequestError, Rules, StepError, What};
use chargeghar::entropy::Entropy;
use chargeghar::store::refunds::Refund;
use domain::ids::{RentalId, RiderId};
use domain::invoice::Series;
use domain::money::Money;
use domain::refund::Status;
use domain::rental;
use serde_json::{Value, json};

use crate::harness::node::TestNode;

pub const REFUNDS: &str = "/api/payments/refunds";
pub const REASON: &str = "the bank was empty";

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
    let early = act(&node, name, What::Process, "operator:anna").await;
    assert_eq!(early, Err(StepError::Elsewhere(Status::Requested)));
    act(&node, name, What::Approve, "operator:anna").await.unwrap();
    let both = [0, 1].map(|_| act(&node, name, What::Process, "operator:bina"));
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
async fn a_spent_top_up_goes_back_no_further_than_the_wallet_holds() {
    let node = TestNode::start().await;
    let (rider, other) = (node.rider(500).await, node.rider(0).await);
    let top_up = transaction(&node, rider, "TOPUP").await;
    let door = door(&node);
    let ask = |rider| door.request(rider, &top_up, REASON.to_owned(), None);

    assert_eq!(ask(other).await, Err(RequestError::NotFound));
    let refund = ask(rider).await.unwrap();
    assert_eq!(refund.amount, Money::rupees(500));
    act(&node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    spend(&node, rider, 400).await;
    let spent = act(&node, &refund.reference, What::Process, "operator:anna").await;
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
    let refund = door(&node).request(rider, &top_up, REASON.to_owned(), None).await.unwrap();

    act(&node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    let same = act(&node, &refund.reference, What::Process, "operator:anna").await;
    let other = act(&node, &refund.reference, What::Process, "operator:bina").await;

    assert_eq!(same, Err(StepError::SamePerson));
    assert_eq!(other.unwrap().status, Status::Processing);
    node.stop().await;
}

/// A rental of 50 that has ended, of a rider with 500.
pub async fn rented() -> (TestNode, RiderId, RentalId) {
    let node = TestNode::start().await;
    let first = node.cabinet("860000000000017", "CG-1", &["40818048"]).await;
    let other = node.cabinet("860000000000025", "CG-2", &["40818060"]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = first.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    other.insert(bank, None).unwrap();
    node.until_status(rental.id, rental::Status::Completed).await;
    (node, rider, rental.id)
}

/// Money leaves the wallet, and comes back to nobody.
pub async fn spend(node: &TestNode, rider: RiderId, rupees: i64) {
    let wish = json!({ "amount": rupees, "withdrawal_method": "esewa",
        "phone_number": "9800000000" });
    node.app(rider).post("/api/payments/withdrawals/request", &wish).await.data();
}

pub fn door(node: &TestNode) -> Refunds {
    let (store, clock) = (node.node.context.store.clone(), node.clock.clone());
    let rules = Rules { two_persons_above: Money::rupees(1_000), vat_percent: 13.into() };
    Refunds::new(store, clock, Entropy::system(), rules)
}

pub async fn act(node: &TestNode, name: &str, what: What, by: &str) -> Result<Refund, StepError> {
    door(node).act(name, Act { what, by: by.to_owned(), note: None }).await
}

/// What the app calls the rider's newest transaction of a kind.
pub async fn transaction(node: &TestNode, rider: RiderId, kind: &str) -> String {
    let rows: Value =
        node.shown(rider, &format!("payments/transactions?transaction_type={kind}")).await;
    rows["transactions"][0]["transaction_id"].as_str().unwrap().to_owned()
}

//! Money that goes back: what is left of a rental to the wallet, what is left of a top-up to its
//! source, each of it once.

use std::time::Duration;

use chargeghar::actors::refunds::{Act, Refunds, RequestError, Rules, StepError, What};
use chargeghar::entropy::Entropy;
use chargeghar::store::refunds::Refund;
use domain::ids::{IntentId, RiderId};
use domain::invoice::Series;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::Intent;
use domain::refund::Status;
use domain::rental;
use serde_json::{Value, json};

use super::counter::Counter;
use crate::fakes::books::{Call, Fault};
use crate::harness::node::TestNode;

const REFUNDS: &str = "/api/payments/refunds";
const REASON: &str = "the bank was empty";

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
    let note = documents.iter().find(|document| document.series == Series::CreditNote).unwrap();
    assert_eq!((note.amount, note.vat.to_string()), (Money::rupees(50), "5.75".to_owned()));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_gateway_pays_back_once() {
    for gateway in [Gateway::Khalti, Gateway::Stripe] {
        let (counter, rider, intent) = sent(gateway, Some(Fault::BreaksAfter)).await;
        let company = counter.company(gateway);
        processed(&counter, intent.id).await;

        assert_eq!(company.paid_back(&intent.gateway_ref), 50_000, "{gateway:?}");
        assert_eq!(counter.node.wallet(rider).await, Money::ZERO);
        counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn esewa_is_by_hand_and_a_person_is_told_once() {
    let (counter, rider, intent) = sent(Gateway::Esewa, None).await;
    let node = &counter.node;
    let open = "select count(*) from incidents where kind = 'refund_open'";
    node.while_time_passes(node.database.until(open, "1", SOON)).await;
    let name = node.database.text("select reference from refunds").await;

    let number = "ES-9".to_owned();
    let done = act(node, &name, What::Arrived { number }, "operator:anna").await.unwrap();
    let again = act(node, &name, What::Bounced, "operator:anna").await;

    assert_eq!((done.status, done.tries), (Status::Processed, 1));
    assert_eq!(again, Err(StepError::Elsewhere(Status::Processed)));
    assert_eq!(node.wallet(rider).await, Money::ZERO);
    assert_eq!(counter.company(Gateway::Esewa).calls(Call::Refund), 0);
    let _ = intent;
    counter.node.stop().await;
}

const SOON: Duration = Duration::from_secs(20);

/// A node and a rider whose top-up of 500 at a company is on its way back.
async fn sent(gateway: Gateway, fault: Option<Fault>) -> (Counter, RiderId, Intent) {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, gateway, 500).await;
    let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
    assert_eq!(status, 200, "{body}");
    if let Some(fault) = fault {
        counter.company(gateway).fault(Call::Refund, fault);
    }
    let top_up = transaction(&counter.node, rider, "TOPUP").await;
    let door = door(&counter.node);
    let refund = door.request(rider, &top_up, REASON.to_owned(), None).await.unwrap();
    act(&counter.node, &refund.reference, What::Approve, "operator:anna").await.unwrap();
    act(&counter.node, &refund.reference, What::Process, "operator:anna").await.unwrap();
    (counter, rider, intent)
}

async fn processed(counter: &Counter, intent: IntentId) {
    let node = &counter.node;
    let sql = format!("select status from refunds where intent_id = '{intent}'");
    let passing = async {
        loop {
            node.clock.advance(Duration::from_mins(3));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = node.database.until(&sql, "PROCESSED", SOON) => {}
        () = passing => unreachable!(),
    }
}

/// A rental of 50 that has ended, of a rider with 500.
async fn rented() -> (TestNode, RiderId, domain::ids::RentalId) {
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
async fn spend(node: &TestNode, rider: RiderId, rupees: i64) {
    let wish = json!({ "amount": rupees, "withdrawal_method": "esewa",
        "phone_number": "9800000000" });
    node.app(rider).post("/api/payments/withdrawals/request", &wish).await.data();
}

fn door(node: &TestNode) -> Refunds {
    let (store, clock) = (node.node.context.store.clone(), node.clock.clone());
    let rules = Rules { two_persons_above: Money::rupees(1_000), vat_percent: 13.into() };
    Refunds::new(store, clock, Entropy::system(), rules)
}

async fn act(node: &TestNode, name: &str, what: What, by: &str) -> Result<Refund, StepError> {
    door(node).act(name, Act { what, by: by.to_owned(), note: None }).await
}

/// What the app calls the rider's newest transaction of a kind.
async fn transaction(node: &TestNode, rider: RiderId, kind: &str) -> String {
    let rows: Value =
        node.shown(rider, &format!("payments/transactions?transaction_type={kind}")).await;
    rows["transactions"][0]["transaction_id"].as_str().unwrap().to_owned()
}

//! A request that was short of money, sent again with its key: one payment is asked for, and
//! once it is paid the key answers what it led to.

use std::time::Duration;

use domain::ledger::Gateway;
use domain::money::Money;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::owing::Debtor;
use crate::fakes::Company;
use crate::fakes::books::{Call, Fault};
use crate::harness::app::{Answer, App, HOUR, start};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const START: &str = "/api/rentals/start";

#[tokio::test(flavor = "multi_thread")]
async fn a_short_start_with_the_same_key_asks_for_the_same_payment_until_it_is_paid() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    let rider = node.rider(10).await;
    let app = node.app(rider);

    let first = app.post_keyed(START, "s-1", &start("CG-1")).await;
    let second = app.post_keyed(START, "s-1", &start("CG-1")).await;
    let other = app.post_keyed(START, "s-1", &start("CG-2")).await;
    let elsewhere = app.post_keyed(START, "s-2", &start("CG-1")).await;

    assert_eq!((first.status, second.status), (402, 402));
    assert!(second.is_replay() && !first.is_replay(), "{second:?}");
    assert_eq!(first.body, second.body);
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    assert_ne!(elsewhere.body["data"]["intent_id"], first.body["data"]["intent_id"]);
    assert_eq!(node.database.number("select count(*) from payment_intents").await, 3);

    pay(&app, &first.body["data"]["intent_id"]).await;
    let paid = app.post_keyed(START, "s-1", &start("CG-1")).await;
    let again = app.post_keyed(START, "s-1", &start("CG-1")).await;

    assert_eq!(paid.status, 201, "{paid:?}");
    assert!(paid.is_replay() && again.is_replay(), "{paid:?}");
    assert_eq!(paid.data()["rental_id"], again.data()["rental_id"]);
    assert_eq!(node.database.number("select count(*) from rentals").await, 1);
    assert_eq!(node.wallet(rider).await, Money::ZERO);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_given_up_or_ran_out_is_asked_for_anew_with_the_same_key() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    let app = node.app(node.rider(10).await);
    let ask = || async { app.post_keyed(START, "s-1", &start("CG-1")).await.body["data"].clone() };

    let first = ask().await;
    let path = format!("/api/payments/cancel/{}", first["intent_id"].as_str().unwrap());
    app.post(&path, &json!({})).await.data();
    let second = ask().await;
    node.clock.advance(Duration::from_mins(45));
    let third = app.post_keyed(START, "s-1", &start("CG-1")).await;

    assert_ne!(first["intent_id"], second["intent_id"]);
    assert_ne!(third.body["data"]["intent_id"], second["intent_id"], "{third:?}");
    assert!(!third.is_replay());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_cancelled_once_with_a_key_and_answered_again() {
    let node = TestNode::start().await;
    let app = node.app(node.rider(10).await);
    let wish = json!({ "amount": 100, "payment_method_id": "sandbox" });
    let mut paths = Vec::new();
    for _ in 0..2 {
        let begun = app.post("/api/payments/wallet/topup-intent", &wish).await;
        let id = begun.data()["intent_id"].as_str().unwrap().to_owned();
        paths.push((format!("/api/payments/cancel/{id}"), id));
    }
    let [(path, id), (other, _)] = &paths[..] else { panic!("{paths:?}") };

    let first = app.post_keyed(path, "c-1", &json!({})).await;
    assert_eq!((first.status, first.is_replay()), (200, false));
    pay(&app, &json!(id)).await;
    let again = app.post_keyed(path, "c-1", &json!({})).await;

    assert_eq!((again.status, again.is_replay()), (200, true));
    assert_eq!(again.body, first.body, "as it was answered");
    let used = app.post_keyed(other, "c-1", &json!({})).await;
    assert_eq!(used.refusal(), (422, "idempotency_key_reused"));
    let late = app.post_keyed(path, "c-2", &json!({})).await;
    assert_eq!(late.refusal(), (400, "invalid_intent_status"));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_came_to_nothing_after_its_payment_is_tried_anew_with_the_same_key() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    let rider = node.rider(10).await;
    let app = node.app(rider);
    let wish = json!({ "station_sn": "CG-1", "package_id": HOUR, "powerbank_sn": "40818048" });
    let short = app.post_keyed(START, "s-1", &wish).await;
    let (other, lucky) = (node.rider(100).await, json!({ "payment_mode": "wallet" }));
    let taken = merged(&start("CG-1"), &lucky);
    let taken = node.app(other).post(START, &taken).await;
    assert_eq!(taken.data()["status"], "ACTIVE");

    pay(&app, &short.body["data"]["intent_id"]).await;
    let missed = app.post_keyed(START, "s-1", &wish).await;

    assert_eq!(missed.status, 400, "{missed:?}");
    assert_eq!(node.wallet(rider).await, Money::rupees(50), "the money stays in the wallet");
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_dues_with_the_same_key_ask_for_the_same_payment_until_it_is_paid() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 20, 300).await;
    let (app, path) = (node.app(debtor.rider), debtor.path());

    let first = app.post_keyed(&path, "d-1", &json!({})).await;
    let second = app.post_keyed(&path, "d-1", &json!({})).await;

    assert_eq!((first.status, second.status, second.is_replay()), (402, 402, true));
    assert_eq!(first.body, second.body);
    pay(&app, &first.body["data"]["intent_id"]).await;
    let paid = app.post_keyed(&path, "d-1", &json!({})).await;
    assert_eq!((paid.status, paid.is_replay()), (200, true), "{paid:?}");
    assert_eq!(paid.data()["breakdown"]["wallet_amount"], "70.00");
    node.audit().await;
}

/// Nginx gives up, or the app does: the key is in use until the order is made all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_while_the_gateway_is_slow_gets_the_same_order_with_its_key() {
    let (khalti, node) = at_khalti().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    let app = node.app(node.rider(10).await);
    let mut wish = start("CG-1");
    wish["payment_method_id"] = method(&app, "khalti").await;

    let again = hung_up(&node, &khalti, &app, START, &wish).await;

    assert_eq!(again.body["data"]["shortfall"], "40.00");
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dues_whose_client_hangs_up_while_the_gateway_is_slow_have_one_order() {
    let (khalti, node) = at_khalti().await;
    let debtor = Debtor::with(&node, 20, 300).await;
    let app = node.app(debtor.rider);
    let wish = json!({ "payment_method_id": method(&app, "khalti").await });

    let again = hung_up(&node, &khalti, &app, &debtor.path(), &wish).await;

    assert_eq!(again.body["data"]["shortfall"], "50.00");
    node.audit().await;
}

async fn at_khalti() -> (Company, TestNode) {
    let khalti = Company::open(Gateway::Khalti).await;
    let node = TestNode::with_settings(|config| khalti.configure(config)).await;
    (khalti, node)
}

async fn method(app: &App, gateway: &str) -> Value {
    let methods = app.get("/api/payments/methods").await.data()["payment_methods"].clone();
    let found = methods.as_array().unwrap().iter().find(|method| method["gateway"] == gateway);
    found.unwrap_or_else(|| panic!("{methods}"))["id"].clone()
}

/// A request whose client goes away while the order is being made: its key is in use till then,
/// and afterwards answers with that order, the only one.
async fn hung_up(node: &TestNode, khalti: &Company, app: &App, path: &str, wish: &Value) -> Answer {
    khalti.fault(Call::Start, Fault::Held);
    let mut line = TcpStream::connect(node.node.http_addr()).await.unwrap();
    let request = app.raw_keyed(path, "h-1", &wish.to_string());
    line.write_all(request.as_bytes()).await.unwrap();
    node.until("the gateway is asked", || (khalti.calls(Call::Start) == 1).then_some(())).await;
    line.shutdown().await.unwrap();
    // the service closes its side once it has let go of the request
    assert_eq!(line.read(&mut [0]).await.unwrap(), 0);

    let meanwhile = app.post_keyed(path, "h-1", wish).await;
    khalti.go_on();
    let again = node
        .until_async("the key is free", async || {
            let again = app.post_keyed(path, "h-1", wish).await;
            (again.status != 409).then_some(again)
        })
        .await;

    assert_eq!(meanwhile.refusal(), (409, "idempotency_in_progress"));
    assert_eq!((again.status, again.is_replay()), (402, true), "{again:?}");
    assert_eq!((khalti.orders(), khalti.calls(Call::Start)), (1, 1));
    let intents = "select count(*) from payment_intents where gateway = 'khalti'";
    assert_eq!(node.database.number(intents).await, 1);
    again
}

async fn pay(app: &App, id: &Value) {
    let paid = app.post("/api/sandbox/pay", &json!({ "intent_id": id, "outcome": "paid" })).await;
    assert_eq!(paid.status, 200, "{paid:?}");
    let verified = app.post("/api/payments/verify", &json!({ "intent_id": id })).await;
    assert_eq!(verified.status, 200, "{verified:?}");
}

fn merged(one: &Value, two: &Value) -> Value {
    let mut all = one.as_object().unwrap().clone();
    all.extend(two.as_object().unwrap().clone());
    Value::Object(all)
}

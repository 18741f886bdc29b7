//! The same request twice: one deed, and the answer as it is by then.

use std::time::Duration;

use cabinet::Fault;
use domain::ids::RentalId;
use domain::money::Money;
use domain::rental::Status;
use serde_json::{Value, json};

use crate::harness::app::{HOUR, start};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";
const START: &str = "/api/rentals/start";
const TOP_UP: &str = "/api/payments/wallet/topup-intent";

#[tokio::test(flavor = "multi_thread")]
async fn a_start_asked_twice_is_one_rental_shown_as_it_is_by_then() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let (rider, other) = (node.rider(500).await, node.rider(500).await);
    let app = node.app(rider);

    let first = app.post_keyed(START, "k-1", &start("CG-1")).await;
    assert_eq!((first.status, first.is_replay()), (201, false), "{first:?}");
    assert_eq!(first.data()["status"], "ACTIVE");
    let id: RentalId = first.data()["rental_id"].as_str().unwrap().parse().unwrap();
    node.clock.advance(Duration::from_mins(30));
    let bank = cabinet.take(&node.stored(id).await.bank).unwrap();
    cabinet.insert(bank, None).unwrap();
    node.until_status(id, Status::Completed).await;
    node.until_banks("CG-1", 2).await;
    let again = app.post_keyed(START, "\"k-1\"", &start("CG-1")).await;

    assert_eq!((again.status, again.is_replay()), (201, true));
    assert_eq!(again.data()["rental_id"], first.data()["rental_id"]);
    assert_eq!(again.data()["status"], "COMPLETED");
    let changed = json!({ "station_sn": "CG-2", "package_id": HOUR });
    let changed = app.post_keyed(START, "k-1", &changed).await;
    assert_eq!(changed.refusal(), (422, "idempotency_key_reused"));
    let elsewhere = json!({ "amount": "100", "payment_method_id": "sandbox" });
    let elsewhere = app.post_keyed(TOP_UP, "k-1", &elsewhere).await;
    assert_eq!(elsewhere.refusal(), (422, "idempotency_key_reused"));
    assert_eq!(node.database.number("select count(*) from rentals").await, 1);

    let theirs = node.app(other).post_keyed(START, "k-1", &start("CG-1")).await;
    assert_eq!((theirs.status, theirs.is_replay()), (201, false), "a key is a rider's own");
    assert_ne!(theirs.data()["rental_id"], first.data()["rental_id"]);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_or_a_cancel_whose_first_request_is_in_work_is_told_so_and_replayed_later() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let app = node.app(rider);
    cabinet.faults(|faults| faults.next(1, Fault::SlowEject { by_ms: 1_500 }));

    let wish = start("CG-1");
    let started = app.post_keyed(START, "k-1", &wish);
    let meanwhile = async {
        let id = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        node.until("the eject is sent", || {
            (cabinet.counts().command("popup_sn") == 1).then_some(())
        })
        .await;
        let second = app.post_keyed(START, "k-1", &wish).await;
        let path = format!("/api/rentals/{id}/cancel");
        let reason = json!({ "reason": "changed my mind" });
        let cancelled = app.post_keyed(&path, "k-2", &reason).await;
        (second, path, reason, cancelled)
    };
    let (started, (second, path, reason, cancelled)) = tokio::join!(started, meanwhile);

    assert_eq!(second.refusal(), (409, "idempotency_in_progress"));
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!((started.status, &started.data()["status"]), (201, &json!("ACTIVE")));
    assert_eq!((cancelled.status, cancelled.is_replay()), (200, false));
    assert_eq!(cancelled.data()["status"], "PENDING_POPUP", "the outcome decides");
    let again = app.post_keyed(&path, "k-2", &reason).await;
    assert_eq!((again.status, again.is_replay()), (200, true));
    assert_eq!(again.data()["status"], "ACTIVE", "as it is now");
    let other = app.post_keyed(&path, "k-2", &json!({})).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    let fresh = app.post_keyed(&path, "k-3", &reason).await;
    assert_eq!(fresh.refusal(), (400, "powerbank_not_returned"));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_kept_and_asks_for_money_in_a_shape_of_its_own() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let second = node.cabinet("860000000000025", "CG-2", &[]).await;
    let (app, rich) = (node.app(node.rider(20).await), node.app(node.rider(100).await));

    let empty = rich.post_keyed(START, "k-1", &start("CG-2")).await;
    assert_eq!(empty.refusal(), (400, "no_power_bank_available"));
    second.insert("40818099", None).unwrap();
    node.until_banks("CG-2", 1).await;
    let filled = rich.post_keyed(START, "k-1", &start("CG-2")).await;
    assert_eq!((filled.status, filled.is_replay()), (201, false), "{filled:?}");
    let short = app.post_keyed(START, "k-2", &start("CG-1")).await;

    assert_eq!(short.status, 402);
    assert_eq!(short.body["success"], false);
    assert_eq!(short.body["error_code"], "payment_required");
    assert!(short.body["message"].is_string() && short.body.get("error").is_none());
    let data = &short.body["data"];
    assert_eq!((&data["shortfall"], &data["wallet_shortfall"]), (&json!("30.00"), &json!("30.00")));
    assert_eq!((&data["gateway"], &data["currency"]), (&json!("sandbox"), &json!("NPR")));
    assert_eq!((&data["status"], &data["payment_mode"]), (&json!("PENDING"), &json!("wallet")));
    for field in ["intent_id", "amount", "gateway_url", "redirect_url", "expires_at"] {
        assert!(data[field].is_string(), "{field}: {data}");
    }

    pay(&node, &data["intent_id"]).await;
    let started = app.post_keyed(START, "k-2", &start("CG-1")).await;
    // the service went on with it by itself when the money was in
    assert_eq!((started.status, started.is_replay()), (201, true), "{started:?}");
    assert_eq!(node.database.number("select count(*) from rentals").await, 2);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_asked_twice_at_once_and_later_is_one_intent() {
    let node = TestNode::start().await;
    let rider = node.rider(0).await;
    let app = node.app(rider);
    let wish = json!({ "amount": "100.00", "payment_method_id": "sandbox" });

    let asked = (0..10).map(|_| app.post_keyed(TOP_UP, "k", &wish));
    let answers = futures::future::join_all(asked).await;

    for answer in &answers {
        let is_told = answer.refusal() == (409, "idempotency_in_progress");
        assert!(answer.status == 201 || is_told, "{answer:?}");
    }
    let first = answers.iter().find(|answer| answer.status == 201).unwrap();
    let intent = &first.data()["intent_id"];
    assert_eq!(node.database.number("select count(*) from payment_intents").await, 1);
    pay(&node, intent).await;
    let again = app.post_keyed(TOP_UP, "k", &wish).await;
    assert_eq!((again.status, again.is_replay(), again.data()), (201, true, first.data()));
    let other = json!({ "amount": "200.00", "payment_method_id": "sandbox" });
    let other = app.post_keyed(TOP_UP, "k", &other).await;
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    let odd = app.post_keyed(TOP_UP, &"k".repeat(256), &wish).await;
    assert_eq!(odd.refusal(), (400, "invalid_idempotency_key"));
    let longest = app.post_keyed(TOP_UP, &"k".repeat(255), &wish).await;
    assert_eq!(longest.status, 201);
    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_rider_is_not_there() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let (owner, other) = (node.app(node.rider(100).await), node.app(node.rider(100).await));
    let rental = owner.post(START, &start("CG-1")).await;
    let rental = rental.data()["rental_id"].as_str().unwrap().to_owned();
    let wish = json!({ "amount": "100", "payment_method_id": "sandbox" });
    let intent = owner.post(TOP_UP, &wish).await.data()["intent_id"].clone();

    let paths = [format!("/api/rentals/{rental}"), format!("/api/rentals/{rental}/live")];
    for path in &paths {
        assert_eq!(other.get(path).await.refusal(), (404, "rental_not_found"), "{path}");
        let stranger = node.stranger().get(path).await;
        assert_eq!(stranger.refusal(), (401, "authentication_required"), "{path}");
        assert_eq!(stranger.header("www-authenticate"), "Bearer");
        let forged = node.stranger().bearing("x.y.z").get(path).await;
        assert_eq!(forged.refusal(), (401, "invalid_token"), "{path}");
    }
    let cancel = format!("/api/rentals/{rental}/cancel");
    assert_eq!(other.post(&cancel, &json!({})).await.refusal(), (404, "rental_not_found"));
    let verify = other.post("/api/payments/verify", &json!({ "intent_id": intent })).await;
    assert_eq!(verify.refusal(), (404, "intent_not_found"));
    let cancel = format!("/api/payments/cancel/{}", intent.as_str().unwrap());
    assert_eq!(other.post(&cancel, &json!({})).await.refusal(), (404, "intent_not_found"));
    assert_eq!(other.get("/api/rentals/history").await.data()["rentals"], json!([]));
    assert_eq!(owner.get(&paths[0]).await.data()["id"], json!(rental));
    assert_eq!(owner.post(&cancel, &json!({})).await.status, 200);
}

async fn pay(node: &TestNode, intent: &Value) {
    let paid = json!({ "intent_id": intent, "outcome": "paid" });
    assert_eq!(node.stranger().post("/api/sandbox/pay", &paid).await.status, 200);
    let verify = json!({ "intent_id": intent });
    assert_eq!(node.stranger().post("/api/payments/verify", &verify).await.status, 200);
}

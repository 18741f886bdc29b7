//! Starts that are paid with points, with a split, or at a gateway; and what goes back.

use cabinet::Fault;
use chargeghar::config::Secret;
use domain::money::Money;
use domain::points::Points;
use domain::rental::Status;
use futures::future::join_all;
use serde_json::{Value, json};

use super::owing::give_points;
use crate::harness::app::{HOUR, start};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";
const START: &str = "/api/rentals/start";

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_points_first_and_what_points_paid_goes_back_as_points() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0xFD, out: false }));
    let rider = node.rider(100).await;
    give_points(&node, rider, 300).await;

    let answer = node.app(rider).post(START, &by("wallet_points")).await;

    assert_eq!((answer.status, &answer.data()["status"]), (201, &"CANCELLED".into()));
    let purse = node.node.context.store.purse(rider).await.unwrap();
    assert_eq!((purse.wallet, purse.points), (Money::rupees(100), Points(300)));
    assert_eq!(purse.held, Money::ZERO);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_and_a_split_of_the_riders_own_pay_a_start() {
    let split = json!({
        "station_sn": "CG-1", "package_id": HOUR, "payment_mode": "wallet_points",
        "wallet_amount": "15.00", "points_to_use": 350,
    });
    let ways = [
        (by("wallet_points"), (70, 0), "wallet_points"),
        (by("points"), (0, 0), "points"),
        (split, (85, 150), "wallet_points"),
    ];
    for (body, (rupees, points), mode) in ways {
        let node = TestNode::start().await;
        node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
        let pays_alone = mode == "points";
        let rider = node.rider(if pays_alone { 0 } else { 100 }).await;
        let given = if body["points_to_use"] == 350 || pays_alone { 500 } else { 200 };
        give_points(&node, rider, given).await;

        let answer = node.app(rider).post(START, &body).await;

        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.data()["payment"]["payment_mode"], mode);
        let purse = node.node.context.store.purse(rider).await.unwrap();
        assert_eq!((purse.wallet, purse.points), (Money::rupees(rupees), Points(points)));
        node.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_does_not_add_up_and_points_that_are_missing_are_told() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    give_points(&node, rider, 100).await;
    let app = node.app(rider);

    let mut odd = by("wallet_points");
    odd["wallet_amount"] = json!("45");
    odd["points_to_use"] = json!(100);
    let odd = app.post(START, &odd).await;
    let short = app.post(START, &by("points")).await;

    assert_eq!(odd.refusal(), (400, "split_total_mismatch"));
    assert_eq!((short.status, short.code()), (402, "payment_required"));
    let data = &short.body["data"];
    assert_eq!(
        (&data["points_shortfall"], &data["points_shortfall_amount"]),
        (&400.into(), &"40.00".into())
    );
    assert_eq!((&data["shortfall"], &data["wallet_shortfall"]), (&"40.00".into(), &"0.00".into()));
    let planned = json!({ "wallet_amount": "40.00", "points_used": 100, "points_amount": "10.00" });
    assert_eq!(data["breakdown"], planned, "what is taken once it is paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_raised_to_the_least_that_is_set_for_its_gateway() {
    let node = TestNode::with_settings(|config| {
        let payments = &mut config.payments;
        payments.sandbox = false;
        payments.esewa.secret_key = Secret::new("a key");
        payments.esewa.product_code = "OURS".to_owned();
        (payments.esewa.min_npr, payments.esewa.max_npr) = (70, 400);
    })
    .await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let app = node.app(node.rider(10).await);
    let top_up = async |amount: &str| {
        let wish = json!({ "amount": amount, "payment_method_id": "esewa" });
        app.post("/api/payments/wallet/topup-intent", &wish).await
    };

    let methods = app.get("/api/payments/methods").await;
    let short = app.post(START, &by("wallet")).await;
    let (low, high) = (top_up("69.99").await, top_up("400.01").await);

    let method = &methods.data()["payment_methods"][0];
    assert_eq!((&method["gateway"], &method["min_amount"]), (&"esewa".into(), &"70.00".into()));
    assert_eq!(method["max_amount"], "400.00");
    assert_eq!((short.status, &short.body["data"]["shortfall"]), (402, &"40.00".into()));
    let asked = node.database.text("select amount from payment_intents where errand is not null");
    assert_eq!(asked.await, "70.00");
    assert_eq!(low.refusal(), (400, "amount_too_low"));
    assert_eq!(high.refusal(), (400, "amount_too_high"));
    assert!(top_up("400").await.status < 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_for_money_at_a_cabinet_that_was_never_heard() {
    let node = TestNode::start().await;
    node.enrol(CABINET, "CG-1", 8).await;
    let app = node.app(node.rider(10).await);
    let before = node.database.number("select count(*) from payment_intents").await;

    for mode in ["wallet", "points", "direct"] {
        let answer = app.post(START, &by(mode)).await;
        assert_eq!(answer.refusal(), (503, "station_offline"), "{mode}: {answer:?}");
    }

    assert_eq!(node.database.number("select count(*) from payment_intents").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_payment_starts_one_rental_however_often_it_is_verified() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let app = node.app(node.rider(10).await);

    let short = app.post_keyed(START, "direct-1", &by("direct")).await;
    assert_eq!((short.status, &short.body["data"]["amount"]), (402, &"50.00".into()));
    let id = &short.body["data"]["intent_id"];
    app.post("/api/sandbox/pay", &json!({ "intent_id": id, "outcome": "paid" })).await;
    let answers = join_all((0..10).map(|_| {
        let (app, body) = (app.clone(), json!({ "intent_id": id }));
        async move { app.post("/api/payments/verify", &body).await }
    }))
    .await;

    for answer in &answers {
        let data = answer.data();
        assert_eq!(data["rental_start_status"], "SUCCESS", "{data}");
        assert_eq!(data["rental_id"], answers[0].data()["rental_id"]);
    }
    let replay = app.post_keyed(START, "direct-1", &by("direct")).await;
    assert!(replay.is_replay(), "{replay:?}");
    assert_eq!(replay.data()["rental_id"], answers[0].data()["rental_id"]);
    let rental = replay.data()["rental_id"].as_str().unwrap().parse().unwrap();
    node.until_status(rental, Status::Active).await;
    assert_eq!(node.database.number("select count(*) from rentals").await, 1);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_came_too_late_starts_nothing_and_stays_in_the_wallet() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(10).await;
    let app = node.app(rider);
    let short = app.post(START, &by("direct")).await;
    let id = &short.body["data"]["intent_id"];

    node.clock.advance(std::time::Duration::from_mins(40));
    app.post("/api/sandbox/pay", &json!({ "intent_id": id, "outcome": "paid" })).await;
    let verified = app.post("/api/payments/verify", &json!({ "intent_id": id })).await;

    assert_eq!(verified.data()["rental_start_status"], "FAILED");
    assert!(verified.data()["error"].as_str().unwrap().contains("too late"), "{verified:?}");
    assert_eq!(node.wallet(rider).await, Money::rupees(60));
    assert_eq!(node.database.number("select count(*) from rentals").await, 0);
}

fn by(mode: &str) -> Value {
    Value::Object(
        start("CG-1")
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain([("payment_mode".to_owned(), json!(mode))])
            .collect(),
    )
}

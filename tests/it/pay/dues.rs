//! Riders pay what they owe: whole, once, and in the unit they choose.

use chargeghar::actors::rentals::Error;
use chargeghar::store::fact::{AuditEntry, KeyWrite};
use domain::money::Money;
use domain::points::Points;
use domain::rental::{Event, Refusal, replay};
use futures::future::join_all;
use serde_json::{Value, json};

use super::owing::{Debtor, OWED};
use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn dues_are_paid_from_the_wallet_with_points_or_with_both() {
    let ways = [
        (json!({ "payment_mode": "wallet" }), ("100.00", 0, "0.00"), (20, 300)),
        (json!({ "payment_mode": "points" }), ("0.00", 1000, "100.00"), (120, 200)),
        (json!({}), ("70.00", 300, "30.00"), (50, 0)),
        (
            json!({ "payment_mode": "wallet_points", "wallet_amount": "90", "points_to_use": 100 }),
            ("90.00", 100, "10.00"),
            (30, 200),
        ),
    ];
    for (body, (wallet, used, worth), left) in ways {
        let node = TestNode::start().await;
        let points = if body["payment_mode"] == "points" { 1200 } else { 300 };
        let debtor = Debtor::with(&node, 120, points).await;
        let app = node.app(debtor.rider);

        let paid = app.post(&debtor.path(), &body).await;

        let data = paid.data();
        assert_eq!((&data["amount_paid"], &data["payment_status"]), (&OWED.into(), &"PAID".into()));
        assert_eq!(data["account_unblocked"], true);
        assert!(data["transaction_id"].as_str().unwrap().starts_with("TXN"), "{data}");
        let parts = json!({
            "wallet_amount": wallet, "points_used": used, "points_amount": worth
        });
        assert_eq!(data["breakdown"], parts);
        let purse = node.node.context.store.purse(debtor.rider).await.unwrap();
        let expected = (Money::rupees(left.0), Points(left.1));
        assert_eq!((purse.wallet, purse.points, purse.owed), (expected.0, expected.1, Money::ZERO));
        let again = app.post(&debtor.path(), &body).await;
        assert_eq!(again.refusal(), (400, "dues_already_paid"));
        let seen = app.get("/api/payments/transactions?transaction_type=RENTAL_DUE").await;
        let seen = seen.data()["transactions"].as_array().unwrap().clone();
        let amounts: Vec<_> = seen.iter().map(|row| row["amount"].as_str().unwrap()).collect();
        let parts: Vec<_> =
            [wallet, worth].into_iter().filter(|amount| *amount != "0.00").collect();
        assert_eq!(amounts, parts, "each part is seen, the newest first");
        node.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_moves_nothing() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 120, 300).await;
    let (app, stranger) = (node.app(debtor.rider), node.app(node.rider(500).await));
    let refused = async |body: Value| {
        let answer = app.post(&debtor.path(), &body).await;
        (answer.status, answer.code().to_owned())
    };

    let split = json!({ "wallet_amount": "50", "points_to_use": 100 });
    assert_eq!(refused(split).await, (400, "split_total_mismatch".into()));
    assert_eq!(refused(json!({ "amount": "40" })).await, (400, "payment_amount_mismatch".into()));
    let half = json!({ "payment_mode": "wallet", "wallet_amount": "100" });
    assert_eq!(refused(half).await, (400, "validation_error".into()));
    let foreign = stranger.post(&debtor.path(), &json!({})).await;
    assert_eq!(foreign.refusal(), (404, "rental_not_found"));
    let nothing = app.post("/api/rentals/nothing/pay-due", &json!({})).await;
    assert_eq!(nothing.refusal(), (404, "rental_not_found"));
    assert_eq!(node.wallet(debtor.rider).await, Money::rupees(120));
    assert_eq!(node.stored(debtor.rental).await.owed.to_string(), OWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_payments_at_once_of_one_rental_pay_it_once_and_a_key_answers_the_same() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 150, 0).await;
    let app = node.app(debtor.rider);

    let path = debtor.path();
    let body = json!({ "payment_mode": "wallet" });
    let answers = join_all((0..50).map(|number| {
        let (app, path, body) = (app.clone(), path.clone(), body.clone());
        async move { app.post_keyed(&path, &format!("k-{number}"), &body).await }
    }))
    .await;
    let paid: Vec<usize> = (0..50).filter(|number| answers[*number].status == 200).collect();
    let [winner] = paid[..] else { panic!("{paid:?}") };
    let again = app.post_keyed(&path, &format!("k-{winner}"), &body).await;

    assert!(again.is_replay(), "{again:?}");
    assert_eq!(again.data(), answers[winner].data());
    assert_eq!(node.wallet(debtor.rider).await, Money::rupees(50));
    let stored = node.stored(debtor.rental).await;
    let sql = format!(
        "select json_agg(event order by version)::text from rental_events
        where rental_id = '{}'",
        debtor.rental
    );
    let events: Vec<Event> = serde_json::from_str(&node.database.text(&sql).await).unwrap();
    assert_eq!(replay(&events), Some(stored));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dues_that_the_wallet_can_not_pay_are_paid_by_the_service_when_the_top_up_is_in() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 20, 300).await;
    let app = node.app(debtor.rider);
    let path = debtor.path();

    let short = app.post_keyed(&path, "due-1", &json!({})).await;
    assert_eq!((short.status, short.code()), (402, "payment_required"));
    let data = &short.body["data"];
    assert_eq!(
        (&data["shortfall"], &data["payment_mode"]),
        (&"50.00".into(), &"wallet_points".into())
    );
    let intent = json!({ "intent_id": data["intent_id"] });
    let paid = json!({ "intent_id": data["intent_id"], "outcome": "paid" });
    app.post("/api/sandbox/pay", &paid).await;
    let verified = app.post("/api/payments/verify", &intent).await;
    let again = app.post_keyed(&path, "due-1", &json!({})).await;

    let result = verified.data();
    assert_eq!(result["rental_due_status"], "SUCCESS", "{result}");
    assert_eq!(result["rental_id"], debtor.rental.to_string());
    assert!(again.is_replay(), "{again:?}");
    assert_eq!(again.data()["breakdown"]["wallet_amount"], "70.00");
    let purse = node.node.context.store.purse(debtor.rider).await.unwrap();
    assert_eq!((purse.wallet, purse.points, purse.owed), (Money::ZERO, Points(0), Money::ZERO));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dues_that_are_written_off_are_not_owed_any_more_and_once_only() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 20, 0).await;
    let write_off = || {
        let audit = AuditEntry {
            actor: "operator:anna".into(),
            action: "rental.write_off",
            target: debtor.rental.to_string(),
            details: json!({ "reason": "the rider has left the country" }),
        };
        let key = KeyWrite {
            actor: "operator:anna".into(),
            key: "w-1".into(),
            route: "rental.write_off",
            body_hash: [0; 32],
            status: 200,
            resource: Some(debtor.rental.to_string()),
            response: None,
        };
        node.node.rentals.write_off(debtor.rental, audit, Some(key))
    };

    let answers = join_all((0..10).map(|_| write_off())).await;

    let done: Vec<_> = answers.iter().flatten().collect();
    let [after] = done[..] else { panic!("{answers:?}") };
    assert_eq!((after.rental.owed, after.rental.paid), (Money::ZERO, Money::rupees(50)));
    let nothing_owed = Err(Error::Refused(Refusal::NothingOwed));
    assert_eq!(write_off().await.map(drop), nothing_owed);
    let purse = node.node.context.store.purse(debtor.rider).await.unwrap();
    assert_eq!((purse.wallet, purse.owed), (Money::rupees(20), Money::ZERO));
    let lost = "select count(*) from ledger_transfers where kind = 'write_off'";
    let audited = "select count(*) from audit where action = 'rental.write_off'";
    assert_eq!(node.database.number(lost).await, 1);
    assert_eq!(node.database.number(audited).await, 1);
    let known = node.node.context.store.key("operator:anna", "w-1").await.unwrap();
    assert_eq!(known.unwrap().resource, Some(debtor.rental.to_string()));
    let shown = node.app(debtor.rider).get("/api/rentals/history").await;
    let shown = &shown.data()["rentals"][0];
    assert_eq!(
        (&shown["status"], &shown["payment_status"]),
        (&"COMPLETED".into(), &"FAILED".into())
    );
    let stored = node.database.text("select payment_status from rentals").await;
    assert_eq!(stored, "FAILED");
    let paid = node.app(debtor.rider).post(&debtor.path(), &json!({})).await;
    assert_eq!(paid.status, 400, "{paid:?}");
    node.audit().await;
}

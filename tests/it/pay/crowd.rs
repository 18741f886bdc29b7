//! Everything at once with one rider's money: starts, dues, money out and money in.

use domain::money::Money;
use domain::points::Points;
use futures::future::{BoxFuture, FutureExt, join_all};
use serde_json::json;

use super::owing::{Debtor, debts, path};
use crate::harness::app::{HOUR, start};
use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn starts_dues_withdrawals_and_top_ups_at_once_leave_exactly_what_is_left() {
    let node = TestNode::start().await;
    node.cabinet_kept("860000000000017", "CG-1", &["40818041", "40818042", "40818043"]).await;
    let debtor = Debtor::with(&node, 200, 500).await;
    let (app, path) = (node.app(debtor.rider), debtor.path());
    let mut intents = Vec::new();
    for _ in 0..3 {
        let wish = json!({ "amount": "40", "payment_method_id": "sandbox" });
        let made = app.post("/api/payments/wallet/topup-intent", &wish).await;
        let id = made.data()["intent_id"].clone();
        app.post("/api/sandbox/pay", &json!({ "intent_id": id, "outcome": "paid" })).await;
        intents.push(id);
    }

    let mut all: Vec<BoxFuture<'_, (&'static str, u16)>> = Vec::new();
    for number in 0..6 {
        let (mode, points) = [("wallet", 0), ("points", 0), ("wallet_points", 100)][number % 3];
        let mut wish = start("CG-1");
        wish["package_id"] = HOUR.into();
        wish["payment_mode"] = mode.into();
        if points > 0 {
            (wish["wallet_amount"], wish["points_to_use"]) = ("40".into(), points.into());
        }
        let due = json!({ "payment_mode": mode });
        let cash = json!({
            "amount": 100, "withdrawal_method": "bank", "bank_name": "N",
            "account_number": "1", "account_holder_name": "A",
        });
        let top_up = json!({ "intent_id": intents[number % 3] });
        let post = |what: &'static str, path: &str, body| {
            let (app, path) = (app.clone(), path.to_owned());
            async move { (what, app.post(&path, &body).await.status) }.boxed()
        };
        all.push(post("start", "/api/rentals/start", wish));
        all.push(post("due", &path, due));
        all.push(post("cash", "/api/payments/withdrawals/request", cash));
        all.push(post("top_up", "/api/payments/verify", top_up));
    }
    let answers = join_all(all).await;
    let done = |what: &str| {
        let fits = |(name, status): &&(&str, u16)| *name == what && [200, 201].contains(status);
        answers.iter().filter(fits).count()
    };

    assert_eq!(done("top_up"), 6, "{answers:?}");
    assert!(done("due") <= 1 && done("start") <= 1, "{answers:?}");
    assert!(answers.iter().all(|(_, status)| *status < 500), "{answers:?}");
    let purse = node.node.context.store.purse(debtor.rider).await.unwrap();
    let sum = |sql: &str| {
        let sql = sql.replace("$rider", &debtor.rider.to_string());
        let database = &node.database;
        async move { serde_json::from_value::<Money>(database.text(&sql).await.into()).unwrap() }
    };
    // of the first rental the price was paid before
    let paid = "select (sum(paid + held) - 50)::text from rentals where rider_id = $rider";
    let out = "select coalesce(sum(amount), 0.00)::text from withdrawals where rider_id = $rider";
    let points = Money::paisa(i64::from(purse.points.0) * 10).unwrap();
    let there = purse.wallet.plus(points).plus(sum(paid).await).plus(sum(out).await);
    assert_eq!(there, Money::rupees(200 + 50 + 3 * 40), "{answers:?} {purse:?}");
    assert!(purse.points <= Points(500) && purse.wallet >= Money::ZERO);
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_payments_at_once_as_many_win_as_the_wallet_has_money_for() {
    let node = TestNode::start().await;
    let (rider, rentals) = debts(&node, 50).await;
    node.top_up(rider, 760).await;
    let app = node.app(rider);
    let body = json!({ "payment_mode": "wallet" });

    let paying = rentals.iter().map(|rental| {
        let (app, path, body) = (app.clone(), path(*rental), body.clone());
        async move { app.post(&path, &body).await }
    });
    let answers = join_all(paying).await;

    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(402)), (7, 43), "{answers:?}");
    let purse = node.node.context.store.purse(rider).await.unwrap();
    assert_eq!((purse.wallet, purse.owed), (Money::rupees(60), Money::rupees(4_300)));
    for (rental, answer) in rentals.iter().zip(&answers) {
        let owed = node.stored(*rental).await.owed;
        assert_eq!(owed.is_positive(), answer.status == 402, "{answer:?}");
    }
    node.audit().await;
    node.stop().await;
}

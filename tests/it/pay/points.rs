//! Points that money brings along.

use domain::money::Money;
use domain::points::Points;
use serde_json::json;

use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_top_up_earns_points_once_where_it_is_so_set() {
    for (per_hundred, earned) in [(10, 25), (0, 0)] {
        let set = |config: &mut chargeghar::config::Config| {
            config.ledger.topup_points_per_100_npr = per_hundred;
        };
        let node = TestNode::with_settings(set).await;
        let rider = node.rider(0).await;
        let app = node.app(rider);
        let wish = json!({ "amount": "259.99", "payment_method_id": "sandbox" });
        let made = app.post("/api/payments/wallet/topup-intent", &wish).await;
        let id = json!({ "intent_id": made.data()["intent_id"] });
        let paid = json!({ "intent_id": made.data()["intent_id"], "outcome": "paid" });
        app.post("/api/sandbox/pay", &paid).await;

        let (one, two) = tokio::join!(
            app.post("/api/payments/verify", &id),
            app.post("/api/payments/verify", &id)
        );

        assert_eq!((one.status, two.status), (200, 200));
        let purse = node.node.context.store.purse(rider).await.unwrap();
        assert_eq!(purse.points, Points(earned));
        assert_eq!(purse.wallet, Money::paisa(25_999).unwrap());
        node.audit().await;
    }
}

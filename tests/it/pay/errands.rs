//! What payments were made for, gone on with by the service alone: what cannot be done yet stands
//! in nobody's way.

use std::sync::Arc;
use std::time::Duration;

use chargeghar::actors::errands::Errands;
use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{Fact, IntentWrite, NewIntent};
use chrono::TimeDelta;
use domain::ids::{IntentId, PackageId, RiderId, Serial};
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use domain::payment::{Deed, Errand, ErrandState};
use domain::tender::{Means, PaymentMode, Shortfall};

use super::owing::rented;
use crate::harness::app::HOUR;
use crate::harness::node::TestNode;

/// More than one round takes.
const STUCK: usize = 201;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_dues_that_cannot_be_paid_yet_do_not_hold_up_a_start() {
    let node = TestNode::start().await;
    node.cabinet_kept("860000000000017", "CG-1", &["40818048"]).await;
    let means = Means::of(PaymentMode::Wallet);
    let out = rented(&node).await;
    let due = Deed::DuePayment { rental: out.id, means };
    let paying = (0..STUCK).map(|_| paid(&node, out.rider, 1, due.clone()));
    let stuck = futures::future::join_all(paying).await;
    let (store, rentals) = (&node.node.context.store, &node.node.rentals);
    let (clock, woken) = (node.clock.clone(), Arc::default());
    let errands = Errands::new(store.clone(), clock, rentals.clone(), woken, Duration::ZERO);

    errands.sweep_once().await;
    node.clock.advance(Duration::from_secs(1));
    let (rider, package) = (node.rider(0).await, PackageId(HOUR.parse().unwrap()));
    let station = Serial::parse("CG-1").unwrap();
    let start = Deed::RentalStart { station, package, bank: None, means };
    let start = paid(&node, rider, 50, start).await;
    errands.sweep_once().await;

    assert_eq!(store.errand(start).await.unwrap().unwrap().state, ErrandState::Success);
    for id in stuck {
        let stuck = store.errand(id).await.unwrap().unwrap();
        assert_eq!(stuck.state, ErrandState::Pending, "it is tried again: {:?}", stuck.error);
    }
    node.database.audit().await;
}

/// A payment that is settled, and nobody has come to ask what became of it.
async fn paid(node: &TestNode, rider: RiderId, rupees: i64, deed: Deed) -> IntentId {
    let (id, gateway) = (IntentId(Entropy::system().uuid()), Gateway::Sandbox);
    let (amount, now) = (Money::rupees(rupees), node.clock.now());
    let mut asked = Fact::at(now);
    asked.intent = Some(IntentWrite::Create(NewIntent {
        id,
        rider,
        gateway,
        amount,
        gateway_ref: id.to_string(),
        redirect: serde_json::json!({}),
        expires_at: now + TimeDelta::minutes(30),
        next_check_at: None,
        errand: Some(Box::new(Errand { deed, key: None, short: Shortfall::default() })),
    }));
    let mut settled = Fact::at(now);
    settled.movements = vec![Movement::TopUp { rider, intent: id, gateway, amount }];
    settled.intent =
        Some(IntentWrite::Settle { intent: id, gateway, gateway_txn_id: id.to_string() });
    for fact in [asked, settled] {
        node.node.context.store.commit(fact).await.unwrap();
    }
    id
}

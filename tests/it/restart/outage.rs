//! The database goes away under load and comes back: nothing is believed that is not stored,
//! and nothing that cabinets said meanwhile is lost.

use std::time::Duration;

use cabinet::{Cabinet, FrameKind};
use chargeghar::actors::rentals::StartError;
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{Rental, Status};

use crate::harness::node::{SOON, TestNode};

const RIDERS: usize = 8;
/// Bursts of starts while the database is away: each waits for a connection in vain.
const BURSTS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_starts_are_refused_and_returns_are_settled_after_it() {
    let (node, proxy) = TestNode::behind_proxy().await;
    let first = node.cabinet("860000000000017", "CG-1", &["40818048", "40818049"]).await;
    let second = node.cabinet("860000000000025", "CG-2", &["40818060"]).await;
    let third = node.cabinet("860000000000033", "CG-3", &["40818070", "40818071"]).await;
    let (one, out_first) = on_the_way(&node, &first, "CG-1").await;
    let (other, out_second) = on_the_way(&node, &third, "CG-3").await;
    let mut crowd = Vec::new();
    for _ in 0..RIDERS {
        crowd.push(node.rider(100).await);
    }
    let early = [node.rider(100).await, node.rider(100).await];

    let under_way =
        async { tokio::join!(node.rent(early[0], "CG-1"), node.rent(early[1], "CG-3")) };
    let outage = async {
        node.until("a start is under way", || node.node.rentals.may_start(early[0]).err()).await;
        proxy.cut();
        for (_, bank) in [&out_first, &out_second] {
            second.insert(bank.clone(), None).unwrap();
        }
        let reported =
            |state: &cabinet::Snapshot| (state.counts.sent(FrameKind::Return) == 2).then_some(());
        second.wait_for("both returns", SOON, reported).await.unwrap();
        refuses_everybody(&node, &crowd).await;
        until_lease(&node, false).await;
        let completed = "select count(*) from rentals where status = 'COMPLETED'";
        assert_eq!(node.database.number(completed).await, 0, "nothing can be stored");
        proxy.restore();
    };
    let both = Box::pin(async { tokio::join!(under_way, outage) });
    let (started, ()) = node.while_time_passes(both).await;

    node.while_time_passes(settled(&node, [&out_first.0, &out_second.0])).await;
    for answer in [started.0, started.1] {
        assert!(matches!(answer, Ok(_) | Err(StartError::Unavailable)), "{answer:?}");
    }
    for rider in [one, other] {
        assert_eq!(node.wallet(rider).await, Money::rupees(50), "an hour, and not late");
    }
    node.audit().await;
    nobody_is_lost(&node, &crowd).await;
}

/// A rental whose bank the rider has carried away ten minutes ago.
async fn on_the_way(
    node: &TestNode,
    cabinet: &Cabinet,
    serial: &str,
) -> (RiderId, (Rental, cabinet::Bank)) {
    let rider = node.rider(100).await;
    let rental = node.rent(rider, serial).await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    let bank = cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(5));
    node.settle(5).await;
    (rider, (rental, bank))
}

async fn refuses_everybody(node: &TestNode, crowd: &[RiderId]) {
    for _ in 0..BURSTS {
        let starts = crowd.iter().map(|rider| node.rent(*rider, "CG-2"));
        for answer in futures::future::join_all(starts).await {
            assert_eq!(answer, Err(StartError::Unavailable));
        }
    }
}

/// The two returns are stored, and no start is left undecided.
async fn settled(node: &TestNode, returned: [&Rental; 2]) {
    for rental in returned {
        let status = format!("select status from rentals where id = '{}'", rental.id);
        node.database.until(&status, "COMPLETED", SOON).await;
    }
    let undecided = "select count(*) from rentals where status = 'PENDING_POPUP'";
    node.database.until(undecided, "0", SOON).await;
}

/// The node may eject, or not: an outage that outlasts the lease takes it away, for a while.
async fn until_lease(node: &TestNode, held: bool) {
    let lease = &node.node.context.lease;
    node.until("the lease", || (lease.is_held() == held).then_some(())).await;
}

/// Every cabinet's actor answers, and riders who were refused get their banks now.
async fn nobody_is_lost(node: &TestNode, crowd: &[RiderId]) {
    for serial in ["CG-1", "CG-2", "CG-3"] {
        let described = node.node.stations.describe(node.view(serial).info.id).await;
        assert!(described.is_some_and(|station| station.reachable), "{serial}");
    }
    until_lease(node, true).await;
    node.until_banks("CG-2", 3).await;
    for rider in &crowd[..3] {
        node.clock.advance(Duration::from_secs(6));
        let rental = node.rent(*rider, "CG-2").await.unwrap();
        assert_eq!(rental.status(), Status::Active);
    }
    node.audit().await;
}

//! A rider rents a bank at one cabinet and returns it at another.

use domain::money::Money;
use domain::rental::Status;

use crate::harness::node::{SOON, TestNode};

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_rents_at_one_cabinet_and_returns_at_another() {
    let node = TestNode::start().await;
    let first = node.cabinet("860000000000017", "CG-1", &["40818048", "40818049"]).await;
    let second = node.cabinet("860000000000025", "CG-2", &["40818050"]).await;
    let rider = node.rider(500).await;

    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    assert_eq!(node.wallet(rider).await, Money::rupees(450));
    let bank = first.take(&rental.bank).unwrap();

    node.clock.advance(std::time::Duration::from_secs(30 * 60));
    second.insert(bank, None).unwrap();
    let rental = node.until_status(rental.id, Status::Completed).await;

    assert_eq!(rental.owed, Money::ZERO);
    assert_eq!(node.wallet(rider).await, Money::rupees(450));
    node.audit().await;
    let _ = SOON;
    node.stop().await;
}

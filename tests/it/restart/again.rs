//! The service ends in order and starts again, while riders have banks and cabinets go on.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind, Timing};
use chargeghar::actors::rentals::StartError;
use domain::money::Money;
use domain::rental::Status;

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::TestNode;

on_the_embedded_broker! {
    an_open_rental_is_closed_by_its_return_after_a_restart,
    a_bank_returned_while_no_service_ran_is_found_by_the_next_one,
    a_start_that_waits_for_the_first_report_gets_a_bank_that_it_shows,
}

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

pub async fn an_open_rental_is_closed_by_its_return_after_a_restart(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = beating(&node).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));

    let node = node.again().await;
    node.until_heard("CG-1").await;
    assert_eq!(node.stored(rental.id).await.status(), Status::Active);
    cabinet.insert(bank, None).unwrap();
    node.until_status(rental.id, Status::Completed).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50));
    assert_eq!(cabinet.counts().command("popup_sn"), 1);
    node.audit().await;
}

pub async fn a_bank_returned_while_no_service_ran_is_found_by_the_next_one(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = beating(&node).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    let clock = node.clock.clone();
    clock.advance(Duration::from_mins(10));

    let node = node.again_after(async |_| {
        cabinet.insert(bank, None).unwrap();
        clock.advance(Duration::from_hours(2));
    });
    let node = node.await;
    node.until_status(rental.id, Status::Completed).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50), "two hours of ours are not billed");
    node.audit().await;
}

pub async fn a_start_that_waits_for_the_first_report_gets_a_bank_that_it_shows(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = beating(&node).await;
    let rider = node.rider(100).await;
    let late = Fault::Delay { frame: FrameKind::Report, by_ms: 1_000 };
    cabinet.faults(|faults| faults.always(late));

    let node = node.again().await;
    let rental = node
        .until_async("the cabinet is back", async || match node.rent(rider, "CG-1").await {
            Ok(rental) => Some(rental),
            Err(StartError::StationOffline) => None,
            Err(error) => panic!("{error}"),
        })
        .await;

    assert_eq!(rental.status(), Status::Active);
    node.audit().await;
}

/// A cabinet whose heartbeats tell a new service that it is there.
async fn beating(node: &TestNode) -> Cabinet {
    let timing = Timing::quick().heartbeats_every(Duration::from_millis(100));
    node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.timing(timing)).await
}

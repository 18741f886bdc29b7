//! An eject ends out, not out, or unknown; and unknown never bills.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind};
use chargeghar::actors::rentals::StartError;
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{CancelReason, Phase, Rental, Status};

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::TestNode;

pub mod late;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

on_the_embedded_broker! {
    a_lost_answer_is_found_out_by_a_whole_report,
    an_ignored_command_is_found_in_by_two_sightings,
    a_cabinet_that_is_never_heard_again_frees_the_rider_after_twenty_five_minutes,
    a_cabinet_that_goes_dark_during_the_eject_settles_it_when_it_is_back,
    a_cabinet_that_is_back_is_asked_until_one_of_its_reports_gets_through,
    an_eject_that_is_unknown_is_asked_about_every_minute,
    a_partial_report_proves_presence_and_never_absence,
    a_cabinet_whose_last_eject_is_unknown_gives_out_no_other_bank,
}

pub async fn a_lost_answer_is_found_out_by_a_whole_report(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    lose_answer(&cabinet);

    let rental = start_and_wait(&node, rider).await;
    node.clock.advance(Duration::from_secs(10));
    let rental = node.until_status(rental.id, Status::Active).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50));
    assert!(rental.since().is_some());
    assert_eq!(cabinet.counts().command("popup_sn"), 1, "never sent twice");
    node.audit().await;
}

pub async fn an_ignored_command_is_found_in_by_two_sightings(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.faults(|faults| faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) }));

    let rental = start_and_wait(&node, rider).await;
    for _ in 0..8 {
        node.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
        node.settle(20).await;
    }
    let rental = node.until_status(rental.id, Status::Cancelled).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    assert_eq!(reason(&rental), "popup_failed");
    assert_eq!(cabinet.counts().command("popup_sn"), 1);
    node.until_banks("CG-1", 1).await;
    node.audit().await;
}

pub async fn a_cabinet_that_is_never_heard_again_frees_the_rider_after_twenty_five_minutes(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.script(cut_during_eject());

    let rental = start_and_wait(&node, rider).await;
    node.clock.advance(Duration::from_mins(1));
    node.settle(20).await;
    assert_eq!(node.stored(rental.id).await.status(), Status::PendingPopup);
    node.clock.advance(Duration::from_mins(25));
    let rental = node.until_status(rental.id, Status::Cancelled).await;

    assert!(matches!(rental.phase, Phase::Cancelled { reason: CancelReason::Unresolved, .. }));
    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    assert_eq!(custody(&node).await, "missing");
    let incidents = "select count(*) from incidents where kind = 'eject_unresolved'";
    assert_eq!(node.database.number(incidents).await, 1);
    node.audit().await;
}

pub async fn a_cabinet_that_goes_dark_during_the_eject_settles_it_when_it_is_back(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.script(cut_during_eject());

    let rental = start_and_wait(&node, rider).await;
    node.clock.advance(Duration::from_mins(5));
    node.settle(20).await;
    assert_eq!(node.stored(rental.id).await.status(), Status::PendingPopup);
    cabinet.restore();
    let rental = node.until_status(rental.id, Status::Active).await;

    let waited = rental.since().unwrap() - rental.created_at;
    assert!(waited.num_minutes() >= 5, "billed from the proof on: {waited}");
    node.audit().await;
}

pub async fn a_cabinet_that_is_back_is_asked_until_one_of_its_reports_gets_through(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.script(cut_during_eject());
    let rental = start_and_wait(&node, rider).await;
    for _ in 0..6 {
        node.clock.advance(Duration::from_secs(10));
        node.settle(5).await;
    }
    cabinet.faults(|faults| {
        faults.always(Fault::Lose { frame: FrameKind::HttpReport });
        faults.next(2, Fault::Lose { frame: FrameKind::Report });
    });
    let asked = cabinet.counts().command("check_all");

    cabinet.restore();
    for lost in 1..=2 {
        let what = "a report is asked for";
        node.until(what, || (cabinet.counts().command("check_all") >= asked + lost).then_some(()))
            .await;
        node.settle(5).await;
        assert_eq!(node.stored(rental.id).await.status(), Status::PendingPopup);
        node.clock.advance(Duration::from_secs(10));
    }

    node.until_status(rental.id, Status::Active).await;
    assert_eq!(cabinet.counts().command("popup_sn"), 1, "never sent twice");
    node.audit().await;
}

pub async fn an_eject_that_is_unknown_is_asked_about_every_minute(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    lose_answer(&cabinet);
    cabinet.faults(|faults| {
        faults.always(Fault::Lose { frame: FrameKind::HttpReport });
        faults.next(4, Fault::Lose { frame: FrameKind::Report });
    });
    let asked = cabinet.counts().command("check_all");

    let rental = start_and_wait(&node, rider).await;
    for lost in 1..=4 {
        let what = "it is asked about";
        node.until(what, || (cabinet.counts().command("check_all") >= asked + lost).then_some(()))
            .await;
        node.settle(5).await;
        assert_eq!(node.stored(rental.id).await.status(), Status::PendingPopup);
        node.clock.advance(Duration::from_secs(if lost < 3 { 10 } else { 60 }));
    }

    node.until_status(rental.id, Status::Active).await;
    assert_eq!(cabinet.counts().command("popup_sn"), 1, "never sent twice");
    node.audit().await;
}

pub async fn a_partial_report_proves_presence_and_never_absence(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.faults(|faults| {
        faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) });
        faults.always(Fault::Partial { boards_missing: 1, rows_missing: 0 });
    });

    let stayed = start_and_wait(&node, rider).await;
    for _ in 0..8 {
        node.clock.advance(Duration::from_secs(5));
        node.settle(20).await;
    }
    let stayed = node.until_status(stayed.id, Status::Cancelled).await;
    assert_eq!((reason(&stayed), custody(&node).await.as_str()), ("popup_failed", "slot"));
    assert_eq!(node.wallet(rider).await, Money::rupees(100));

    lose_answer(&cabinet);
    node.until_banks("CG-1", 1).await;
    let left = start_and_wait(&node, rider).await;
    for _ in 0..3 {
        node.clock.advance(Duration::from_secs(10));
        node.settle(20).await;
    }
    assert_eq!(node.stored(left.id).await.status(), Status::PendingPopup);
    node.audit().await;
}

pub async fn a_cabinet_whose_last_eject_is_unknown_gives_out_no_other_bank(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    cabinet.script(cut_during_eject());
    start_and_wait(&node, one).await;

    let answer = node.rent(two, "CG-1").await;

    let refused = matches!(answer, Err(StartError::StationOffline | StartError::SlotBusy { .. }));
    assert!(refused, "{answer:?}");
    node.audit().await;
}

/// Starts a rental whose answer does not come: waits until its eject was carried out, lets the
/// patience of the start run out, and the wait for the answer after it.
async fn start_and_wait(node: &TestNode, rider: RiderId) -> Rental {
    let start = node.rent(rider, "CG-1");
    let advance = async {
        let id = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        node.settle(20).await;
        node.clock.advance(Duration::from_secs(8));
        id
    };
    let (started, _) = tokio::join!(start, advance);
    let rental = started.unwrap();
    assert_eq!(rental.status(), Status::PendingPopup);
    node.clock.advance(Duration::from_secs(7));
    node.settle(20).await;
    rental
}

fn lose_answer(cabinet: &Cabinet) {
    cabinet.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::EjectReply }));
}

fn cut_during_eject() -> cabinet::Script {
    cabinet::Script::parse("[[step]]\non = \"popup_sn\"\nafter_ms = 5\ncut = \"both\"\n").unwrap()
}

async fn custody(node: &TestNode) -> String {
    node.database.text(&format!("select custody from banks where sn = '{BANK}'")).await
}

fn reason(rental: &Rental) -> &'static str {
    let Phase::Cancelled { reason, .. } = &rental.phase else { panic!("{rental:?}") };
    reason.as_str()
}

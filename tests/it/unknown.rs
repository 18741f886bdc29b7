//! An eject ends out, not out, or unknown; and unknown never bills.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind};
use chargeghar::actors::rentals::StartError;
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{CancelReason, Phase, Rental, Status};

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

on_the_embedded_broker! {
    a_lost_answer_is_found_out_by_a_whole_report,
    an_ignored_command_is_found_in_by_two_sightings,
    a_cabinet_that_is_never_heard_again_frees_the_rider_after_twenty_five_minutes,
    a_cabinet_that_goes_dark_during_the_eject_settles_it_when_it_is_back,
    a_late_success_reopens_the_rental_that_was_given_up,
    a_late_success_while_the_rider_has_another_rental_bills_nobody,
    a_late_success_of_a_bank_that_was_seen_in_its_slot_bills_nobody,
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

pub async fn a_late_success_reopens_the_rental_that_was_given_up(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = given_up(&node, &cabinet, rider).await;

    late_answer(&cabinet);
    let rental = node.until_status(rental.id, Status::Active).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50));
    assert_eq!(custody(&node).await, "rental");
    assert_eq!(rental.owed, Money::ZERO);
    node.audit().await;
}

pub async fn a_late_success_while_the_rider_has_another_rental_bills_nobody(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    node.cabinet_kept("860000000000025", "CG-2", &["40818060"]).await;
    let rider = node.rider(200).await;
    let first = given_up(&node, &cabinet, rider).await;
    let second = node.rent(rider, "CG-2").await.unwrap();

    late_answer(&cabinet);
    let incidents = "select count(*) from incidents where kind = 'bank_out_unassigned'";
    node.until_async("an incident is open", async || {
        (node.database.number(incidents).await == 1).then_some(())
    })
    .await;

    assert_eq!(node.stored(first.id).await.status(), Status::Cancelled);
    assert_eq!(node.stored(second.id).await.status(), Status::Active);
    assert_eq!(node.wallet(rider).await, Money::rupees(150));
    node.audit().await;
}

pub async fn a_late_success_of_a_bank_that_was_seen_in_its_slot_bills_nobody(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let (ignored, refused) = (node.rider(100).await, node.rider(100).await);
    let first = found_in(&node, &cabinet, ignored).await;

    late_answer(&cabinet);
    until_unassigned(&node, 1).await;
    late_answer(&cabinet);
    node.settle(20).await;
    assert_unbilled(&node, &first).await;

    // an answer that refused, and a report that showed why
    node.clock.advance(Duration::from_secs(10));
    let second = given_up(&node, &cabinet, refused).await;
    node.clock.advance(Duration::from_secs(10));
    let id = node.view("CG-1").info.id;
    assert_eq!(node.node.stations.check(id).await, Some(true));
    late_answer(&cabinet);
    until_unassigned(&node, 2).await;
    assert_unbilled(&node, &second).await;
    let about = "select count(distinct rental_id) from incidents";
    assert_eq!(node.database.number(about).await, 2, "one for each rental, told twice or not");
    node.audit().await;
}

pub async fn a_partial_report_proves_presence_and_never_absence(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    lose_answer(&cabinet);
    cabinet.faults(|faults| {
        faults.always(Fault::Partial { boards_missing: 1, rows_missing: 0 });
    });

    let rental = start_and_wait(&node, rider).await;
    for _ in 0..3 {
        node.clock.advance(Duration::from_secs(10));
        node.settle(20).await;
    }

    assert_eq!(node.stored(rental.id).await.status(), Status::PendingPopup);
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

async fn given_up(node: &TestNode, cabinet: &Cabinet, rider: RiderId) -> Rental {
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0x12, out: false }));
    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Cancelled);
    rental
}

/// The command is ignored, and two reports show the bank in its slot.
async fn found_in(node: &TestNode, cabinet: &Cabinet, rider: RiderId) -> Rental {
    cabinet.faults(|faults| faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) }));
    let rental = start_and_wait(node, rider).await;
    for _ in 0..8 {
        node.clock.advance(Duration::from_secs(5));
        node.settle(20).await;
    }
    node.until_status(rental.id, Status::Cancelled).await
}

async fn until_unassigned(node: &TestNode, count: i64) {
    let incidents = "select count(*) from incidents where kind = 'bank_out_unassigned'";
    node.until_async("an incident is open", async || {
        (node.database.number(incidents).await == count).then_some(())
    })
    .await;
}

/// Cancelled, nothing paid, and the bank is where it was seen.
async fn assert_unbilled(node: &TestNode, rental: &Rental) {
    assert_eq!(node.stored(rental.id).await.status(), Status::Cancelled);
    assert_eq!(node.wallet(rental.rider).await, Money::rupees(100));
    assert_eq!(custody(node).await, "slot");
}

/// The cabinet says after all that it ejected.
fn late_answer(cabinet: &Cabinet) {
    let sn = BANK.parse().unwrap();
    let frame = devices::a8::build::eject_reply(1, sn, 0x01, 0x02);
    cabinet.send_raw(cabinet.topic("update"), frame);
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

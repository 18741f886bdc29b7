//! A cabinet says after all that it ejected, when the rental was given up already; or it says
//! so of an eject before this one.

use std::time::Duration;

use cabinet::{Cabinet, Fault};
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{Rental, Status};

use super::{BANK, CABINET, custody, reason, start_and_wait};
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::handed::Heard;
use crate::harness::node::TestNode;

on_the_embedded_broker! {
    a_late_success_reopens_the_rental_that_was_given_up,
    a_late_success_reopens_a_rental_over_a_restart,
    a_late_success_while_the_rider_has_another_rental_bills_nobody,
    a_late_success_of_a_bank_that_was_seen_in_its_slot_bills_nobody,
    a_bank_that_was_seen_in_its_slot_stays_seen_over_a_restart,
    an_old_success_ends_no_eject_but_asks_for_a_look,
}

const UNASSIGNED: &str = "select count(*) from incidents where kind = 'bank_out_unassigned'";

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

pub async fn a_late_success_reopens_a_rental_over_a_restart(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0x12, out: true }));
    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Cancelled);
    cabinet.take(&rental.bank).unwrap();

    let node = node.again().await;
    node.until_async("the rental is open again", async || {
        late_answer(&cabinet); // lost until its session is back
        (node.stored(rental.id).await.status() == Status::Active).then_some(())
    })
    .await;

    node.settle(20).await;
    assert_eq!(node.wallet(rider).await, Money::rupees(50), "paid once, however often it is said");
    assert_eq!(custody(&node).await, "rental");
    assert_eq!(node.database.number(UNASSIGNED).await, 0);
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
    until_unassigned(&node, 1).await;

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

pub async fn a_bank_that_was_seen_in_its_slot_stays_seen_over_a_restart(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = found_in(&node, &cabinet, rider).await;
    // nothing but what is stored can say so
    cabinet.faults(|faults| faults.always(Fault::Ignore { command: None }));

    let node = node.again().await;
    node.until_async("an incident is open", async || {
        late_answer(&cabinet); // lost until its session is back
        (node.database.number(UNASSIGNED).await == 1).then_some(())
    })
    .await;

    assert_unbilled(&node, &rental).await;
    node.audit().await;
}

pub async fn an_old_success_ends_no_eject_but_asks_for_a_look(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    for old in [Heard::at, |at| Heard::kept(at, at + chrono::TimeDelta::hours(1))] {
        let rider = node.rider(100).await;
        let before = node.clock.now();
        ignore_eject(&cabinet);
        let sent = cabinet.counts().command("popup_sn");

        let story = async {
            let id = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
            let is_sent = || (cabinet.counts().command("popup_sn") > sent).then_some(());
            node.until("the eject is sent", is_sent).await;
            node.hand_over(&cabinet, "CG-1", success(), old(before)).await;
            node.settle(5).await;
            assert_eq!(node.stored(id).await.status(), Status::PendingPopup);
            let asked = cabinet.counts().command("check_all");
            // an answer would be waited for three times as long
            node.clock.advance(Duration::from_secs(5));
            let is_asked = || (cabinet.counts().command("check_all") > asked).then_some(());
            node.until("the cabinet is asked", is_asked).await;
            for _ in 0..4 {
                node.clock.advance(Duration::from_secs(5));
                node.settle(20).await;
            }
            node.until_status(id, Status::Cancelled).await
        };
        let (_, rental) = tokio::join!(node.rent(rider, "CG-1"), story);

        assert_eq!(reason(&rental), "popup_failed");
        assert_unbilled(&node, &rental).await;
        assert_eq!(cabinet.counts().command("popup_sn"), sent + 1);
        node.until_banks("CG-1", 1).await;
    }
    assert_eq!(node.database.number(UNASSIGNED).await, 0);
    node.audit().await;
}

async fn given_up(node: &TestNode, cabinet: &Cabinet, rider: RiderId) -> Rental {
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0x12, out: false }));
    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Cancelled);
    rental
}

/// The command is ignored, and two reports show the bank in its slot.
async fn found_in(node: &TestNode, cabinet: &Cabinet, rider: RiderId) -> Rental {
    ignore_eject(cabinet);
    let rental = start_and_wait(node, rider).await;
    for _ in 0..8 {
        node.clock.advance(Duration::from_secs(5));
        node.settle(20).await;
    }
    node.until_status(rental.id, Status::Cancelled).await
}

async fn until_unassigned(node: &TestNode, count: i64) {
    node.until_async("an incident is open", async || {
        (node.database.number(UNASSIGNED).await == count).then_some(())
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
    cabinet.send_raw(cabinet.topic("update"), success());
}

/// Every eject of this bank that went well is answered with these bytes.
fn success() -> Vec<u8> {
    devices::a8::build::eject_reply(1, BANK.parse().unwrap(), 0x01, 0x02)
}

fn ignore_eject(cabinet: &Cabinet) {
    cabinet.faults(|faults| faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) }));
}

//! Signs of a return that anybody can make, that are from before the rental, or that a fault of
//! the slot hides: none of them ends a rental, and none takes another sign's place.

use std::time::Duration;

use cabinet::{Fault, FrameKind};
use devices::a8::build::{self, ReturnForm};
use domain::ids::SlotKey;
use domain::rental::{Phase, Rental, Status};
use domain::returns::Source;

use super::{BANK, CABINET, out};
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::handed::Heard;
use crate::harness::node::TestNode;

on_the_embedded_broker! {
    a_forged_claim_that_nobody_denied_shortens_no_rental,
    a_forged_claim_within_a_minute_that_nobody_denied_frees_no_rental,
    an_insertion_from_before_the_rental_is_none_of_its_business,
    a_bank_shown_in_a_faulted_slot_is_not_denied,
}

const JAMMED: u8 = 0x04;
const EVENTS: &str = "select string_agg(event->>'type', ' ' order by version) from rental_events";

pub async fn a_forged_claim_that_nobody_denied_shortens_no_rental(edges: Edges) {
    let out = out(edges).await;
    out.other.faults(|faults| faults.always(no_answer()));
    let answer = out.other.http_return(&out.rental.bank, 3, Some(50)).await.unwrap();
    assert!(answer.is_ok(), "{answer:?}");
    until_claimed(&out.node, &out.rental).await;

    out.node.clock.advance(Duration::from_mins(80));
    out.node.until_status(out.rental.id, Status::Overdue).await;
    out.other.insert(out.bank.clone(), None).unwrap();

    assert_billed_to_the_insertion(&out.node, &out.rental).await;
}

pub async fn a_forged_claim_within_a_minute_that_nobody_denied_frees_no_rental(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    cabinet.faults(|faults| faults.always(no_answer()));
    node.clock.advance(Duration::from_secs(10));
    let answer = cabinet.http_return(&rental.bank, rental.key.slot, Some(50)).await.unwrap();
    assert!(answer.is_ok(), "{answer:?}");
    until_claimed(&node, &rental).await;

    node.clock.advance(Duration::from_mins(90));
    node.until_status(rental.id, Status::Overdue).await;
    cabinet.insert(bank, None).unwrap();

    assert_billed_to_the_insertion(&node, &rental).await;
}

pub async fn an_insertion_from_before_the_rental_is_none_of_its_business(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(500).await;
    let before = Heard::at(node.clock.now());
    cabinet.faults(|faults| faults.next(1, Fault::SlowEject { by_ms: 1500 }));

    let during = async {
        let id = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        let is_sent = || (cabinet.counts().command("popup_sn") == 1).then_some(());
        node.until("the eject is sent", is_sent).await;
        node.hand_over(&cabinet, "CG-1", insertion(), before).await;
        node.settle(5).await;
        assert_eq!(node.stored(id).await.status(), Status::PendingPopup);
    };
    let (rental, ()) = tokio::join!(node.rent(rider, "CG-1"), during);
    let rental = rental.unwrap();
    assert_eq!(rental.status(), Status::Active);
    node.clock.advance(Duration::from_mins(10));
    node.hand_over(&cabinet, "CG-1", insertion(), before).await;
    node.settle(20).await;

    assert_eq!(node.stored(rental.id).await, rental);
    assert_eq!(node.database.text(EVENTS).await, "started ejected");
    assert_eq!(node.view("CG-1").banks, 0);
    node.audit().await;
}

pub async fn a_bank_shown_in_a_faulted_slot_is_not_denied(edges: Edges) {
    let out = out(edges).await;
    let (node, key) = (&out.node, SlotKey::new(0, 5));
    out.other.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::Return }));
    out.other.bend(key, Some(JAMMED), None);

    out.other.insert(out.bank.clone(), Some(key)).unwrap();
    until_claimed(node, &out.rental).await;
    for _ in 0..3 {
        look(node).await;
    }

    assert_eq!(node.stored(out.rental.id).await.claims.len(), 1);
    assert_eq!(node.database.text(EVENTS).await, "started ejected return_claimed");
    assert_eq!(out.custody().await, "rental");
    out.other.bend(key, None, None);
    look(node).await;
    assert_eq!(out.completed().await, Source::HttpReturn, "its own time counts");
}

/// The other cabinet is asked what it holds, and what it says is heard.
async fn look(node: &TestNode) {
    let id = node.view("CG-2").info.id;
    node.settle(20).await;
    node.clock.advance(Duration::from_secs(2));
    node.until_async("a report", async || {
        (node.node.stations.check(id).await == Some(true)).then_some(())
    })
    .await;
    node.settle(5).await;
}

/// Nobody denies anything.
fn no_answer() -> Fault {
    Fault::Ignore { command: Some("check_all".to_owned()) }
}

async fn until_claimed(node: &TestNode, rental: &Rental) {
    node.until_async("a claim", async || {
        let stored = node.stored(rental.id).await;
        (stored.status() == Status::Active && stored.claims.len() == 1).then_some(())
    })
    .await;
}

/// The rental is half an hour late by then.
async fn assert_billed_to_the_insertion(node: &TestNode, rental: &Rental) {
    let rental = node.until_status(rental.id, Status::Completed).await;
    let Phase::Completed { ended, .. } = rental.phase else { panic!("{rental:?}") };
    assert_eq!((ended.source, ended.at), (Source::Event, ended.learnt_at));
    assert!(ended.late.minutes_late >= 29, "{ended:?}");
    assert_eq!(
        node.database.text(EVENTS).await,
        "started ejected return_claimed fell_overdue returned"
    );
    node.audit().await;
}

/// The bank was put into the first slot.
fn insertion() -> Vec<u8> {
    let form = ReturnForm::Full { bank_version: 0x19, level: 40 };
    build::returned(1, 1, 0x49, BANK.parse().unwrap(), 0x01, form)
}

//! What a cabinet is built of, as the books have it and as it says itself: the report wins, and
//! a person is told once.

use std::collections::BTreeSet;

use cabinet::{FrameKind, Layout};
use chargeghar::actors::station::Msg;
use devices::a8::build::{BoardGroup, BoardRow, SlotRow, report};
use domain::ids::{SlotKey, StationId};
use domain::rental::Status;
use ractor::ActorId;

use crate::harness::handed::Heard;
use crate::harness::node::{SOON, TestNode, wish};

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";
/// In the last slot.
const LAST: &str = "40818099";
const INCIDENTS: &str = "select count(*) from incidents where kind = 'layout_changed'";
const SLOTS: &str = "select count(*) from slots";

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_with_more_slots_than_were_enrolled_gets_them_and_one_incident() {
    let node = TestNode::start().await;
    let twelve = Layout::marker(&[4, 4, 4]).with_phantoms(2);
    let cabinet = node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.layout(twelve)).await;
    node.database.until(SLOTS, "12", SOON).await;
    let key = cabinet.insert(LAST, Some(SlotKey::new(0, 12))).unwrap();
    node.until_banks("CG-1", 2).await;
    let rider = node.rider(100).await;

    let wished =
        chargeghar::actors::rentals::Start { bank: Some(LAST.into()), ..wish(rider, "CG-1") };
    let rental = node.node.rentals.start(wished).await.unwrap();

    assert_eq!((rental.status(), rental.key), (Status::Active, key));
    let id = node.view("CG-1").info.id;
    for _ in 0..3 {
        node.clock.advance(std::time::Duration::from_secs(10));
        assert_eq!(node.node.stations.check(id).await, Some(true));
    }
    assert_eq!(node.view("CG-1").slots.len(), 12);
    assert_eq!(node.database.number(INCIDENTS).await, 1, "told once");
    let told = "select evidence->>'removed' from incidents where kind = 'layout_changed'";
    assert_eq!(node.database.text(told).await, "[]");
    node.audit().await;

    let node = node.again().await;
    node.until_heard("CG-1").await;
    assert_eq!(node.view("CG-1").slots.len(), 12);
    assert_eq!(node.database.number(SLOTS).await, 12);
    assert_eq!(node.database.number(INCIDENTS).await, 1, "still once");
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_that_are_not_fitted_are_no_slots_and_no_incident() {
    let node = TestNode::start().await;
    let layout = Layout::marker(&[4, 4]).with_phantoms(3);
    let cabinet = node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.layout(layout)).await;
    let id = node.view("CG-1").info.id;

    assert_eq!(node.node.stations.check(id).await, Some(true));
    node.settle(20).await;
    assert!(cabinet.counts().sent(FrameKind::Report) > 0);

    assert_eq!(node.view("CG-1").slots.len(), 8);
    assert_eq!(node.database.number(SLOTS).await, 8);
    assert_eq!(node.database.number(INCIDENTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_come_while_the_row_is_being_written_are_written_next() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let (key, _) = node.node.context.banks.at(id).into_iter().next().unwrap();
    let mut slow = node.database.connect().await;
    sqlx::raw_sql("begin; select 1 from stations for update").execute(&mut slow).await.unwrap();

    let closing = node.node.stations.maintain(id, true, "test".into());
    let meanwhile = async {
        node.until("it is closed", || node.view("CG-1").maintenance.then_some(())).await;
        let heard = Heard::at(node.clock.now());
        node.hand_over(&cabinet, "CG-1", twelve_slots(key), heard).await;
        node.settle(2).await;
        drop(slow);
    };
    let (closed, ()) = tokio::join!(closing, meanwhile);

    assert_eq!(closed, Some(true));
    assert_eq!(node.view("CG-1").slots.len(), 12);
    node.database.until(SLOTS, "12", SOON).await;
    assert_eq!(node.database.number(INCIDENTS).await, 1, "a person is told");
    assert!(node.view("CG-1").maintenance);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_whose_row_was_not_written_are_stopped_and_come_again_with_the_next_report() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let (key, _) = node.node.context.banks.at(id).into_iter().next().unwrap();
    let before = actors_of_slots(&node, id);
    assert_eq!(before.len(), 8);
    node.database.run("update stations set version = version + 1").await; // so it is not written

    let report = async || {
        let heard = Heard::at(node.clock.now());
        node.hand_over(&cabinet, "CG-1", twelve_slots(key), heard).await;
        node.settle(5).await;
    };
    let actors = async |count: usize| {
        let living = || Some(actors_of_slots(&node, id)).filter(|living| living.len() == count);
        node.until(&format!("{count} actors of slots"), living).await
    };

    report().await;
    assert_eq!(actors(8).await, before, "those of no row are stopped");
    assert_eq!(node.database.number(SLOTS).await, 8);
    report().await;

    node.database.until(SLOTS, "12", SOON).await;
    assert!(actors(12).await.is_superset(&before), "each slot has one");
    assert_eq!(node.view("CG-1").slots.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_lives_again_is_not_raised_a_second_time_by_its_timer() {
    let node = TestNode::start().await;
    let _cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let before = actors_of_slots(&node, id);

    for key in node.view("CG-1").slots.iter().map(|slot| slot.key) {
        assert!(node.node.context.stations.tell(id, Msg::SlotAgain(key)));
    }
    node.settle(5).await;

    assert_eq!(before.len(), 8);
    assert_eq!(actors_of_slots(&node, id), before);
}

fn actors_of_slots(node: &TestNode, id: StationId) -> BTreeSet<ActorId> {
    let station = node.node.context.stations.door(id).unwrap();
    station.actor().get_children().iter().map(ractor::ActorCell::get_id).collect()
}

/// A report of three boards; the bank is in this slot.
fn twelve_slots(bank: SlotKey) -> Vec<u8> {
    let row = |slot: u8| {
        let holds = u16::from(slot) == bank.slot;
        if holds {
            SlotRow::with_bank(slot, BANK.parse().unwrap(), 90)
        } else {
            SlotRow::empty(slot)
        }
    };
    let board = |address: u8| {
        let slots = (address * 4 - 3..=address * 4).map(row).collect();
        BoardGroup { board: BoardRow::fitted(address), slots }
    };
    report(devices::Layout::Marker, &[1, 2, 3].map(board))
}

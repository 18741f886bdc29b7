//! Calls that anybody can make who guesses a cabinet's uuid: they get no password while the
//! cabinet is there, keep no dead one alive, and say nothing of a bank that is believed.

use std::time::Duration;

use cabinet::{Bank, Cabinet, Cut, Generation, HttpAnswer, Snapshot, Timing, calls};
use chargeghar::metrics::Recorder;
use devices::Layout;
use devices::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use domain::presence::Shown;

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::{SOON, TestNode};

on_the_embedded_broker! {
    whoever_calls_connect_while_the_cabinet_is_online_gets_no_password,
    a_cabinet_that_starts_anew_gets_in_though_its_broker_has_not_noticed,
    a_cabinet_whose_broker_started_anew_gets_in_without_being_asked,
    levels_told_over_http_are_asked_for_and_not_believed,
    a_level_that_a_cabinet_tells_over_http_is_heard_again_over_its_session,
}

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

pub async fn whoever_calls_connect_while_the_cabinet_is_online_gets_no_password(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let asked = || cabinet.counts().command("check_all");
    let (before, alarms) = (asked(), alarms());

    for _ in 0..3 {
        let answer = connect(&cabinet).await;
        assert_eq!((answer.status, answer.access()), (500, None));
    }
    assert_eq!(asked() - before, 1, "an answer holds for a while");
    node.clock.advance(Duration::from_secs(11));
    assert_eq!(connect(&cabinet).await.access(), None);
    assert_eq!(asked() - before, 2);
    assert!(alarms + 4 <= self::alarms());

    let counts = cabinet.counts();
    assert_eq!((counts.sessions, counts.reboots), (1, 0), "it was not disturbed: {counts:?}");
    let rider = node.rider(100).await;
    node.rent(rider, "CG-1").await.unwrap();
    node.stop().await;
}

pub async fn a_cabinet_that_starts_anew_gets_in_though_its_broker_has_not_noticed(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    cabinet.faults(|faults| faults.switches.half_open = true);
    let sessions = cabinet.counts().sessions;

    cabinet.reboot();
    node.settle(20).await;
    assert_eq!(cabinet.counts().sessions, sessions, "it is asked first");
    let id = node.view("CG-1").info.id;
    assert!(node.node.stations.describe(id).await.unwrap().reachable, "so it was believed");
    let back = |state: &Snapshot| (state.counts.sessions > sessions).then_some(());
    node.while_time_passes(cabinet.wait_for("a session", SOON, back)).await.unwrap();

    node.until_heard("CG-1").await;
    let refused = cabinet.counts().connects_refused;
    assert_eq!(refused, 0, "it waited, and was not sent away");
    node.stop().await;
}

pub async fn a_cabinet_whose_broker_started_anew_gets_in_without_being_asked(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    cabinet.cut(Cut::Mqtt);

    let node = node.again().await; // it was heard a moment ago, and no time passes
    let answer = connect(&cabinet).await;
    assert!(answer.access().is_some(), "{answer:?}");
    let id = node.view("CG-1").info.id;
    assert!(!node.node.stations.describe(id).await.unwrap().reachable);

    cabinet.restore();
    node.until_heard("CG-1").await;
    node.stop().await;
}

pub async fn a_dead_cabinet_is_not_kept_alive_by_calls_that_anybody_can_make(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let frame = cabinet.report_frame();
    cabinet.cut(Cut::Mqtt);

    for _ in 0..13 {
        node.clock.advance(Duration::from_mins(1));
        assert_eq!(cabinet.http_report(frame.clone()).await.unwrap().status, 200);
        assert_eq!(cabinet.http_return(&BANK.into(), 1, Some(80)).await.unwrap().status, 200);
    }
    node.until_reachable("CG-1", false).await;
    assert_eq!(connect(&cabinet).await.status, 200, "it may be the cabinet that calls");
    for _ in 0..10 {
        node.clock.advance(Duration::from_mins(1));
        assert_eq!(cabinet.http_report(frame.clone()).await.unwrap().status, 200);
    }
    node.until("it is offline", || (node.view("CG-1").shown == Shown::Offline).then_some(())).await;

    node.clock.advance(Duration::from_secs(2));
    cabinet.restore();
    node.until_heard("CG-1").await;
    node.until_reachable("CG-1", true).await;
    node.stop().await;
}

pub async fn levels_told_over_http_are_asked_for_and_not_believed(edges: Edges) {
    let node = TestNode::with(edges).await;
    let low = Bank::new(BANK).at_level(10);
    let cabinet = node.cabinet_like(CABINET, "CG-1", &[], |spec| spec.with_banks([low])).await;
    let slot = |node: &TestNode| {
        let view = node.view("CG-1");
        view.slots.iter().find(|slot| slot.sn.is_some()).map(|slot| (slot.key, slot.level))
    };
    let (key, level) = node.until("its bank is known", || slot(&node)).await;
    assert_eq!(level, Some(10));
    let checks = cabinet.counts().command("check_all");

    let full = SlotRow::with_bank(u8::try_from(key.slot).unwrap(), BANK.parse().unwrap(), 100);
    assert_eq!(cabinet.http_report(shows(full)).await.unwrap().status, 200);
    node.until("the cabinet is asked", || {
        (cabinet.counts().command("check_all") > checks).then_some(())
    })
    .await;
    node.settle(20).await;
    assert_eq!((slot(&node), node.view("CG-1").banks), (Some((key, Some(10))), 0));

    node.stop().await;
}

pub async fn a_level_that_a_cabinet_tells_over_http_is_heard_again_over_its_session(edges: Edges) {
    let node = TestNode::with(edges).await;
    let timing = Timing { charge_percent: Some(Duration::from_millis(300)), ..Timing::quick() };
    let cabinet = node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.timing(timing)).await;
    let level = |node: &TestNode| {
        node.view("CG-1").slots.iter().find_map(|slot| slot.sn.as_ref().and(slot.level))
    };
    assert!(level(&node).is_some());

    let full = |cabinet: &Cabinet| {
        cabinet
            .state()
            .slots
            .iter()
            .any(|slot| slot.bank.as_ref().is_some_and(|bank| bank.level == 100))
    };
    node.until("it is charged", || full(&cabinet).then_some(())).await;
    cabinet.upload();
    node.until("its level", || (level(&node) == Some(100)).then_some(())).await;
    node.stop().await;
}

/// A report of the cabinet's eight slots in which only this one has a bank.
fn shows(row: SlotRow) -> Vec<u8> {
    let rows = |first: u8| {
        (first..first + 4).map(|slot| if slot == row.slot { row } else { SlotRow::empty(slot) })
    };
    let groups = [1, 5].map(|first| BoardGroup {
        board: BoardRow::fitted(if first == 1 { 1 } else { 2 }),
        slots: rows(first).collect(),
    });
    build::report(Layout::Marker, &groups)
}

/// As anybody can who knows the cabinet's uuid.
async fn connect(cabinet: &Cabinet) -> HttpAnswer {
    let call = calls::connect(Generation::default(), cabinet.uuid());
    cabinet.perform(call).await.unwrap()
}

/// All of this process, so only their growth says something.
fn alarms() -> u64 {
    let text = Recorder::install().render();
    let name = "chargeghar_station_alarms_total{kind=\"connect_while_online\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().unwrap())
}

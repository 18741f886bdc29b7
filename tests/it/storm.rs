//! Cabinets that come back together: asked one after the other in the order of what waits, with
//! riders before all of them; and reports that say the same as the last, which cost no work.

use std::time::Duration;

use cabinet::{Cabinet, Cut, Event, Fault, FrameKind};
use chargeghar::actors::flusher;
use chargeghar::actors::storm::Progress;
use chargeghar::config::Config;
use chargeghar::metrics::Recorder;
use domain::ids::StationId;
use domain::rental::Status;
use uuid::Uuid;

use crate::harness::node::TestNode;

const FIRST: u64 = 860_000_000_000_100;
const BANK: u64 = 40_818_100;

#[tokio::test(flavor = "multi_thread")]
async fn open_commands_are_asked_about_first_then_returns_then_the_rest() {
    let (node, cabinets) = network(5).await;
    let rider = node.rider(100).await;
    cabinets[3].faults(|faults| {
        faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) });
    });
    let unanswered = async {
        node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        node.settle(20).await;
        node.clock.advance(Duration::from_secs(8));
    };
    let (open, ()) = tokio::join!(node.rent(rider, "CG-3"), unanswered);
    assert_eq!(open.unwrap().status(), Status::PendingPopup);
    let rider = node.rider(100).await;
    let out = node.rent(rider, "CG-4").await.unwrap();
    cabinets[4].take(&out.bank).unwrap();
    all_leave(&node, &cabinets).await;
    node.clock.advance(Duration::from_mins(10));
    claim(&cabinets[2], &out.bank).await;

    let before = asked(&cabinets);
    hold_the_rest(&node);
    for cabinet in &cabinets {
        cabinet.restore();
    }
    let storm = until_waiting(&node, |waiting| waiting == [1, 1, 3]).await;
    let_the_rest_go(&node);
    assert_eq!((storm.total, storm.reconciled), (5, 0), "{storm}");

    let order = until_all_asked(&node, &cabinets, &before).await;
    assert_eq!(order[..2], [3, 2], "{order:?}");
    node.until("all of them are done", || {
        node.node.context.storm.progress().is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_cabinet_is_asked_at_once() {
    let (node, cabinets) = network(1).await;
    all_leave(&node, &cabinets).await;
    node.clock.advance(Duration::from_mins(1));

    let before = asked(&cabinets);
    cabinets[0].restore();
    node.until("it is asked", || (asked(&cabinets) > before).then_some(())).await;

    assert_eq!(node.node.context.storm.progress(), None, "nobody has to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_came_back_is_asked_again_when_its_answer_is_lost() {
    let (node, cabinets) = network(1).await;
    all_leave(&node, &cabinets).await;
    cabinets[0].faults(|faults| {
        faults.always(Fault::Lose { frame: FrameKind::HttpReport });
        faults.always(Fault::Lose { frame: FrameKind::Heartbeat });
        faults.next(2, Fault::Lose { frame: FrameKind::Report });
    });
    let (before, reports) = (asked(&cabinets)[0], sent_reports(&cabinets[0]));

    cabinets[0].restore();
    for lost in 1..=3 {
        node.until("it is asked", || (asked(&cabinets)[0] >= before + lost).then_some(())).await;
        node.settle(5).await;
        node.clock.advance(Duration::from_secs(11));
    }

    node.until("it has answered", || (sent_reports(&cabinets[0]) > reports).then_some(())).await;
    node.settle(5).await;
    node.clock.advance(Duration::from_mins(5));
    node.settle(20).await;
    assert_eq!(asked(&cabinets)[0], before + 3, "it said what it holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_over_a_session_that_is_gone_is_not_waited_for() {
    let (node, cabinets) = network(1).await;
    all_leave(&node, &cabinets).await;
    cabinets[0].faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::Report }));
    let (before, patient) = (asked(&cabinets)[0], repeated());

    cabinets[0].restore();
    node.until("it is asked", || (asked(&cabinets)[0] > before).then_some(())).await;
    all_leave(&node, &cabinets).await;
    node.clock.advance(Duration::from_secs(1));
    cabinets[0].restore();

    node.until("it is asked again", || (asked(&cabinets)[0] > before + 1).then_some(())).await;
    assert_eq!(repeated(), patient, "for want of an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_behind_cabinets_that_come_back() {
    let (node, cabinets) = network(5).await;
    let rider = node.rider(100).await;
    cabinets[4].cut(Cut::Mqtt);
    let node = node.again().await;
    hold_the_rest(&node);
    cabinets[4].restore();
    until_waiting(&node, |[_, _, rest]| rest >= 2).await;
    node.until_reachable("CG-4", true).await;

    // it came last, and is asked first; what it has is not known since the restart
    let rental = node.rent(rider, "CG-4").await.unwrap();

    assert_eq!(rental.status(), Status::Active);
    let storm = node.node.context.storm.progress().expect("the others wait");
    assert!(storm.waiting[2] >= 2, "{storm}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_says_the_same_costs_no_slot_work_and_settles_a_claim() {
    let node = TestNode::start().await;
    let first = node.cabinet(&uuid(0), "CG-0", &[&bank(0)]).await;
    let second = node.cabinet(&uuid(1), "CG-1", &[&bank(1)]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-0").await.unwrap();
    first.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    check(&node, "CG-1").await;
    let (slots, reported) = telemetry_at_rest(&node).await;

    check(&node, "CG-1").await;

    node.settle(20).await;
    let (slots_now, reported_now) = telemetry(&node).await;
    assert!(reported_now > reported, "it is told that it reported");
    assert_eq!(slots_now, slots, "and nothing is written of its slots");

    claim(&second, &rental.bank).await;
    node.until_async("the claim is denied by a report that says the same", async || {
        node.stored(rental.id).await.claims.is_empty().then_some(())
    })
    .await;
    assert_eq!(node.stored(rental.id).await.status(), Status::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_says_the_same_is_looked_at_when_the_books_moved() {
    let node = TestNode::start().await;
    let _cabinet = node.cabinet(&uuid(0), "CG-0", &[&bank(0)]).await;
    let id = node.view("CG-0").info.id;
    check(&node, "CG-0").await;
    check(&node, "CG-0").await;
    // by the books it is nowhere: a report that shows it proposes it
    let context = &node.node.context;
    let sql = "update banks set version = version + 1, custody = 'missing', station_id = null,
        io = null, slot = null";
    node.database.expect_findings("custody");
    node.database.run(sql).await;
    context.reread_banks(&[bank(0).as_str().into()]).await;
    assert!(context.banks.at(id).is_empty());

    check(&node, "CG-0").await;

    node.until("it is in its slot again", || (!context.banks.at(id).is_empty()).then_some(()))
        .await;
}

/// One check a second, and cabinets with one bank each.
async fn network(count: u64) -> (TestNode, Vec<Cabinet>) {
    let node =
        TestNode::with_settings(|config: &mut Config| config.stations.checks_per_s = 1).await;
    let mut cabinets = Vec::new();
    for number in 0..count {
        let serial = format!("CG-{number}");
        cabinets.push(node.cabinet(&uuid(number), &serial, &[&bank(number)]).await);
    }
    node.clock.advance(Duration::from_secs(10));
    (node, cabinets)
}

fn uuid(number: u64) -> String {
    (FIRST + number).to_string()
}

fn bank(number: u64) -> String {
    (BANK + number).to_string()
}

async fn all_leave(node: &TestNode, cabinets: &[Cabinet]) {
    for (number, cabinet) in cabinets.iter().enumerate() {
        cabinet.cut(Cut::Mqtt);
        node.until_reachable(&format!("CG-{number}"), false).await;
    }
}

/// Somebody says over HTTP, in the cabinet's name, that the bank is there.
async fn claim(cabinet: &Cabinet, bank: &domain::ids::Sn) {
    let answer = cabinet.http_return(bank, 3, Some(50)).await.unwrap();
    assert!(answer.is_ok(), "{answer:?}");
}

/// How often each was asked.
fn asked(cabinets: &[Cabinet]) -> Vec<u64> {
    cabinets.iter().map(|cabinet| cabinet.counts().command("check_all")).collect()
}

/// How often a cabinet was asked again after a while.
fn repeated() -> Option<String> {
    let figures = Recorder::install().render();
    let mut lines = figures.lines();
    lines
        .find(|line| line.starts_with("chargeghar_station_checks_total{reason=\"again\"}"))
        .map(str::to_owned)
}

/// Cabinets that do not answer: with as many as are asked in two seconds, the rest waits.
const SILENT: [StationId; 2] =
    [StationId(Uuid::from_u128(0xdead)), StationId(Uuid::from_u128(0xdeaf))];

fn hold_the_rest(node: &TestNode) {
    for silent in SILENT {
        node.node.context.storm.hurry(silent, node.clock.now());
    }
}

fn let_the_rest_go(node: &TestNode) {
    for silent in SILENT {
        node.node.context.storm.spare(silent);
    }
}

/// Until so many wait, by rank; nobody has a turn meanwhile.
async fn until_waiting(node: &TestNode, wanted: impl Fn([u64; 3]) -> bool) -> Progress {
    let (storm, nobody) = (&node.node.context.storm, StationId(Uuid::nil()));
    node.until("enough of them wait", || {
        storm.hurry(nobody, node.clock.now());
        storm.spare(nobody);
        storm.progress().filter(|storm| wanted(storm.waiting))
    })
    .await
}

fn sent_reports(cabinet: &Cabinet) -> u64 {
    cabinet.counts().sent(FrameKind::Report)
}

/// In which order they are asked, one a second.
async fn until_all_asked(node: &TestNode, cabinets: &[Cabinet], before: &[u64]) -> Vec<usize> {
    let asked_at = |number: usize| {
        let history = cabinets[number].history();
        let mut checks = history.iter().filter(
            |seen| matches!(&seen.event, Event::Command { name, .. } if name == "check_all"),
        );
        checks.nth(usize::try_from(before[number]).unwrap()).map(|seen| (seen.unix_ms, number))
    };
    let mut order: Vec<(i64, usize)> =
        node.until("all are asked", || (0..cabinets.len()).map(asked_at).collect()).await;
    order.sort_unstable();
    order.into_iter().map(|(_, number)| number).collect()
}

async fn check(node: &TestNode, serial: &str) {
    node.clock.advance(Duration::from_secs(2));
    let id = node.view(serial).info.id;
    assert_eq!(node.node.stations.check(id).await, Some(true));
}

/// The same, when the slots have told all that they have to tell.
async fn telemetry_at_rest(node: &TestNode) -> (i64, i64) {
    let mut before = telemetry(node).await;
    node.until_async("nothing more is written", async || {
        node.settle(20).await;
        let last = std::mem::replace(&mut before, telemetry(node).await);
        (last == before).then_some(last)
    })
    .await
}

/// What was last written of slots, and when the second cabinet reported.
async fn telemetry(node: &TestNode) -> (i64, i64) {
    flusher::flush(&node.node.context).await;
    let slots = node.database.number("select coalesce(sum(seq), 0)::bigint from slot_telemetry");
    let reported = "select (extract(epoch from max(reported_at)) * 1000000)::bigint
        from station_telemetry";
    (slots.await, node.database.number(reported).await)
}

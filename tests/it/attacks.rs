//! What one rider, one cabinet or one address can do to all others: nothing. And the faults of
//! the system that this one replaces, asked for by name.

use std::time::Duration;

use cabinet::{Cabinet, Event, Fault, FrameKind, Generation, HttpAnswer, calls};
use domain::ids::DeviceUuid;
use domain::money::Money;
use domain::rental::Status;
use futures::StreamExt;

use crate::harness::app::{Answer, start};
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::{SOON, TestNode, wish};

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const BANK: &str = "40818048";
/// Guesses of one attacker, and how many are in work at once.
const GUESSES: u64 = 5_000;
const AT_ONCE: usize = 16;

on_the_embedded_broker! {
    twenty_starts_at_once_at_twenty_stations_are_one_rental,
    the_same_return_five_times_ends_it_once,
    a_cabinet_that_never_answers_slows_nobody_elsewhere,
    five_thousand_guessed_cabinets_get_nothing_and_shut_nobody_out,
    old_frames_of_every_kind_change_nothing,
}

pub async fn twenty_starts_at_once_at_twenty_stations_are_one_rental(edges: Edges) {
    let node = TestNode::with(edges).await;
    let serial = |at: usize| format!("CG-{at}");
    let cabinets =
        futures::future::join_all(
            (0..20).map(|at| {
                let (node, bank) = (&node, format!("408180{at:02}"));
                async move {
                    node.cabinet(&format!("8600000000001{at:02}"), &serial(at), &[&bank]).await
                }
            }),
        )
        .await;
    let rider = node.rider(5000).await;
    let app = node.app(rider);

    let wishes: Vec<_> = (0..20).map(|at| start(&serial(at))).collect();
    let starts = wishes.iter().map(|wish| app.post("/api/rentals/start", wish));
    let answers: Vec<Answer> = futures::future::join_all(starts).await;

    let (good, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((good.len(), busy.len()), (1, 19), "{answers:?}");
    for answer in busy {
        assert_eq!(answer.refusal(), (409, "active_rental_exists"), "{answer:?}");
    }
    assert_eq!(node.database.number("select count(*) from rentals").await, 1);
    assert_eq!(node.wallet(rider).await, Money::rupees(4950));
    let sent = |cabinet: &Cabinet| cabinet.counts().command("popup_sn");
    assert_eq!(cabinets.iter().map(sent).sum::<u64>(), 1, "one eject in the whole network");
    let left = (0..20).map(|at| node.view(&serial(at)).banks).sum::<u16>();
    assert_eq!(left, 19, "nothing is held elsewhere");
    node.audit().await;
}

pub async fn the_same_return_five_times_ends_it_once(edges: Edges) {
    let node = TestNode::with(edges).await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let other = node.cabinet(OTHER, "CG-2", &["40818060"]).await;
    other.faults(|faults| faults.switches.no_http_return = true);
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = first.take(&rental.bank).unwrap();
    // late, so that a second end would cost something
    node.clock.advance(Duration::from_mins(90));

    let key = other.insert(bank, None).unwrap();
    let sent = |cabinet: &Cabinet| cabinet.counts().sent(FrameKind::Return);
    other
        .wait_for("the event", SOON, |state| {
            (state.counts.sent(FrameKind::Return) == 1).then_some(())
        })
        .await
        .unwrap();
    for _ in 0..4 {
        assert!(other.replay(FrameKind::Return));
    }
    for _ in 0..5 {
        other.http_return(&rental.bank, key.slot, Some(80)).await.unwrap();
    }

    let ended = node.until_status(rental.id, Status::Completed).await;
    node.settle(20).await;
    assert_eq!(sent(&other), 5);
    assert!(ended.paid > Money::rupees(50), "the late fee is taken: {ended:?}");
    assert_eq!(node.wallet(rider).await, Money::rupees(500).minus(ended.paid), "once");
    let count = async |sql: &str| node.database.number(sql).await;
    let ends = "select count(*) from rental_events where event->>'type' = 'returned'";
    assert_eq!(count(ends).await, 1);
    let store = &node.node.context.store;
    let documents = store.documents(rider, rental.id).await.unwrap();
    assert_eq!(documents.len(), 1, "one invoice");
    node.until_banks("CG-2", 2).await;
    assert_eq!(count("select count(*) from banks").await, 2);
    node.audit().await;
}

pub async fn a_cabinet_that_never_answers_slows_nobody_elsewhere(edges: Edges) {
    let node = TestNode::with(edges).await;
    let silent = node.cabinet(CABINET, "CG-1", &[BANK, "40818049", "40818050"]).await;
    let well = node.cabinet(OTHER, "CG-2", &["40818060", "40818061"]).await;
    let early = node.rider(500).await;
    let out = node.rent(early, "CG-2").await.unwrap();
    let bank = well.take(&out.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    node.settle(5).await;
    silent.faults(|faults| faults.always(Fault::Ignore { command: None }));
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let (rentals, rider) = (node.node.rentals.clone(), node.rider(100).await);
        let start = async move { rentals.start(wish(rider, "CG-1")).await };
        waiting.push(chargeghar::spawn::spawn("a start at the silent cabinet", start));
    }
    silent
        .wait_for("its eject", SOON, |state| (state.counts.command("popup_sn") > 0).then_some(()))
        .await
        .unwrap();

    // no time passes for the service: whoever waits for the silent cabinet, waits on
    let rider = node.rider(500).await;
    let app = node.app(rider);
    let rental = node.rent(rider, "CG-2").await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    well.insert(bank, None).unwrap();
    node.until_status(out.id, Status::Completed).await;
    for path in ["/api/stations", "/api/stations/CG-1", "/api/stations/CG-2", "/api/rentals/active"]
    {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }

    let still = "select count(*) from rentals where status = 'PENDING_POPUP'";
    assert_eq!(
        node.database.number(still).await,
        1,
        "one of eight is sent, and waits all the time"
    );
    assert!(waiting.iter().any(|start| !start.is_finished()));
    let ends = futures::future::join_all(waiting);
    node.while_time_passes(ends).await;
}

pub async fn five_thousand_guessed_cabinets_get_nothing_and_shut_nobody_out(edges: Edges) {
    let node = TestNode::with(edges).await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let other = node.cabinet(OTHER, "CG-2", &["40818060"]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = first.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));

    // all from one address, which is that of the cabinets too
    let guess = async |number: u64| {
        let uuid = DeviceUuid::from(format!("8650000{number:08}").as_str());
        first.perform(calls::connect(Generation::Newer, &uuid)).await.unwrap()
    };
    let mut guesses = futures::stream::iter(0..GUESSES).map(guess).buffer_unordered(AT_ONCE);
    let mut answers: Vec<HttpAnswer> = guesses.by_ref().take(1_000).collect().await;
    let meanwhile = async {
        // only the call over HTTP tells of the return, and the cabinet has to connect anew
        other.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::Return }));
        other.insert(bank, None).unwrap();
        node.until_status(rental.id, Status::Completed).await;
        let sessions = first.counts().sessions;
        first.power(false);
        node.until_reachable("CG-1", false).await;
        first.power(true);
        first
            .wait_for("a session", SOON, |state| (state.counts.sessions > sessions).then_some(()))
            .await
            .unwrap();
        node.until_reachable("CG-1", true).await;
        node.until_heard("CG-1").await;
        node.rent(node.rider(100).await, "CG-2").await.unwrap()
    };
    let (rest, rented) = tokio::join!(guesses.collect::<Vec<_>>(), meanwhile);
    answers.extend(rest);

    assert_eq!(answers.len() as u64, GUESSES);
    assert!(answers.iter().all(|answer| (answer.status, answer.access()) == (500, None)));
    assert_eq!(rented.status(), Status::Active);
    node.clock.advance(Duration::from_mins(1));
    let limit = i64::from(chargeghar::config::Config::default().limits.device_faults_per_minute);
    let listed = "select count(*) from pending_cabinets";
    node.until_async("some are listed", async || {
        (node.database.number(listed).await > 0).then_some(())
    })
    .await;
    // so many at once, and in each minute as many more: the guesses take less than one
    assert!(node.database.number(listed).await <= 2 * limit, "an address fills no list");
    assert_eq!(node.node.stations.availability().all().count(), 2);
    node.audit().await;
}

/// All that both cabinets said in one rental and its return is said again while the bank is out
/// with somebody else. What is left out is their reports: a report has no mark of its own, two of
/// one state are the same bytes, and the one of an hour ago is what the cabinet says now.
pub async fn old_frames_of_every_kind_change_nothing(edges: Edges) {
    let node = TestNode::with(edges).await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let other = node.cabinet(OTHER, "CG-2", &[]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = first.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    let key = other.insert(bank, None).unwrap();
    node.until_status(rental.id, Status::Completed).await;
    other.self_check(key);
    other.upload();
    node.until_banks("CG-2", 1).await;
    node.settle(20).await;
    let again = node.rent(node.rider(500).await, "CG-2").await.unwrap();
    let bank = other.take(&again.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    node.settle(20).await;

    let (told, before) = (replayed(&node, [&first, &other]).await, state(&node).await);
    for kind in ["EjectReply", "Return", "SelfCheck", "HttpReport", "HttpReturn"] {
        assert!(told.iter().any(|told| told == kind), "{kind} is not among {told:?}");
    }
    assert_eq!(state(&node).await, before);
    assert_eq!(node.stored(again.id).await.status(), Status::Active);
    // and the true return still counts
    first.insert(bank, None).unwrap();
    node.until_status(again.id, Status::Completed).await;
    node.audit().await;
}

/// Sends all frames of both histories again, in their order, and gives their kinds.
async fn replayed(node: &TestNode, cabinets: [&Cabinet; 2]) -> Vec<String> {
    let mut kinds = Vec::new();
    for cabinet in cabinets {
        for seen in cabinet.history() {
            let Event::Sent { kind, to, bytes } = seen.event else { continue };
            match kind {
                FrameKind::Report => continue,
                FrameKind::HttpReport => {
                    assert_eq!(cabinet.http_report(bytes).await.unwrap().status, 200);
                }
                FrameKind::HttpReturn => {
                    let bank = BANK.into();
                    assert_eq!(cabinet.http_return(&bank, 1, Some(80)).await.unwrap().status, 200);
                }
                FrameKind::Any
                | FrameKind::EjectReply
                | FrameKind::Return
                | FrameKind::SelfCheck
                | FrameKind::Heartbeat
                | FrameKind::WifiList
                | FrameKind::Raw => cabinet.send_raw(to, bytes),
            }
            kinds.push(format!("{kind:?}"));
            node.settle(5).await;
        }
    }
    node.settle(50).await;
    kinds
}

/// Rentals, banks, money and what a person is asked to look at.
async fn state(node: &TestNode) -> String {
    let sql = "select concat_ws(' / ',
        (select string_agg(id || ' ' || status, ', ' order by id) from rentals),
        (select string_agg(sn || ' ' || custody, ', ' order by sn) from banks),
        (select count(*) from ledger_transfers),
        (select count(*) from incidents))";
    node.database.text(sql).await
}

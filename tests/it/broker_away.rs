//! The way to the broker breaks under load, and the broker dies and forgets everything: no start
//! is promised that nobody can serve, and nothing that cabinets said meanwhile is lost.
//!
//! Only a broker outside can be away while the service lives: these stories are registered in
//! `tests/it/on_mosquitto.rs` alone.

use std::time::Duration;

use cabinet::{Bank, Cabinet, Fault, Fleet, FrameKind, Layout, Snapshot, Spec, Timing};
use chargeghar::actors::rentals::StartError;
use chargeghar::clock::Clock;
use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use domain::money::Money;
use domain::presence::Shown;
use domain::rental::{Phase, Rental, Status};

use crate::harness::database::Database;
use crate::harness::edges::Edges;
use crate::harness::node::{SOON, TestNode};
use crate::harness::process::{Place, Rider};
use crate::restart::enrol;
use crate::unsigned::connect;

const FIRST: &str = "860000000000017";
const SECOND: &str = "860000000000025";
const THIRD: &str = "860000000000033";
const RIDERS: usize = 8;
/// Longer than a cabinet may be silent.
const OUTAGE: Duration = Duration::from_mins(40);

pub async fn while_the_way_to_the_broker_is_cut_nothing_starts_and_no_return_is_lost(edges: Edges) {
    let scene = Scene::set(edges).await;
    let Scene { node, first, second, out, crowd, .. } = &scene;
    let (one, other) = (node.rider(100).await, node.rider(100).await);

    let under_way = async { tokio::join!(node.rent(one, "CG-1"), node.rent(other, "CG-3")) };
    let outage = async {
        node.until("a start is under way", || node.node.rentals.place(one)).await;
        node.edges.cable().cut();
        until_ready(&scene.node.base_url, 503).await;
        put_back(second, out).await;
        let returned_at = node.clock.now();
        refuses_everybody(node, crowd).await;
        node.clock.advance(OUTAGE);
        refuses_everybody(node, crowd).await;
        for serial in ["CG-1", "CG-2", "CG-3"] {
            assert_eq!(
                node.view(serial).shown,
                Shown::Online,
                "our outage says nothing of {serial}"
            );
        }
        let completed = "select count(*) from rentals where status = 'COMPLETED'";
        assert_eq!(node.database.number(completed).await, 0, "nobody could know");
        node.edges.cable().mend();
        until_ready(&scene.node.base_url, 200).await;
        returned_at
    };
    let both = Box::pin(async { tokio::join!(under_way, outage) });
    let (started, returned_at) = node.while_time_passes(both).await;

    node.while_time_passes(scene.settled()).await;
    for (rider, rental, _) in out {
        let ended = ended(node, rental).await;
        assert!(ended.0 <= returned_at, "billed to {}, back at {returned_at}", ended.0);
        assert!(ended.1 > returned_at, "learnt after the outage");
        assert_eq!(node.wallet(*rider).await, Money::rupees(50), "an hour, and not late");
    }
    for answer in [started.0, started.1] {
        let known = matches!(answer, Ok(_) | Err(StartError::StationOffline));
        assert!(known, "{answer:?}");
    }
    assert!(first.counts().command("popup_sn") <= 2, "one for each rental");
    node.audit().await;
    scene.everybody_is_served().await;
}

pub async fn a_broker_that_died_and_forgot_everything_is_told_again(edges: Edges) {
    let mut scene = Scene::set(edges).await;
    let outside = scene.node.edges.outside();
    outside.broker.kill();
    until_ready(&scene.node.base_url, 503).await;
    let Scene { node, second, out, crowd, .. } = &scene;
    refuses_everybody(node, crowd).await;
    for (_, _, bank) in out {
        second.insert(bank.clone(), None).unwrap();
    }

    let outside = scene.node.edges.outside();
    outside.broker.forget();
    outside.broker.run();
    let Scene { node, first, second, out, .. } = &scene;
    node.while_time_passes(async {
        until_ready(&scene.node.base_url, 200).await;
        for cabinet in [first, second] {
            cabinet.wait_online(SOON).await.unwrap();
        }
        scene.settled().await;
    })
    .await;

    for (rider, ..) in out {
        assert_eq!(node.wallet(*rider).await, Money::rupees(50), "an hour, and not late");
    }
    node.audit().await;
    scene.everybody_is_served().await;
}

pub async fn a_rider_is_told_to_come_again_while_the_broker_is_away(edges: Edges) {
    let database = Database::fresh().await;
    enrol(&database, FIRST, "CG-1").await;
    let place = Place::with(&database, &edges);
    let mut process = place.ready(&[]).await;
    let spec = Spec::new(FIRST, place.base_url());
    let spec = spec.layout(Layout::marker(&[4, 4])).with_banks(["40818048"]);
    let _cabinet = Fleet::new().start(spec.timing(Timing::quick()));
    let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
    rider.until_banks("CG-1", 1).await;

    edges.cable().cut();
    until_ready(&place.base_url(), 503).await;
    let (status, code, again) = rider.refused("CG-1").await;
    assert_eq!((status, code.as_str()), (503, "station_offline"));
    assert!(again.is_some_and(|seconds| seconds > 0), "{again:?}");
    assert_eq!(rider.balance().await, "100.00");

    edges.cable().mend();
    until_ready(&place.base_url(), 200).await;
    rider.rent("CG-1").await.unwrap();
    assert_eq!(rider.balance().await, "50.00");
    database.audit().await;
}

pub async fn nobody_gets_a_password_while_the_way_to_the_broker_is_cut(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(FIRST, "CG-1", &["40818048"]).await;
    let asked = cabinet.counts().command("check_all");
    let deaf = Fault::Ignore { command: Some("check_all".to_owned()) };
    cabinet.faults(|faults| faults.next(1, deaf));

    let cut = async {
        let is_asked = || (cabinet.counts().command("check_all") > asked).then_some(());
        node.until("the cabinet is asked", is_asked).await;
        node.edges.cable().cut();
    };
    let (waited, ()) = tokio::join!(connect(&cabinet), cut);
    assert_eq!(waited.access(), None, "who waited for its answer");
    until_ready(&node.base_url, 503).await;
    for _ in 0..3 {
        assert_eq!(connect(&cabinet).await.access(), None, "we are deaf, and it may be there");
        node.clock.advance(Duration::from_secs(11));
    }

    node.edges.cable().mend();
    node.while_time_passes(until_ready(&node.base_url, 200)).await;
    assert_eq!(connect(&cabinet).await.access(), None, "it answers for itself again");
    assert_eq!(cabinet.counts().sessions, 1);
}

pub async fn a_broker_that_stays_away_is_tried_ever_more_rarely(edges: Edges) {
    let node = TestNode::with(edges).await;
    until_ready(&node.base_url, 200).await;
    let cable = node.edges.cable();
    let until_tried = async |tries: u64| {
        let tried = node.until("tries", || (cable.tried() >= tries).then_some(()));
        node.while_time_passes(tried).await;
        node.clock.now()
    };
    cable.cut();
    let began = until_tried(1).await;
    let first = until_tried(4).await;
    let meanwhile = until_tried(14).await;
    let later = until_tried(26).await;

    let (at_first, then) = (first - began, later - meanwhile);
    assert!(then > at_first * 4, "three more in {at_first}, the last twelve in {then}");

    cable.mend();
    node.while_time_passes(until_ready(&node.base_url, 200)).await;
}

/// Three cabinets, two riders with a bank each, and a crowd without.
struct Scene {
    node: TestNode,
    first: Cabinet,
    second: Cabinet,
    _third: Cabinet,
    out: Vec<(RiderId, Rental, Bank)>,
    crowd: Vec<RiderId>,
}

impl Scene {
    async fn set(edges: Edges) -> Scene {
        let node = TestNode::with(edges).await;
        let first = node.cabinet(FIRST, "CG-1", &["40818048", "40818049"]).await;
        let second = node.cabinet(SECOND, "CG-2", &["40818060"]).await;
        let third = node.cabinet(THIRD, "CG-3", &["40818070", "40818071"]).await;
        let mut out = Vec::new();
        for (cabinet, serial) in [(&first, "CG-1"), (&third, "CG-3")] {
            let rider = node.rider(100).await;
            let rental = node.rent(rider, serial).await.unwrap();
            assert_eq!(rental.status(), Status::Active);
            let bank = cabinet.take(&rental.bank).unwrap();
            out.push((rider, rental, bank));
        }
        // old enough to be closed at once, and the lanes are free
        node.clock.advance(Duration::from_mins(5));
        node.settle(5).await;
        let mut crowd = Vec::new();
        for _ in 0..RIDERS {
            crowd.push(node.rider(100).await);
        }
        Scene { node, first, second, _third: third, out, crowd }
    }

    /// The returns are stored, and no start is left undecided.
    async fn settled(&self) {
        for (_, rental, _) in &self.out {
            self.node.until_status(rental.id, Status::Completed).await;
        }
        let undecided = "select count(*) from rentals where status = 'PENDING_POPUP'";
        self.node.database.until(undecided, "0", SOON).await;
    }

    /// Riders who were refused get the banks that came back.
    async fn everybody_is_served(&self) {
        let Scene { node, crowd, .. } = self;
        node.while_time_passes(node.until_banks("CG-2", 3)).await;
        for rider in &crowd[..3] {
            node.clock.advance(Duration::from_secs(6));
            let rental = node.rent(*rider, "CG-2").await.unwrap();
            assert_eq!(rental.status(), Status::Active);
        }
        node.audit().await;
    }
}

/// What `/readyz` answers, for those who balance load.
async fn until_ready(base_url: &str, status: u16) {
    let url = format!("{base_url}/readyz");
    // whoever was first is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let clock = Clock::system();
    let answered = clock.within(SOON, async {
        while client.get(&url).send().await.unwrap().status() != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(answered.await.is_some(), "/readyz does not answer {status} in time");
}

async fn put_back(cabinet: &Cabinet, out: &[(RiderId, Rental, Bank)]) {
    // over the session alone: what HTTP says would be known at once
    cabinet.faults(|faults| faults.switches.no_http_return = true);
    for (_, _, bank) in out {
        cabinet.insert(bank.clone(), None).unwrap();
    }
    let told = out.len() as u64;
    let reported = |state: &Snapshot| (state.counts.sent(FrameKind::Return) == told).then_some(());
    cabinet.wait_for("the returns", SOON, reported).await.unwrap();
}

async fn refuses_everybody(node: &TestNode, crowd: &[RiderId]) {
    for serial in ["CG-1", "CG-2"] {
        let starts = crowd.iter().map(|rider| node.rent(*rider, serial));
        for answer in futures::future::join_all(starts).await {
            assert_eq!(answer, Err(StartError::StationOffline));
        }
    }
}

/// What is billed to, and when it was learnt.
async fn ended(node: &TestNode, rental: &Rental) -> (DateTime<Utc>, DateTime<Utc>) {
    let Phase::Completed { ended, .. } = node.stored(rental.id).await.phase else {
        panic!("not completed")
    };
    (ended.at, ended.learnt_at)
}

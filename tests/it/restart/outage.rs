//! The database goes away under load and comes back: nothing is believed that is not stored,
//! nothing that cabinets said meanwhile is lost, and who asks is told when to come again.

use std::time::Duration;

use cabinet::{Bank, Cabinet, Fault, FrameKind};
use chargeghar::clock::Clock;
use domain::ids::{RentalId, RiderId, StationId};
use domain::money::Money;
use domain::rental::{Rental, Status};
use ractor::ActorId;
use serde_json::{Value, json};

use crate::harness::app::{Answer, App, start};
use crate::harness::node::{SOON, TestNode};

const START: &str = "/api/rentals/start";
const SERIALS: [&str; 4] = ["CG-1", "CG-2", "CG-3", "CG-4"];
const RIDERS: usize = 12;
/// Longer than between two ejects of a cabinet.
const GAP: Duration = Duration::from_secs(6);
/// How long the database is away.
const CUT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn ten_seconds_without_the_database_under_load_cost_nobody_anything() {
    let (node, proxy) = TestNode::behind_proxy().await;
    let scene = Scene::set(&node).await;
    let (actors, list) = (actors(&node).await, list(&node).await);
    let early = scene.early.each_ref().map(|rider| node.app(*rider));
    let acknowledged = node.app(scene.served).post(START, &start("CG-2")).await;
    assert_eq!(acknowledged.status, 201, "{acknowledged:?}");
    node.clock.advance(GAP);

    let wishes = [start("CG-1"), start("CG-3")];
    let under_way =
        async { tokio::join!(early[0].post(START, &wishes[0]), early[1].post(START, &wishes[1])) };
    let outage = async {
        node.until("a start is under way", || node.node.rentals.place(scene.early[0])).await;
        proxy.cut();
        let ((), refused) = tokio::join!(ten_seconds(&node), scene.asks(&node, &list));
        proxy.restore();
        refused
    };
    let (started, refused) = tokio::join!(under_way, outage);

    let starts = refused.iter().filter(|(what, _)| *what == "start").count();
    assert!(starts >= RIDERS && refused.len() > starts, "{starts} of {}", refused.len());
    for (what, answer) in &refused {
        assert_eq!(answer.refusal(), (503, "service_unavailable"), "{what}: {answer:?}");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{what}: {wait}");
    }
    node.while_time_passes(settled(&node, &scene)).await;
    kept(&node, scene.served, &acknowledged).await;
    for (rider, answer) in scene.early.iter().zip([started.0, started.1]) {
        kept(&node, *rider, &answer).await;
    }
    for rider in scene.returned.iter().map(|returned| returned.rider) {
        assert_eq!(node.wallet(rider).await, Money::rupees(50), "an hour, and not late");
    }
    assert_eq!(node.wallet(scene.waiting.rider).await, Money::rupees(100), "nothing came out");
    assert_eq!(self::actors(&node).await, actors, "no actor was lost");
    nobody_is_shut_out(&node, &scene.crowd).await;
    node.audit().await;
}

/// What is under way when the database goes.
struct Scene {
    /// Where banks come back while nothing can be stored.
    second: Cabinet,
    returned: Vec<Returned>,
    /// Its eject is without an answer, and its rider wants no bank any more.
    waiting: Rental,
    crowd: Vec<RiderId>,
    early: [RiderId; 2],
    /// Has a bank before the database goes.
    served: RiderId,
    _others: Vec<Cabinet>,
}

struct Returned {
    rider: RiderId,
    rental: RentalId,
    bank: Bank,
}

impl Scene {
    async fn set(node: &TestNode) -> Scene {
        let first = node.cabinet("860000000000017", "CG-1", &["40818048", "40818049"]).await;
        let second = node.cabinet("860000000000025", "CG-2", &["40818060", "40818061"]).await;
        let third = node.cabinet("860000000000033", "CG-3", &["40818070", "40818071"]).await;
        let fourth = node.cabinet("860000000000041", "CG-4", &["40818080"]).await;
        let returned =
            vec![on_the_way(node, &first, "CG-1").await, on_the_way(node, &third, "CG-3").await];
        let mut crowd = Vec::new();
        for _ in 0..RIDERS {
            crowd.push(node.rider(100).await);
        }
        let early = [node.rider(100).await, node.rider(100).await];
        let served = node.rider(100).await;
        fourth.faults(|faults| {
            faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) });
        });
        let waiting = unanswered(node, "CG-4").await;
        let others = vec![first, third, fourth];
        Scene { second, returned, waiting, crowd, early, served, _others: others }
    }

    /// A rental that is open is known without the database, to its rider alone.
    async fn shows_what_is_open(&self, node: &TestNode) {
        let app = node.app(self.served);
        let id = node.node.rentals.open_of(self.served).unwrap();
        for path in ["/api/rentals/active".to_owned(), format!("/api/rentals/{id}")] {
            let answer = app.get(&path).await;
            let shown = answer.data();
            assert_eq!((&shown["status"], &shown["id"]), (&json!("ACTIVE"), &json!(id)), "{shown}");
        }
        let other = node.app(self.crowd[0]).get(&format!("/api/rentals/{id}")).await;
        assert_eq!(other.refusal(), (404, "rental_not_found"), "{other:?}");
    }

    /// All that riders and cabinets want while the database is away; says what was refused.
    async fn asks(&self, node: &TestNode, list: &Value) -> Vec<(&'static str, Answer)> {
        for Returned { bank, .. } in &self.returned {
            self.second.insert(bank.clone(), None).unwrap();
        }
        let reported =
            |state: &cabinet::Snapshot| (state.counts.sent(FrameKind::Return) == 2).then_some(());
        self.second.wait_for("both returns", SOON, reported).await.unwrap();
        let crowd: Vec<App> = self.crowd.iter().map(|rider| node.app(*rider)).collect();
        let wish = start("CG-2");
        let starts = crowd.iter().map(async |app| ("start", app.post(START, &wish).await));
        let reads = crowd.iter().map(async |app| ("read", app.get("/api/users/wallet").await));
        let cancels = async {
            let path = format!("/api/rentals/{}/cancel", self.waiting.id);
            [("cancel", node.app(self.waiting.rider).post(&path, &json!({})).await)]
        };
        let lists = async {
            for _ in 0..RIDERS {
                assert_eq!(self::list(node).await, *list, "known without the database");
                self.shows_what_is_open(node).await;
            }
        };
        let (starts, reads, cancels, ()) = tokio::join!(
            futures::future::join_all(starts),
            futures::future::join_all(reads),
            cancels,
            lists
        );
        let completed = "select count(*) from rentals where status = 'COMPLETED'";
        assert_eq!(node.database.number(completed).await, 0, "nothing can be stored");
        starts.into_iter().chain(reads).chain(cancels).collect()
    }
}

/// The node's time passes as the real one.
async fn ten_seconds(node: &TestNode) {
    let (real, cut_at) = (Clock::system(), node.clock.now());
    let began = real.running();
    node.until("the cut is over", || {
        let passed = (node.clock.now() - cut_at).to_std().unwrap();
        node.clock.advance(real.running().saturating_sub(began).min(CUT).saturating_sub(passed));
        (passed >= CUT).then_some(())
    })
    .await;
}

/// A rental whose bank the rider has carried away ten minutes ago.
async fn on_the_way(node: &TestNode, cabinet: &Cabinet, serial: &str) -> Returned {
    let rider = node.rider(100).await;
    let rental = node.rent(rider, serial).await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    let bank = cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(5));
    node.settle(5).await;
    Returned { rider, rental: rental.id, bank }
}

/// A start whose eject nobody answers, after the patience of its rider.
async fn unanswered(node: &TestNode, serial: &str) -> Rental {
    let rider = node.rider(100).await;
    let patience = async {
        node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        node.settle(20).await;
        node.clock.advance(Duration::from_secs(8));
    };
    let (rental, ()) = tokio::join!(node.rent(rider, serial), patience);
    let rental = rental.unwrap();
    assert_eq!(rental.status(), Status::PendingPopup);
    rental
}

/// Every actor of a cabinet, the same one as before, with its slots; all of them answer.
async fn actors(node: &TestNode) -> Vec<(StationId, ActorId, usize)> {
    let mut found = Vec::new();
    for serial in SERIALS {
        let view = node.view(serial);
        let id = view.info.id;
        assert!(node.node.stations.describe(id).await.is_some(), "{serial}");
        let door = node.node.context.stations.door(id).unwrap();
        found.push((id, door.actor().get_id(), view.slots.len()));
    }
    found
}

/// What riders see of the cabinets.
async fn list(node: &TestNode) -> Value {
    let answer = node.stranger().get("/api/stations").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.data()["results"].as_array().unwrap().iter();
    rows.map(|row| row["serial_number"].clone()).collect()
}

/// The two returns are stored, and no start is left undecided.
async fn settled(node: &TestNode, scene: &Scene) {
    for Returned { rental, .. } in &scene.returned {
        let status = format!("select status from rentals where id = '{rental}'");
        node.database.until(&status, "COMPLETED", SOON).await;
    }
    let undecided = "select count(*) from rentals where status = 'PENDING_POPUP'";
    node.database.until(undecided, "0", SOON).await;
}

/// What was acknowledged is there, and what was refused has cost nothing.
async fn kept(node: &TestNode, rider: RiderId, answer: &Answer) {
    if answer.status == 201 {
        let id = answer.data()["rental_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(node.stored(id).await.rider, rider);
    } else {
        assert_eq!(answer.refusal(), (503, "service_unavailable"), "{answer:?}");
    }
    let rentals =
        format!("select count(*) from rentals where rider_id = {rider} and status = 'ACTIVE'");
    let out = node.database.number(&rentals).await;
    assert_eq!(node.wallet(rider).await, Money::rupees(100 - 50 * out));
}

/// Riders who were refused get their banks now.
async fn nobody_is_shut_out(node: &TestNode, crowd: &[RiderId]) {
    node.until("the lease", || node.node.context.lease.is_held().then_some(())).await;
    node.until_banks("CG-2", 3).await;
    for rider in &crowd[..3] {
        node.clock.advance(GAP);
        let answer = node.app(*rider).post(START, &start("CG-2")).await;
        assert_eq!((answer.status, &answer.data()["status"]), (201, &json!("ACTIVE")));
    }
}

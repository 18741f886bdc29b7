//! A start is cut in two by a crash: what was stored before is looked into, never ejected again.

use std::time::Duration;

use cabinet::{Cabinet, Fault, Fleet, FrameKind, Layout, Spec, Timing};
use serde_json::Value;

use super::enrol;
use crate::harness::database::Database;
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::process::{Place, Process, Rider, SOON};

on_the_embedded_broker! {
    a_start_that_was_stored_and_not_published_is_verified_and_cancelled_after_a_crash,
    an_eject_whose_answer_met_a_dead_service_is_found_out_by_a_whole_report,
    a_crash_at_the_publish_itself_ends_with_what_the_cabinet_did,
}

const CABINET: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const BANK: &str = "40818048";
/// Checks as close together as two sightings may be.
const CLOSE_CHECKS: (&str, &str) = ("CHARGEGHAR__STATIONS__VERIFY_GAP_S", "5");

pub async fn a_start_that_was_stored_and_not_published_is_verified_and_cancelled_after_a_crash(
    edges: Edges,
) {
    let mut scene = Scene::set(&edges, "after_start_commit").await;
    scene.start_and_die().await;
    assert_eq!(scene.ejects_sent(), 0, "the crash came before the publish");

    let rental = scene.restart().await;
    let rental = scene.until_status(&rental, "CANCELLED").await;

    assert_eq!(scene.ejects_sent(), 0, "never published: {rental}");
    assert!(scene.checks_since_crash() >= 2, "{:?}", scene.cabinet.counts());
    assert_eq!(scene.rider.balance().await, "100.00");
    assert_eq!(scene.cabinet.state().tray.len(), 0);
    scene.database.audit().await;
}

pub async fn an_eject_whose_answer_met_a_dead_service_is_found_out_by_a_whole_report(edges: Edges) {
    let mut scene = Scene::set(&edges, "none").await;
    let lost = Fault::Lose { frame: FrameKind::EjectReply };
    scene.cabinet.faults(|faults| faults.next(1, lost));
    scene.start_and_be_killed().await;

    let rental = scene.restart().await;
    let rental = scene.until_status(&rental, "ACTIVE").await;

    assert_eq!(scene.ejects_sent(), 1, "never sent twice: {rental}");
    assert!(scene.checks_since_crash() >= 1, "{:?}", scene.cabinet.counts());
    assert_eq!(scene.rider.balance().await, "50.00");
    scene.database.audit().await;
}

pub async fn a_crash_at_the_publish_itself_ends_with_what_the_cabinet_did(edges: Edges) {
    let mut scene = Scene::set(&edges, "after_publish").await;
    scene.start_and_die().await;

    let rental = scene.restart().await;
    let decided = format!("select status <> 'PENDING_POPUP' from rentals where id = '{rental}'");
    scene.database.until(&decided, "true", SOON).await;

    // the broker may die with the service, and may have passed the command on or not
    let sent = scene.ejects_sent();
    let (status, left) = if sent == 0 { ("CANCELLED", "100.00") } else { ("ACTIVE", "50.00") };
    assert!(sent <= 1, "never sent twice");
    assert_eq!(scene.rider.rental(&rental).await["status"], status);
    assert_eq!(scene.rider.balance().await, left);
    scene.database.audit().await;
}

/// A network of one cabinet and one rider, whose service dies.
struct Scene {
    database: Database,
    place: Place,
    process: Process,
    cabinet: Cabinet,
    rider: Rider,
    /// Of the cabinet, until the crash.
    checks: u64,
    _fleet: Fleet,
}

impl Scene {
    /// All is well; the service will die when it reaches the failpoint.
    async fn set(edges: &Edges, failpoint: &str) -> Scene {
        let database = Database::fresh().await;
        enrol(&database, CABINET, SERIAL).await;
        let place = Place::with(&database, edges);
        let variables = [("CHARGEGHAR_FAILPOINT", failpoint), CLOSE_CHECKS];
        let mut process = place.ready(&variables).await;
        let fleet = Fleet::new();
        let cabinet = fleet.start(
            Spec::new(CABINET, place.base_url())
                .layout(Layout::marker(&[4, 4]))
                .with_banks([BANK])
                .timing(Timing::quick().heartbeats_every(Duration::from_secs(1))),
        );
        cabinet.wait_reported(SOON).await.unwrap();
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        rider.until_banks(SERIAL, 1).await;
        Scene { database, place, process, cabinet, rider, checks: 0, _fleet: fleet }
    }

    /// The rider's start takes the service to its failpoint.
    async fn start_and_die(&mut self) {
        let answer = self.rider.rent(SERIAL).await;
        assert!(answer.is_err(), "the service survived: {answer:?}");
        assert!(!self.process.ended().await.success());
        self.checks = all_checks(&self.cabinet);
    }

    /// The service is killed as soon as the bank lies in the opening.
    async fn start_and_be_killed(&mut self) {
        let Scene { rider, process, cabinet, .. } = self;
        let kill = async {
            cabinet.wait_ejected(&BANK.into(), SOON).await.unwrap();
            process.kill();
        };
        let (answer, ()) = tokio::join!(rider.rent(SERIAL), kill);
        assert!(answer.is_err(), "the service answered: {answer:?}");
        assert!(!self.process.ended().await.success());
        self.checks = all_checks(&self.cabinet);
    }

    /// Starts the service again; the rental is still there, undecided.
    async fn restart(&mut self) -> String {
        self.process = self.place.ready(&[CLOSE_CHECKS]).await;
        let open = self.rider.active().await;
        assert_eq!(open["status"], "PENDING_POPUP", "{open}");
        open["id"].as_str().unwrap().to_owned()
    }

    async fn until_status(&self, rental: &str, status: &str) -> Value {
        let sql = format!("select status from rentals where id = '{rental}'");
        self.database.until(&sql, status, SOON).await;
        self.rider.rental(rental).await
    }

    fn ejects_sent(&self) -> u64 {
        self.cabinet.counts().command("popup_sn")
    }

    /// How often the cabinet was asked what it holds since the crash.
    fn checks_since_crash(&self) -> u64 {
        all_checks(&self.cabinet) - self.checks
    }
}

fn all_checks(cabinet: &Cabinet) -> u64 {
    let counts = cabinet.counts();
    counts.command("check") + counts.command("check_all")
}

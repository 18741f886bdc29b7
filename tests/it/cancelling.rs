//! A rider gives up while the start is stored and its eject is not sent yet.

use cabinet::{Cabinet, Fleet, Layout, Spec, Timing};
use tempfile::TempDir;

use crate::harness::database::Database;
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::process::{Place, Process, Rider, SOON};
use crate::restart::enrol;

on_the_embedded_broker! {
    a_start_given_up_before_its_eject_is_sent_is_cancelled_at_once_and_ejects_nothing,
}

const CABINET: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const BANK: &str = "40818048";

pub async fn a_start_given_up_before_its_eject_is_sent_is_cancelled_at_once_and_ejects_nothing(
    edges: Edges,
) {
    let scene = Scene::set(&edges).await;
    scene.hold();
    let rider = &scene.rider;

    let give_up = async {
        scene.database.until("select count(*) from rentals", "1", SOON).await;
        let id = rider.active().await["id"].as_str().unwrap().to_owned();
        let cancelled = rider.cancel(&id).await.unwrap();
        let balance = rider.balance().await;
        scene.go_on();
        (cancelled, balance)
    };
    let (started, (cancelled, balance)) = tokio::join!(rider.rent(SERIAL), give_up);

    assert_eq!((&cancelled["status"], &*balance), (&"CANCELLED".into(), "100.00"), "{cancelled}");
    assert_eq!(started.unwrap()["status"], "CANCELLED");
    // the next start is served after that one: it is the only eject
    rider.until_banks(SERIAL, 1).await;
    let next = rider.rent(SERIAL).await.unwrap();
    assert_eq!(next["status"], "ACTIVE", "{next}");
    let counts = scene.cabinet.counts();
    assert_eq!((counts.command("popup_sn"), counts.ejects), (1, 1));
    assert_eq!(rider.balance().await, "50.00");
    scene.database.audit().await;
}

/// A cabinet and a rider; the station can be held up before it sends an eject.
struct Scene {
    database: Database,
    holds: TempDir,
    cabinet: Cabinet,
    rider: Rider,
    _place: Place,
    _process: Process,
    _fleet: Fleet,
}

impl Scene {
    async fn set(edges: &Edges) -> Scene {
        let database = Database::fresh().await;
        enrol(&database, CABINET, SERIAL).await;
        let place = Place::with(&database, edges);
        let holds = tempfile::tempdir().unwrap();
        let folder = holds.path().to_str().unwrap();
        let mut process = place.ready(&[("CHARGEGHAR_FAILPOINT_HOLDS", folder)]).await;
        let fleet = Fleet::new();
        let spec = Spec::new(CABINET, place.base_url())
            .layout(Layout::marker(&[4, 4]))
            .with_banks([BANK])
            .timing(Timing::quick());
        let cabinet = fleet.start(spec);
        cabinet.wait_reported(SOON).await.unwrap();
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        rider.until_banks(SERIAL, 1).await;
        Scene { database, holds, cabinet, rider, _place: place, _process: process, _fleet: fleet }
    }

    fn hold(&self) {
        std::fs::write(self.holds.path().join("before_publish"), []).unwrap();
    }

    fn go_on(&self) {
        std::fs::remove_file(self.holds.path().join("before_publish")).unwrap();
    }
}

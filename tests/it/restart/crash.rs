//! A start is cut in two by a crash: what was stored before is looked into, never ejected again.

use cabinet::{Cabinet, Fleet, Layout, Spec, Timing};
use chargeghar::entropy::Entropy;
use serde_json::Value;

use crate::harness::database::Database;
use crate::harness::process::{Place, Process, Rider, SOON};

const CABINET: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const BANK: &str = "40818048";
/// Checks as close together as two sightings may be.
const CLOSE_CHECKS: (&str, &str) = ("CHARGEGHAR__STATIONS__VERIFY_GAP_S", "5");

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_stored_and_not_published_is_verified_and_cancelled_after_a_crash() {
    let crash = Crash::at("after_start_commit").await;
    assert_eq!(crash.cabinet.counts().command("popup_sn"), 0, "the crash came before the publish");

    let (_process, rental) = crash.restarted().await;
    let rental = crash.until_status(&rental, "CANCELLED").await;

    assert_eq!(crash.cabinet.counts().command("popup_sn"), 0, "never published: {rental}");
    assert!(crash.checks() >= 2, "{:?}", crash.cabinet.counts());
    assert_eq!(crash.rider.balance().await, "100.00");
    assert_eq!(crash.cabinet.state().tray.len(), 0);
    crash.database.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eject_that_was_published_before_a_crash_is_found_out_by_a_whole_report() {
    let crash = Crash::at("after_publish").await;
    crash.cabinet.wait_ejected(&BANK.into(), SOON).await.unwrap();

    let (_process, rental) = crash.restarted().await;
    let rental = crash.until_status(&rental, "ACTIVE").await;

    assert_eq!(crash.cabinet.counts().command("popup_sn"), 1, "never sent twice: {rental}");
    assert!(crash.checks() >= 1, "{:?}", crash.cabinet.counts());
    assert_eq!(crash.rider.balance().await, "50.00");
    crash.database.audit().await;
}

/// A service that died during a rider's start, and what is left.
struct Crash {
    database: Database,
    place: Place,
    cabinet: Cabinet,
    rider: Rider,
    checks_before: u64,
    _fleet: Fleet,
}

impl Crash {
    /// Everything goes well up to this instant of a start.
    async fn at(failpoint: &str) -> Crash {
        let database = Database::fresh().await;
        enrol(&database).await;
        let place = Place::on(&database);
        let variables = [("CHARGEGHAR_FAILPOINT", failpoint), CLOSE_CHECKS];
        let mut process = place.ready(&variables).await;
        let fleet = Fleet::new();
        let cabinet = fleet.start(
            Spec::new(CABINET, place.base_url())
                .layout(Layout::marker(&[4, 4]))
                .with_banks([BANK])
                .timing(Timing::quick()),
        );
        cabinet.wait_reported(SOON).await.unwrap();
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        rider.until_banks(SERIAL, 1).await;
        let answer = rider.rent(SERIAL).await;
        assert!(answer.is_err(), "the service survived: {answer:?}");
        assert!(!process.ended().await.success());
        let checks_before = all_checks(&cabinet);
        Crash { database, place, cabinet, rider, checks_before, _fleet: fleet }
    }

    async fn until_status(&self, rental: &str, status: &str) -> Value {
        let sql = format!("select status from rentals where id = '{rental}'");
        self.database.until(&sql, status, SOON).await;
        self.rider.rental(rental).await
    }

    /// How often the cabinet was asked what it holds since then.
    fn checks(&self) -> u64 {
        all_checks(&self.cabinet) - self.checks_before
    }

    /// Starts the service again; the rental is still there, undecided.
    async fn restarted(&self) -> (Process, String) {
        let process = self.place.ready(&[CLOSE_CHECKS]).await;
        let open: Value = self.rider.active().await;
        let id = open["id"].as_str().unwrap_or_else(|| panic!("no rental: {open}")).to_owned();
        (process, id)
    }
}

fn all_checks(cabinet: &Cabinet) -> u64 {
    let counts = cabinet.counts();
    counts.command("check") + counts.command("check_all")
}

async fn enrol(database: &Database) {
    let id = Entropy::system().uuid();
    let station = format!(
        "insert into stations (id, device_uuid, serial, name, latitude, longitude, version,
            created_at, updated_at)
         values ('{id}', '{CABINET}', '{SERIAL}', '{SERIAL}', 27.7, 85.3, 1, now(), now())"
    );
    database.run(&station).await;
    let slots = format!(
        "insert into slots (station_id, io, slot, version)
         select '{id}', 0, slot, 1 from generate_series(1, 8) slot"
    );
    database.run(&slots).await;
}

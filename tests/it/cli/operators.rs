//! What operators do with the built program: on a running node by its socket, and without one.

use cabinet::{Cabinet, Fleet, Layout, Script, Spec, Timing};
use serde_json::Value;

use crate::harness::database::Database;
use crate::harness::process::{Done, Place, Process, Rider, SOON};

mod fleet;
mod keyed;
mod outbox;
mod refunds;
mod service;
mod settling;
mod withdrawals;

const UUID: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const BANK: &str = "40818048";
/// A start answers after this, whatever its eject does.
const SHORT_PATIENCE: (&str, &str) = ("CHARGEGHAR__RENTALS__START_PATIENCE_MS", "1000");
const SHORT_PUBLISH: (&str, &str) = ("CHARGEGHAR__STATIONS__PUBLISH_WITHIN_MS", "900");

/// A service as a process, and a cabinet that an operator enrolled there.
struct Scene {
    database: Database,
    place: Place,
    process: Process,
    cabinet: Cabinet,
    _fleet: Fleet,
}

impl Scene {
    async fn set(variables: &[(&str, &str)]) -> Scene {
        let database = Database::fresh().await;
        let place = Place::on(&database);
        let variables = [&[SHORT_PATIENCE, SHORT_PUBLISH], variables].concat();
        let process = place.ready(&variables).await;
        let enrolled = place.run(&enrol(UUID, SERIAL)).await.one_document();
        assert_eq!((&enrolled["serial"], &enrolled["uuid"]), (&SERIAL.into(), &UUID.into()));
        let fleet = Fleet::new();
        let cabinet = fleet.start(
            Spec::new(UUID, place.base_url())
                .layout(Layout::marker(&[4, 4]))
                .with_banks([BANK])
                .timing(Timing::quick()),
        );
        cabinet.wait_reported(SOON).await.unwrap();
        Scene { database, place, process, cabinet, _fleet: fleet }
    }

    async fn run(&self, arguments: &[&str]) -> Done {
        self.place.run(arguments).await
    }

    /// The document that a command prints.
    async fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).await.one_document()
    }

    /// What a command that fails says: code 1, nothing on stdout, the reason on stderr.
    async fn refusal(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        done.refusal()
    }

    /// A rider whose eject has no end: the cabinet went dark in the middle of it.
    async fn unknown_rental(&mut self) -> (Rider, String) {
        let rider = Rider::with_money(&mut self.process, &self.place.base_url(), 100).await;
        rider.until_banks(SERIAL, 1).await;
        let cut = "[[step]]\non = \"popup_sn\"\nafter_ms = 1\ncut = \"both\"\n";
        self.cabinet.script(Script::parse(cut).unwrap());
        let rental = rider.rent(SERIAL).await.unwrap();
        assert_eq!(rental["status"], "PENDING_POPUP", "{rental}");
        let code = rental["rental_code"].as_str().unwrap().to_owned();
        (rider, code)
    }

    async fn custody(&self) -> String {
        self.database.text(&format!("select custody from banks where sn = '{BANK}'")).await
    }
}

fn enrol<'a>(uuid: &'a str, serial: &'a str) -> Vec<&'a str> {
    let place = ["--lat", "27.7154", "--lng", "85.3123", "--slots", "8"];
    let who = ["station", "enrol", "--uuid", uuid, "--serial", serial, "--name", "Thamel"];
    [&who[..], &place].concat()
}

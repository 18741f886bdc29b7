//! The service dies between the commit of a fact and the acknowledgement of the frame that
//! caused it. A broker of its own brings the frame again, the embedded one dies with it: either
//! way the frame counts once.

use cabinet::{Cabinet, Fleet, FrameKind, Layout, Spec, Timing};

use super::enrol;
use crate::harness::database::Database;
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::process::{Place, Process, Rider, SOON};

on_the_embedded_broker! {
    an_eject_that_was_stored_and_not_acknowledged_counts_once,
    a_return_that_was_stored_and_not_acknowledged_ends_the_rental_once,
    a_return_that_was_stored_and_not_told_ends_the_rental_once,
}

const FIRST: (&str, &str) = ("860000000000017", "CG-1");
const SECOND: (&str, &str) = ("860000000000025", "CG-2");
const BANK: &str = "40818048";
/// A return closes a rental however young it is.
const OLD_AT_ONCE: (&str, &str) = ("CHARGEGHAR__RENTALS__RETURN_YOUNG_S", "0");

pub async fn an_eject_that_was_stored_and_not_acknowledged_counts_once(edges: Edges) {
    let mut scene = Scene::set(&edges, &[dying("before_ack")]).await;

    let answer = scene.rider.rent(FIRST.1).await;
    assert!(answer.is_err(), "the service survived: {answer:?}");
    scene.died().await;
    let status = "select status from rentals";
    assert_eq!(scene.database.text(status).await, "ACTIVE", "the death came after the commit");
    scene.restart(&[]).await;

    scene.until_heard_again("ejected", &edges).await;
    assert_eq!(scene.database.text(status).await, "ACTIVE");
    assert_eq!(scene.events().await, "started,ejected");
    assert_eq!(scene.transfers().await, "top_up,hold,capture");
    assert_eq!(scene.rider.balance().await, "50.00");
    assert_eq!(scene.first.counts().command("popup_sn"), 1);
    scene.until_acknowledged("ejected", &edges).await;
    scene.database.audit().await;
}

pub async fn a_return_that_was_stored_and_not_acknowledged_ends_the_rental_once(edges: Edges) {
    ends_once(edges, "before_ack").await;
}

pub async fn a_return_that_was_stored_and_not_told_ends_the_rental_once(edges: Edges) {
    ends_once(edges, "after_commit").await;
}

async fn ends_once(edges: Edges, instant: &str) {
    let mut scene = Scene::set(&edges, &[OLD_AT_ONCE]).await;
    scene.rider.rent(FIRST.1).await.unwrap();
    let bank = scene.first.take(&BANK.into()).unwrap();
    scene.process.terminate();
    assert!(scene.process.ended().await.success());
    scene.restart(&[OLD_AT_ONCE, dying(instant)]).await;
    scene.second.faults(|faults| faults.switches.no_http_return = true);

    scene.second.insert(bank, None).unwrap();
    scene.died().await;
    let status = "select status from rentals";
    assert_eq!(scene.database.text(status).await, "COMPLETED", "the death came after the commit");
    let ended = "select event from rental_events where event->>'type' = 'returned'";
    let first_word = scene.database.text(ended).await;
    scene.restart(&[OLD_AT_ONCE]).await;

    scene.until_heard_again("returned", &edges).await;
    assert_eq!(scene.events().await, "started,ejected,returned");
    assert_eq!(scene.database.text(ended).await, first_word);
    assert_eq!(scene.transfers().await, "top_up,hold,capture");
    let custody = format!("select custody from banks where sn = '{BANK}'");
    assert_eq!(scene.database.text(&custody).await, "slot");
    scene.rider.until_banks(SECOND.1, 2).await;
    assert_eq!(scene.second.counts().sent(FrameKind::Return), 1, "the cabinet said it once");
    scene.until_acknowledged("returned", &edges).await;
    scene.database.audit().await;
}

fn dying(instant: &str) -> (&str, &str) {
    ("CHARGEGHAR_FAILPOINT", instant)
}

struct Scene {
    database: Database,
    place: Place,
    process: Process,
    rider: Rider,
    first: Cabinet,
    second: Cabinet,
    _fleet: Fleet,
}

impl Scene {
    async fn set(edges: &Edges, variables: &[(&str, &str)]) -> Scene {
        let database = Database::fresh().await;
        enrol(&database, FIRST.0, FIRST.1).await;
        enrol(&database, SECOND.0, SECOND.1).await;
        let place = Place::with(&database, edges);
        let mut process = place.ready(variables).await;
        let fleet = Fleet::new();
        let spec = |uuid: &str| {
            let spec = Spec::new(uuid, place.base_url()).layout(Layout::marker(&[4, 4]));
            spec.timing(Timing::quick())
        };
        let first = fleet.start(spec(FIRST.0).with_banks([BANK]));
        let second = fleet.start(spec(SECOND.0).with_banks(["40818060"]));
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        rider.until_banks(FIRST.1, 1).await;
        rider.until_banks(SECOND.1, 1).await;
        Scene { database, place, process, rider, first, second, _fleet: fleet }
    }

    async fn died(&mut self) {
        assert!(!self.process.ended().await.success());
    }

    async fn restart(&mut self, variables: &[(&str, &str)]) {
        self.process = self.place.ready(variables).await;
        let reported = "select count(*) from station_telemetry
            where whole_at > (select max(at) from rental_events)";
        self.first.upload();
        self.second.upload();
        self.database.until(reported, "2", SOON).await;
    }

    /// Another broker brings again what was not acknowledged.
    async fn until_heard_again(&self, kind: &str, edges: &Edges) {
        let times = if matches!(edges, Edges::Mosquitto(_)) { "2" } else { "1" };
        let frames = format!("select count(*) from raw_frames where kind = '{kind}'");
        self.database.until(&frames, times, SOON).await;
    }

    /// It does not come a third time.
    async fn until_acknowledged(&mut self, kind: &str, edges: &Edges) {
        self.process.terminate();
        assert!(self.process.ended().await.success());
        self.restart(&[]).await;
        self.until_heard_again(kind, edges).await;
    }

    async fn events(&self) -> String {
        let names = "select string_agg(event->>'type', ',' order by version) from rental_events";
        self.database.text(names).await
    }

    async fn transfers(&self) -> String {
        let kinds = "select string_agg(kind, ',' order by seq) from ledger_transfers";
        self.database.text(kinds).await
    }
}

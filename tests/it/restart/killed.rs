//! The service is killed while a rider has a bank, and started again: the rental is there, and
//! a return that nobody was there to hear closes it.

use std::time::Duration;

use cabinet::{Cabinet, Fleet, Layout, Spec, Timing};

use super::enrol;
use crate::harness::database::Database;
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::process::{Place, Process, Rider, SOON};

on_the_embedded_broker! {
    a_killed_service_still_has_its_open_rental_and_ejects_nothing_again,
    a_return_that_met_a_dead_service_closes_the_rental_when_it_lives_again,
}

const FIRST: (&str, &str) = ("860000000000017", "CG-1");
const SECOND: (&str, &str) = ("860000000000025", "CG-2");
const BANK: &str = "40818048";

pub async fn a_killed_service_still_has_its_open_rental_and_ejects_nothing_again(edges: Edges) {
    let Scene { database, place, mut process, rider, first, .. } = Scene::set(&edges).await;
    rider.rent(FIRST.1).await.unwrap();
    let rental = rider.active().await;

    process.kill();
    assert!(!process.ended().await.success());
    let _process = place.ready(&[]).await;

    let open = rider.active().await;
    assert_eq!((&open["id"], &open["status"]), (&rental["id"], &"ACTIVE".into()), "{open}");
    assert_eq!(rider.balance().await, "50.00");
    assert_eq!(first.counts().command("popup_sn"), 1);
    let refused = rider.refused(FIRST.1).await;
    assert_eq!((refused.0, refused.1.as_str()), (409, "active_rental_exists"));
    database.audit().await;
}

pub async fn a_return_that_met_a_dead_service_closes_the_rental_when_it_lives_again(edges: Edges) {
    let scene = Scene::set(&edges).await;
    let Scene { database, place, mut process, rider, first, second, .. } = scene;
    rider.rent(FIRST.1).await.unwrap();
    let rental = rider.active().await;
    let bank = first.take(&BANK.into()).unwrap();

    process.kill();
    assert!(!process.ended().await.success());
    second.insert(bank, None).unwrap();
    let _process = place.ready(&[]).await;

    let id = rental["id"].as_str().unwrap();
    let status = format!("select status from rentals where id = '{id}'");
    database.until(&status, "COMPLETED", SOON).await;
    let custody = format!("select custody from banks where sn = '{BANK}'");
    assert_eq!(database.text(&custody).await, "slot");
    assert_eq!(rider.balance().await, "50.00", "an hour, and not late");
    assert_eq!(first.counts().command("popup_sn"), 1);
    database.audit().await;
}

/// Two cabinets that beat now and then, and a rider.
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
    async fn set(edges: &Edges) -> Scene {
        let database = Database::fresh().await;
        enrol(&database, FIRST.0, FIRST.1).await;
        enrol(&database, SECOND.0, SECOND.1).await;
        let place = Place::with(&database, edges);
        let mut process = place.ready(&[]).await;
        let fleet = Fleet::new();
        let spec = |uuid: &str| {
            Spec::new(uuid, place.base_url())
                .layout(Layout::marker(&[4, 4]))
                .timing(Timing::quick().heartbeats_every(Duration::from_secs(1)))
        };
        let first = fleet.start(spec(FIRST.0).with_banks([BANK]));
        let second = fleet.start(spec(SECOND.0).with_banks(["40818060"]));
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        rider.until_banks(FIRST.1, 1).await;
        rider.until_banks(SECOND.1, 1).await;
        Scene { database, place, process, rider, first, second, _fleet: fleet }
    }
}

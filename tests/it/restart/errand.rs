//! The service dies between a payment's settlement and what it was made for, a start or dues: it is
//! gone on with after the restart, once, and nobody has to come back to ask.

use std::time::Duration;

use cabinet::{Fleet, Layout, Spec, Timing};
use chargeghar::clock::Clock;

use super::enrol;
use crate::harness::database::Database;
use crate::harness::process::{Place, Rider, SOON};
use crate::pay::owing::back_late_in;

const CABINET: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const SWEEP: (&str, &str) = ("CHARGEGHAR__NODE__SWEEP_S", "1");

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_start_that_was_cut_short_is_gone_on_with_once_after_the_restart() {
    let database = Database::fresh().await;
    enrol(&database, CABINET, SERIAL).await;
    let place = Place::on(&database);
    let mut process = place.ready(&[SWEEP, ("CHARGEGHAR_FAILPOINT", "before_errand")]).await;
    let fleet = Fleet::new();
    let cabinet = fleet.start(
        Spec::new(CABINET, place.base_url())
            .layout(Layout::marker(&[4, 4]))
            .with_banks(["40818048"])
            .timing(Timing::quick()),
    );
    cabinet.wait_reported(SOON).await.unwrap();
    let rider = Rider::with_money(&mut process, &place.base_url(), 20).await;
    rider.until_banks(SERIAL, 1).await;
    let intent = rider.short_of_money(SERIAL).await;

    assert!(rider.pay_and_verify(&intent).await.is_err(), "the service survived");
    assert!(!process.ended().await.success());
    let state = format!("select errand_state from payment_intents where id = '{intent}'");
    assert_eq!(database.text(&state).await, "PENDING");
    let _process = place.ready(&[SWEEP]).await;

    database.until(&state, "SUCCESS", SOON).await;
    let started = "select status from rentals";
    database.until(started, "ACTIVE", SOON).await;
    let verified = rider.verify(&intent).await.unwrap();
    assert_eq!(verified["rental_start_status"], "SUCCESS");
    assert_eq!(verified["rental_id"], rider.active().await["id"]);
    assert_eq!(rider.balance().await, "0.00");
    assert_eq!(cabinet.counts().command("popup_sn"), 1);
    database.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_dues_that_were_cut_short_are_settled_once_after_the_restart() {
    let database = Database::fresh().await;
    enrol(&database, CABINET, SERIAL).await;
    let place = Place::on(&database);
    let mut process = place.ready(&[SWEEP]).await;
    let fleet = Fleet::new();
    let cabinet = fleet.start(
        Spec::new(CABINET, place.base_url())
            .layout(Layout::marker(&[4, 4]))
            .with_banks(["40818048"])
            .timing(Timing::quick()),
    );
    cabinet.wait_reported(SOON).await.unwrap();
    let rider = Rider::with_money(&mut process, &place.base_url(), 50).await;
    rider.until_banks(SERIAL, 1).await;
    rider.rent(SERIAL).await.unwrap();
    database.until("select status from rentals", "ACTIVE", SOON).await;
    let id = database.text("select id from rentals").await;
    process.terminate();
    assert!(process.ended().await.success());
    drop(fleet);
    comes_back_late(&database, &id).await;
    let mut process = place.ready(&[SWEEP, ("CHARGEGHAR_FAILPOINT", "before_errand")]).await;
    let intent = rider.short_of_dues(&id).await;

    assert!(rider.pay_and_verify(&intent).await.is_err(), "the service survived");
    assert!(!process.ended().await.success());
    let state = format!("select errand_state from payment_intents where id = '{intent}'");
    assert_eq!(database.text(&state).await, "PENDING");
    assert_eq!(database.text("select owed::text from rentals").await, "100.00");
    let _process = place.ready(&[SWEEP]).await;

    database.until(&state, "SUCCESS", SOON).await;
    let paid = "select concat_ws(' ', owed, payment_status) from rentals";
    assert_eq!(database.text(paid).await, "0.00 PAID");
    rider.verify(&intent).await.unwrap();
    let collected = "select count(*) from ledger_transfers where kind = 'collect'";
    assert_eq!(database.number(collected).await, 1);
    assert_eq!(rider.balance().await, "0.00");
    database.audit().await;
}

/// While no service runs, three hours late, to an empty wallet.
async fn comes_back_late(database: &Database, id: &str) {
    let clock = Clock::system();
    let store = database.open(&clock).await;
    let _lease = store.acquire("a story", Duration::from_secs(20)).await.unwrap();
    let out = store.rental(id.parse().unwrap()).await.unwrap();
    back_late_in(&store, clock.now(), out.rental, out.version).await;
}

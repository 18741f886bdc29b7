//! The service dies between a payment's settlement and the start that it was made for: the start
//! is gone on with after the restart, once, and nobody has to come back to ask.

use cabinet::{Fleet, Layout, Spec, Timing};

use super::enrol;
use crate::harness::database::Database;
use crate::harness::process::{Place, Rider, SOON};

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

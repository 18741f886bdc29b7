//! A part of the service that panics for good: the process ends, so that it is started again. One
//! fact that a writer panics over does not count: it would be back after the restart.

use std::time::Duration;

use crate::harness::database::Database;
use crate::harness::process::{Place, Rider};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_keeper_of_the_lease_panics_ends_with_5() {
    let database = Database::fresh().await;
    let place = Place::on(&database);

    let mut process = place.start(&[("CHARGEGHAR_FAILPOINT", "lease_keeper")]);

    assert_eq!(process.ended().await.code(), Some(5), "{}", process.said());
    assert!(process.said().contains("store.lease died too often"), "{}", process.said());
    place.ready(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_a_writer_panics_over_fails_alone_however_often_it_comes() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let one_writer = ("CHARGEGHAR__DATABASE__WRITERS", "1");
    let variables = [("CHARGEGHAR_FAILPOINT", "write:spoiled"), one_writer];
    let mut process = place.ready(&variables).await;
    let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;

    for time in 0..10 {
        let good = format!("good-{time}");
        let together = tokio::join!(rider.pay_once("spoiled", 50), rider.pay_once(&good, 50));
        assert_eq!(together, (503, 201), "{}", process.said());
    }

    let panics = process.said().matches("task store.writer panicked").count();
    assert!(panics >= 10, "{panics}: {}", process.said());
    assert!(!process.said().contains("died too often"), "{}", process.said());
    process.terminate();
    let ended = tokio::time::timeout(Duration::from_secs(20), process.ended()).await;
    assert!(ended.is_ok_and(|status| status.success()), "{}", process.said());
    let stored = "select count(*) from payment_intents where amount = 50";
    assert_eq!(database.number(stored).await, 10);
    database.audit().await;
}

//! A part of the service that panics for good: the process ends, so that it is started again.

use crate::harness::database::Database;
use crate::harness::process::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_keeper_of_the_lease_panics_ends_with_5() {
    let database = Database::fresh().await;
    let place = Place::on(&database);

    let mut process = place.start(&[("CHARGEGHAR_FAILPOINT", "lease_keeper")]);

    assert_eq!(process.ended().await.code(), Some(5), "{}", process.said());
    assert!(process.said().contains("store.lease died too often"), "{}", process.said());
    place.ready(&[]).await;
}

//! One instance at a time, and an orderly end.

use std::time::Duration;

use chargeghar::clock::Clock;

use crate::harness::database::Database;
use crate::harness::process::Place;
use crate::harness::proxy::Proxy;

const DRAINED: Duration = Duration::from_secs(10);
const DATABASE: &str = "CHARGEGHAR__DATABASE__URL";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_on_the_same_database_ends_with_4_and_the_first_goes_on() {
    let database = Database::fresh().await;
    let mut first = Place::on(&database).ready(&[]).await;
    let before = database.text("select holder from node").await;

    let mut second = Place::on(&database).start(&[]);

    assert_eq!(second.ended().await.code(), Some(4), "{}", second.said());
    assert!(second.said().contains("another instance runs on this database"), "{}", second.said());
    assert_eq!(database.text("select holder from node").await, before);
    first.terminate();
    assert_eq!(first.ended().await.code(), Some(0), "{}", first.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_with_0_within_ten_seconds_and_the_next_start_need_not_wait() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut first = place.ready(&[]).await;
    let clock = Clock::system();
    let deadline = clock.running() + DRAINED;

    first.terminate();

    assert_eq!(first.ended().await.code(), Some(0), "{}", first.said());
    assert!(clock.running() < deadline, "{}", first.said());
    let lease = "select expires_at <= clock_timestamp() from node";
    assert_eq!(database.text(lease).await, "true", "the lease is given back");
    place.ready(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_was_taken_over_ends_with_3_and_leaves_the_lease_to_the_new_owner() {
    let database = Database::fresh().await;
    let mut old = Place::on(&database).ready(&[]).await;

    let taken = "update node set epoch = epoch + 1, holder = 'another',
        expires_at = clock_timestamp() + interval '1 hour'";
    database.run(taken).await;

    assert_eq!(old.ended().await.code(), Some(3), "{}", old.said());
    assert_eq!(database.text("select holder from node").await, "another");
    let left = "select expires_at > clock_timestamp() + interval '50 minutes' from node";
    assert_eq!(database.text(left).await, "true", "it gave back what was not its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_with_0_within_ten_seconds_while_the_database_answers_nothing() {
    let database = Database::fresh().await;
    let proxy = Proxy::before(&database).await;
    let place = Place::on(&database);
    let mut first = place.ready(&[(DATABASE, proxy.url())]).await;
    let clock = Clock::system();
    proxy.fall_silent();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asks = client.get(format!("{}/readyz", place.base_url())).send();
    let ends = async {
        let deadline = clock.running() + DRAINED;
        first.terminate();
        assert_eq!(first.ended().await.code(), Some(0), "{}", first.said());
        assert!(clock.running() < deadline, "{}", first.said());
    };

    let _ = tokio::join!(asks, ends);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_start_that_waits_for_the_database() {
    let database = Database::fresh().await;
    let proxy = Proxy::before(&database).await;
    proxy.fall_silent();
    let mut starting = Place::on(&database).start(&[(DATABASE, proxy.url())]);
    proxy.asked().await;
    let clock = Clock::system();
    let deadline = clock.running() + DRAINED;

    starting.terminate();

    assert_eq!(starting.ended().await.code(), Some(0), "{}", starting.said());
    assert!(clock.running() < deadline, "{}", starting.said());
}

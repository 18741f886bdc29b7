//! One instance owns the database; a stale one neither writes nor believes that it may eject.

use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{CommitError, Fact};
use chargeghar::store::{Error, Settings, Store};
use tokio::time::timeout;

use super::world::World;
use crate::harness::database::Database;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_second_instance_is_held_off_while_the_first_renews() {
    let database = Database::fresh().await;
    let (first, second) = (open(&database, 600).await, open(&database, 600).await);
    let lease = first.acquire("first", Duration::ZERO).await.unwrap();

    let at_once = second.acquire("second", Duration::ZERO).await;
    let patient = second.acquire("second", 5 * SECOND).await;

    let held = |by: &str| Some(Error::Held { by: by.into() });
    assert_eq!(at_once.err(), held("first"));
    assert_eq!(patient.err(), held("first"));
    assert!(lease.is_held());
    assert!(first.commit(Fact::at(chrono::DateTime::UNIX_EPOCH)).await.is_ok());
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let database = Database::fresh().await;
    let (first, second) = (open(&database, 60_000).await, open(&database, 60_000).await);
    let lease = first.acquire("first", Duration::ZERO).await.unwrap();

    first.close(SECOND).await;
    let next = second.acquire("second", Duration::ZERO).await.unwrap();

    assert_eq!((lease.epoch(), next.epoch()), (1, 2));
    assert!(!lease.is_held() && next.is_held());
    assert_eq!(
        first.commit(Fact::at(chrono::DateTime::UNIX_EPOCH)).await,
        Err(CommitError::NotSent)
    );
}

#[tokio::test]
async fn a_dead_instance_is_waited_for_and_replaced() {
    let database = Database::fresh().await;
    dead_owner(&database, "1 second").await;
    let store = open(&database, 600).await;
    let began = Clock::system();

    let early = store.acquire("next", SECOND / 10).await;
    let lease = store.acquire("next", 5 * SECOND).await.unwrap();

    assert_eq!(early.err(), Some(Error::Held { by: "dead".into() }));
    assert_eq!(lease.epoch(), 8);
    assert!(began.running() >= SECOND * 8 / 10 && lease.is_held());
}

#[tokio::test]
async fn a_stale_owner_writes_nothing_and_is_told() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let other = open(&world.database, 600).await;
    world.database.run("update node set expires_at = now() - interval '1 second'").await;

    let next = other.acquire("other", Duration::ZERO).await.unwrap();
    let fenced = world.store.commit(world.top_up(rider, 1)).await;
    let note = world.store.purge_keys(world.now()).await;

    assert_eq!((world.lease.epoch(), next.epoch()), (1, 2));
    assert_eq!(fenced, Err(CommitError::Fenced));
    assert_eq!(note, Err(Error::Fenced));
    assert!(!world.lease.is_held() && next.is_held());
    timeout(SECOND, world.lease.lost()).await.unwrap();
    assert_eq!(world.store.commit(world.top_up(rider, 1)).await, Err(CommitError::Fenced));
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "0");
}

#[tokio::test]
async fn a_write_that_is_no_fact_is_fenced_too() {
    let world = World::new().await;
    world.database.run("update node set epoch = epoch + 1").await;

    assert_eq!(world.store.purge_keys(world.now()).await, Err(Error::Fenced));

    assert!(!world.lease.is_held());
}

#[tokio::test]
async fn an_owner_that_is_replaced_notices_at_its_next_renewal() {
    let database = Database::fresh().await;
    let store = open(&database, 600).await;
    let lease = store.acquire("first", Duration::ZERO).await.unwrap();

    database.run("update node set epoch = epoch + 1").await;

    timeout(2 * SECOND, lease.lost()).await.unwrap();
    assert!(!lease.is_held());
}

#[tokio::test]
async fn nothing_is_committed_before_the_lease_is_held() {
    let database = Database::fresh().await;
    let store = open(&database, 600).await;

    let early = store.commit(Fact::at(chrono::DateTime::UNIX_EPOCH)).await;

    assert_eq!(early, Err(CommitError::Fenced));
    assert!(store.acquire("first", Duration::ZERO).await.unwrap().left() > Duration::ZERO);
    assert!(store.commit(Fact::at(chrono::DateTime::UNIX_EPOCH)).await.is_ok());
}

#[tokio::test]
async fn a_newer_or_changed_database_is_refused() {
    let database = Database::empty().await;
    let settings = || database.settings();
    let open = async || Store::open(settings(), Clock::system(), Entropy::system()).await.err();
    let (first, second) = tokio::join!(open(), open());
    assert_eq!((first, second, open().await), (None, None, None));

    database.run("update _sqlx_migrations set checksum = 'x' where version = 2").await;
    assert_eq!(open().await, Some(Error::Migration(2)));
    database
        .run(
            "insert into _sqlx_migrations
                (version, description, success, checksum, execution_time)
            values (9999, 'later', true, 'x', 0)",
        )
        .await;
    let newer = open().await;
    assert!(matches!(newer, Some(Error::Newer { database: 9999, .. })), "{newer:?}");
}

#[tokio::test]
async fn tables_are_not_changed_under_a_running_instance() {
    let database = Database::fresh().await;
    dead_owner(&database, "1 hour").await;
    let last = "select max(version) from _sqlx_migrations";
    let last = database.number(last).await;
    database.run(&format!("delete from _sqlx_migrations where version = {last}")).await;

    let settings = Settings { lease_expiry: SECOND / 10, ..database.settings() };
    let refused = Store::open(settings, Clock::system(), Entropy::system()).await;

    assert_eq!(refused.err(), Some(Error::Held { by: "dead".into() }));
}

#[tokio::test]
async fn an_address_without_a_database_is_refused_in_time() {
    let settings = |url: &str| Settings {
        connect_timeout: SECOND / 5,
        start_timeout: SECOND / 5,
        ..Settings::new(url)
    };
    let open = async |url| {
        Store::open(settings(url), Clock::system(), Entropy::system()).await.err().unwrap()
    };

    assert!(matches!(open("postgres://a@127.0.0.1:1/b").await, Error::Unavailable(_)));
    assert!(matches!(open("no address").await, Error::Address(_)));
}

/// A store whose lease expires after so many milliseconds.
async fn open(database: &Database, expiry_ms: u64) -> Store {
    let settings = Settings {
        lease_expiry: Duration::from_millis(expiry_ms),
        lease_renewal: Duration::from_millis(expiry_ms / 4),
        ..database.settings()
    };
    Store::open(settings, Clock::system(), Entropy::system()).await.unwrap()
}

/// An owner that does not renew.
async fn dead_owner(database: &Database, left: &str) {
    let sql = format!("insert into node values (1, 7, 'dead', now() + interval '{left}')");
    database.run(&sql).await;
}

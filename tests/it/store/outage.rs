//! A database that is away, a connection that breaks, a caller that goes away.

use std::time::Duration;

use chargeghar::store::fact::CommitError;
use chargeghar::store::{Error, Settings};
use domain::ids::Sn;
use tokio::time::timeout;

use super::world::World;
use crate::harness::proxy::{Break, Proxy};

#[tokio::test]
async fn a_commit_that_never_arrived_is_ambiguous() {
    let (world, proxy) = behind_a_proxy(|settings| settings).await;
    let rider = world.rider(0).await;

    proxy.break_at(Break::BeforeCommit);
    let lost = world.store.commit(world.top_up(rider, 5)).await;

    assert_eq!(lost, Err(CommitError::Ambiguous));
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "0");
    assert!(world.store.commit(world.top_up(rider, 7)).await.is_ok());
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "7.00");
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_ambiguous_and_never_sent_again() {
    let (world, proxy) = behind_a_proxy(|settings| settings).await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);

    proxy.break_at(Break::AfterCommit);
    let lost = world.store.commit(world.start(&rental)).await;

    assert_eq!(lost, Err(CommitError::Ambiguous));
    assert_eq!(world.store.rental(rental.id).await.unwrap().rental, rental);
    assert_eq!(world.balance(&format!("hold:{rider}")).await, "50.00");
}

#[tokio::test]
async fn a_write_that_is_no_fact_says_when_it_is_unsure() {
    let (world, proxy) = behind_a_proxy(|settings| settings).await;
    let now = world.now();

    proxy.break_at(Break::AfterCommit);

    assert_eq!(world.store.purge_keys(now).await, Err(Error::Unsure));
    assert_eq!(world.store.purge_keys(now).await, Ok(0));
}

#[tokio::test]
async fn a_broken_connection_before_the_commit_is_not_the_callers_concern() {
    let (world, proxy) = behind_a_proxy(|settings| settings).await;
    let rider = world.rider(0).await;

    for _ in 0..5 {
        proxy.drop_all();
        assert!(world.store.commit(world.top_up(rider, 1)).await.is_ok());
    }

    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "5.00");
}

#[tokio::test]
async fn a_database_that_is_away_refuses_in_time_and_recovers_by_itself() {
    let patience = Duration::from_millis(300);
    let (world, proxy) = behind_a_proxy(|settings| Settings {
        patience,
        connect_timeout: Duration::from_millis(500),
        ..settings
    })
    .await;
    let rider = world.rider(0).await;

    proxy.cut();
    let (first, second) = tokio::join!(
        timeout(Duration::from_secs(3), world.store.commit(world.top_up(rider, 1))),
        timeout(Duration::from_secs(3), world.store.commit(world.top_up(rider, 1))),
    );
    let read = world.store.bank(&Sn::from("1")).await;
    let ping = world.store.ping().await;
    proxy.restore();

    assert_eq!(first.unwrap(), Err(CommitError::NotSent));
    assert_eq!(second.unwrap(), Err(CommitError::NotSent));
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(matches!(ping, Err(Error::Unavailable(_))), "{ping:?}");
    let again = timeout(Duration::from_secs(5), async {
        while world.store.commit(world.top_up(rider, 3)).await.is_err() {}
    });
    again.await.unwrap();
    assert_eq!(world.store.ping().await, Ok(()));
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "3.00");
}

#[tokio::test]
async fn a_database_that_says_nothing_is_given_up() {
    let (world, proxy) = behind_a_proxy(|settings| Settings {
        statement_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(200),
        patience: Duration::from_millis(300),
        ..settings
    })
    .await;
    let rider = world.rider(0).await;

    proxy.fall_silent();
    let silent = timeout(Duration::from_secs(5), world.store.commit(world.top_up(rider, 1))).await;
    proxy.restore();

    assert_eq!(silent.unwrap(), Err(CommitError::NotSent));
    while world.store.commit(world.top_up(rider, 2)).await.is_err() {}
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "2.00");
}

#[tokio::test]
async fn a_jump_of_the_clock_is_no_silence_of_the_database() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let lease = world.lease.clone();

    for _ in 0..20 {
        let (done, ()) = tokio::join!(world.store.commit(world.top_up(rider, 1)), async {
            world.clock.advance(Duration::from_hours(1));
        });
        assert!(done.is_ok() && lease.is_held());
    }
}

#[tokio::test]
async fn callers_that_go_away_leave_no_open_transaction_and_lose_no_fact() {
    let world = World::new().await;
    let rider = world.rider(0).await;

    for round in 0..200 {
        let mut commit = Box::pin(world.store.commit(world.top_up(rider, 1)));
        let mut note = Box::pin(world.store.purge_keys(world.now()));
        let waits = Duration::from_micros(round * 7);
        let _ = timeout(waits, &mut commit).await;
        let _ = timeout(waits, &mut note).await;
    }

    let account = format!("wallet:{rider}");
    let written = timeout(Duration::from_secs(10), async {
        while world.balance(&account).await != "200.00" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    written.await.unwrap();
    settled(&world).await;
}

#[tokio::test]
async fn a_read_that_is_dropped_leaves_no_open_transaction_behind_a_pooler_or_without_one() {
    let mut world = World::new().await;
    for statement_cache in [0, 200] {
        world.reopen(|settings| Settings { statement_cache, ..settings }).await;

        for round in 0..200 {
            let mut read = Box::pin(world.store.load_all());
            let _ = timeout(Duration::from_micros(round * 5), &mut read).await;
        }

        settled(&world).await;
        assert_eq!(world.store.stations().await.unwrap().len(), 1);
    }
}

/// No connection of this database works, or is in a transaction.
async fn settled(world: &World) {
    let sql = "
        select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'";
    let done = timeout(Duration::from_secs(10), async {
        while world.database.number(sql).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    done.await.unwrap();
}

async fn behind_a_proxy(change: impl FnOnce(Settings) -> Settings) -> (World, Proxy) {
    let mut world = World::new().await;
    let proxy = Proxy::before(&world.database).await;
    let url = proxy.url().to_owned();
    world.reopen(|settings| change(Settings { url, ..settings })).await;
    (world, proxy)
}

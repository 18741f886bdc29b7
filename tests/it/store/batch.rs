//! Facts that are written together: each gets its own answer, and one that is refused hurts no
//! other.

use std::time::Duration;

use chargeghar::spawn::spawn;
use chargeghar::store::fact::{CommitError, Conflict, Fact, Row};
use chargeghar::store::{Settings, fact};
use domain::ids::RiderId;
use sqlx::PgConnection;
use tokio::task::JoinHandle;

use super::world::{World, with_rental};

/// Held shared by every transaction with facts.
const FENCE: i64 = 0x6368_6172_6765_0001;

#[tokio::test]
async fn a_stale_fact_is_refused_alone() {
    let world = World::new().await;
    let riders = [world.rider(100).await, world.rider(100).await];
    let rental = world.rental(riders[0], "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (_, mut stale) = world.eject(&rental, 1);
    stale.rental.as_mut().unwrap().before = Some(7);
    let good = world.start(&world.rental(riders[1], "2", 2));

    let answers = together(&world, vec![stale, good]).await;

    assert_eq!(answers[0], Err(CommitError::Stale(Row::Rental)));
    assert_eq!(answers[1].as_ref().unwrap().rental, Some(1));
    assert_eq!(world.balance(&format!("hold:{}", riders[0])).await, "50.00");
    assert_eq!(world.database.number("select count(*) from rental_events").await, 2);
}

#[tokio::test]
async fn not_enough_money_refuses_alone_and_in_order() {
    let world = World::new().await;
    let (poor, rich) = (world.rider(60).await, world.rider(500).await);
    let start = |rider, sn: &str, slot| world.start(&world.rental(rider, sn, slot));
    let broke: RiderId = world.rider(0).await;
    let facts = vec![start(poor, "1", 1), start(broke, "2", 2), start(rich, "3", 3)];

    let answers = together(&world, facts).await;

    let account = format!("wallet:{broke}");
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert_eq!(answers[1], Err(CommitError::Short { account }));
    assert_eq!(world.balance(&format!("wallet:{poor}")).await, "10.00");
    assert_eq!(world.database.number("select count(*) from rentals").await, 2);
}

#[tokio::test]
async fn accounts_of_one_rider_may_repeat_and_are_computed_in_order() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let start = world.start(&world.rental(rider, "1", 1));
    let facts = vec![start.clone(), world.top_up(rider, 30), world.top_up(rider, 40), start];

    let answers = together(&world, facts).await;

    assert!(matches!(answers[0], Err(CommitError::Short { .. })), "{:?}", answers[0]);
    assert!(answers[1..].iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "20.00");
    assert_eq!(world.balance(&format!("hold:{rider}")).await, "50.00");
}

#[tokio::test]
async fn what_the_database_refuses_is_run_singly() {
    let world = World::new().await;
    let riders = [world.rider(200).await, world.rider(200).await, world.rider(200).await];
    world.store.commit(world.start(&world.rental(riders[0], "1", 1))).await.unwrap();
    let second = world.start(&world.rental(riders[0], "2", 2));
    let taken = world.start(&world.rental(riders[1], "1", 3));
    let good = world.start(&world.rental(riders[2], "4", 4));
    let nobody = world.start(&world.rental(RiderId(999_999), "5", 5));

    let answers =
        together(&world, vec![second, taken, good, world.top_up(RiderId(999_999), 1)]).await;

    assert_eq!(answers[0], Err(CommitError::Conflict(Conflict::RiderHasRental)));
    assert_eq!(answers[1], Err(CommitError::Conflict(Conflict::BankHasRental)));
    assert!(answers[2].is_ok(), "{answers:?}");
    assert!(matches!(answers[3], Err(CommitError::Corrupt(_))), "{answers:?}");
    let answer = world.store.commit(nobody).await;
    assert!(matches!(answer, Err(CommitError::Short { .. })), "{answer:?}");
}

#[tokio::test]
async fn two_facts_of_one_row_are_written_in_the_order_they_came() {
    let world = World::new().await;
    let rider = world.rider(100).await;
    world.store.commit(world.adopt("1", 1)).await.unwrap();
    let rental = world.rental(rider, "1", 1);
    let mut out = world.fact();
    out.banks = vec![with_rental(&rental.bank, 1, rental.id)];
    let mut returned = world.adopt("1", 2);
    returned.banks[0].before = Some(2);
    let late = out.clone();

    let answers = together(&world, vec![out, returned, late]).await;

    let bank = |version| vec![(rental.bank.clone(), version)];
    assert_eq!(answers[0].as_ref().unwrap().banks, bank(2));
    assert_eq!(answers[1].as_ref().unwrap().banks, bank(3));
    assert_eq!(answers[2], Err(CommitError::Stale(Row::Bank)));
    assert_eq!(world.database.number("select count(*) from bank_events").await, 3);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let mut world = World::new().await;
    world.reopen(|settings| Settings { queue_max: 2, batch_max: 1, ..settings }).await;
    let rider = world.rider(0).await;
    let gate = hold(&world).await;
    let first = queue(&world, world.top_up(rider, 1)).await;
    let waiting =
        [queue(&world, world.top_up(rider, 1)).await, queue(&world, world.top_up(rider, 1)).await];

    let refused = world.store.commit(world.top_up(rider, 1)).await;

    assert_eq!(refused, Err(CommitError::Busy));
    drop(gate);
    assert!(first.await.unwrap().is_ok());
    for task in waiting {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "3.00");
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_takes_no_more() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let gate = hold(&world).await;
    let tasks =
        [queue(&world, world.top_up(rider, 1)).await, queue(&world, world.top_up(rider, 2)).await];
    let store = world.store.clone();
    let closing = spawn("test", async move { store.close(Duration::from_secs(5)).await });
    others_run().await;

    let refused = world.store.commit(world.top_up(rider, 4)).await;
    drop(gate);
    closing.await.unwrap();

    assert_eq!(refused, Err(CommitError::NotSent));
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "3.00");
}

#[tokio::test]
async fn two_writers_neither_deadlock_nor_lose_money() {
    let mut world = World::new().await;
    world.reopen(|settings| Settings { writers: 2, batch_max: 8, ..settings }).await;
    let mut riders = Vec::new();
    for _ in 0..6 {
        riders.push(world.rider(1_000).await);
    }
    let mut tasks = Vec::new();
    for round in 0..40_usize {
        for (at, rider) in riders.iter().enumerate() {
            let sn = format!("{round}-{at}");
            tasks.push(queue(&world, world.top_up(*rider, 1)).await);
            tasks.push(queue(&world, world.adopt(&sn, 1)).await);
            let same = world.adopt(&format!("{}", at % 3), 2);
            tasks.push(queue(&world, same).await);
        }
    }

    let (mut written, mut stale) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => written += 1,
            Err(CommitError::Stale(fact::Row::Bank)) => stale += 1,
            Err(error) => panic!("{error}"),
        }
    }

    assert_eq!((written, stale), (240 + 240 + 3, 240 - 3));
    for rider in riders {
        assert_eq!(world.balance(&format!("wallet:{rider}")).await, "1040.00");
    }
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(world.database.number(deadlocks).await, 0);
}

/// Commits facts in one batch, behind another one that waits.
async fn together(world: &World, facts: Vec<Fact>) -> Vec<Result<fact::Committed, CommitError>> {
    let gate = hold(world).await;
    let first = queue(world, world.fact()).await;
    let mut tasks = Vec::new();
    for fact in facts {
        tasks.push(queue(world, fact).await);
    }
    assert_eq!(world.store.backlog(), tasks.len());
    drop(gate);
    assert!(first.await.unwrap().is_ok());
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Lets no fact be written until it is dropped.
async fn hold(world: &World) -> PgConnection {
    let mut connection = world.database.connect().await;
    let sql = format!("select pg_advisory_lock({FENCE})");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection
}

/// Hands a fact in and waits until it is in the queue or in work.
async fn queue(world: &World, fact: Fact) -> JoinHandle<Result<fact::Committed, CommitError>> {
    let store = world.store.clone();
    let task = spawn("test", async move { store.commit(fact).await });
    others_run().await;
    task
}

/// Every other task of this thread gets as far as it can.
async fn others_run() {
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
}

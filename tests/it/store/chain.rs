//! The chain of days: sealed after the commit, in an order that nothing can get into, and
//! exported as lines that prove themselves.

use std::time::Duration;

use chargeghar::chain::{Broken, Checker, Verified};
use chargeghar::clock::Clock;
use chargeghar::store::Error;
use chargeghar::store::seal::Sealed;
use chargeghar::store::verify::{Kind, Scope};
use domain::calendar::local_day;
use domain::ids::RiderId;
use domain::ledger::Account;
use domain::money::Money;
use sqlx::{Connection, Executor};

use super::world::World;

const DAY: Duration = Duration::from_hours(24);
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_day_is_sealed_closed_and_exported_as_lines_that_prove_themselves() {
    let world = World::at_noon().await;
    let rider = world.rider(100).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    world.store.commit(world.eject(&rental, 1).1).await.unwrap();
    let today = local_day(world.now());

    sealed(&world, 3).await;
    let early = world.store.export_day(today).await;
    world.clock.advance(DAY);
    world.store.commit(world.top_up(rider, 7)).await.unwrap();
    sealed(&world, 1).await;
    let lines = exported(&world).await;

    assert!(matches!(early, Err(Error::Stale)), "a day that can grow proves nothing");
    let Verified { days, transfers, .. } = check(&lines).unwrap();
    assert_eq!((days, transfers, lines.len()), (1, 3, 5));
    let mut forged = lines.clone();
    forged[2] = forged[2].replace("-50.00", "-51.00").replace("50.00", "51.00");
    assert_eq!(check(&forged).unwrap_err().line, 3);
    let next = world.store.seal(world.now()).await.unwrap();
    assert_eq!(next, Sealed::default(), "doing it again does nothing");
    let transfers = "select count(*) from ledger_chain";
    assert_eq!(world.database.number(transfers).await, 4);
}

#[tokio::test]
async fn nothing_is_sealed_before_every_older_transaction_is_over() {
    let world = World::at_noon().await;
    let rider = world.rider(0).await;
    let mut slow = world.database.connect().await;
    let mut slow = slow.begin().await.unwrap();
    slow.execute("select pg_current_xact_id()").await.unwrap();

    world.store.commit(world.top_up(rider, 5)).await.unwrap();
    let early = world.store.seal(world.now()).await.unwrap();
    slow.rollback().await.unwrap();
    sealed(&world, 1).await;

    assert_eq!(early.transfers, 0);
}

#[tokio::test]
async fn the_order_is_that_of_transactions_however_late_their_rows_are_seen() {
    let world = World::at_noon().await;
    let rider = world.rider(0).await;
    let mut connection = world.database.connect().await;
    let mut slow = connection.begin().await.unwrap();
    let insert = format!(
        "insert into ledger_transfers (id, kind, at)
        values ('ffffffff-ffff-7fff-bfff-ffffffffffff', 'slow', now());
        insert into ledger_entries (transfer_id, line, account, amount) values
        ('ffffffff-ffff-7fff-bfff-ffffffffffff', 1, 'clearing:sandbox', -1),
        ('ffffffff-ffff-7fff-bfff-ffffffffffff', 2, 'wallet:{rider}', 1)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut *slow).await.unwrap();
    world.store.commit(world.top_up(rider, 5)).await.unwrap();
    assert_eq!(world.store.seal(world.now()).await.unwrap().transfers, 0);
    slow.commit().await.unwrap();
    world.database.is_crooked();

    sealed(&world, 2).await;

    let order = "select string_agg(kind, ' ' order by position)
        from ledger_chain c join ledger_transfers t on t.id = c.transfer_id";
    assert_eq!(world.database.text(order).await, "slow top_up");
}

#[tokio::test]
async fn closing_rows_stand_for_all_entries_before_them() {
    let world = World::at_noon().await;
    let rider = world.rider(100).await;
    let clearing = Account::Clearing(domain::ledger::Gateway::Sandbox);
    let balance = async || world.store.balance(&clearing).await.unwrap();
    assert_eq!(balance().await, Money::rupees(100).into(), "without any place");

    sealed(&world, 1).await;
    assert_eq!(balance().await, Money::rupees(100).into(), "with a place");
    next_day(&world, rider, 20).await;
    assert_eq!(balance().await, Money::rupees(120).into(), "closed, and a new day");
    next_day(&world, rider, 3).await;
    assert_eq!(balance().await, Money::rupees(123).into(), "two days closed");

    let rows = "select string_agg(balance::text, ' ' order by day) from ledger_closings";
    assert_eq!(world.database.text(rows).await, "-100.00 -120.00");
    // the kept sum is used, not the entries
    let spoil = "alter table ledger_closings disable trigger all;
        update ledger_closings set balance = balance - 1";
    world.database.run(spoil).await;
    assert_eq!(balance().await, Money::rupees(124).into());
    let (report, _) = world.store.verify(&Scope::Whole, |_| ()).await.unwrap();
    assert_eq!(report.counts[&Kind::Closing], 1);
    world.database.is_crooked();
}

#[tokio::test]
async fn a_clock_that_was_set_back_opens_no_day_twice() {
    let world = World::at_noon().await;
    let rider = world.rider(100).await;
    sealed(&world, 1).await;
    next_day(&world, rider, 1).await;
    let yesterday = world.now() - chrono::TimeDelta::days(1);

    world.store.commit(world.top_up(rider, 1)).await.unwrap();
    until(async || world.store.seal(yesterday).await.unwrap().transfers == 1).await;

    assert_eq!(world.database.number("select count(*) from ledger_days").await, 2);
}

#[tokio::test]
async fn a_restored_chain_goes_on_where_it_was() {
    let world = World::at_noon().await;
    let rider = world.rider(100).await;
    sealed(&world, 1).await;
    next_day(&world, rider, 5).await;
    world.store.commit(world.top_up(rider, 9)).await.unwrap();
    let copy = World::bare(Clock::system(), false).await;
    let mut pieces = world.store.dump(chargeghar::store::backup::Extent::Facts);
    let (send, receive) = tokio::sync::mpsc::channel(8);
    let restored = copy.store.restore(receive, super::backup::by_anna());
    let told = async {
        while let Some(piece) = pieces.recv().await {
            send.send(piece.unwrap()).await.unwrap();
        }
        drop(send);
    };
    let (restored, ()) = tokio::join!(restored, told);
    restored.unwrap();

    sealed(&copy, 1).await;

    assert_eq!(copy.database.number("select max(position) from ledger_chain").await, 3);
    let balance = copy.store.balance(&Account::Clearing(domain::ledger::Gateway::Sandbox)).await;
    assert_eq!(balance.unwrap(), Money::rupees(114).into());
    let (report, _) = copy.store.verify(&Scope::Whole, |_| ()).await.unwrap();
    assert_eq!(report.counts.keys().collect::<Vec<_>>(), [&Kind::Clearing]);
}

#[tokio::test]
async fn what_has_its_place_is_never_written_again() {
    let world = World::at_noon().await;
    world.rider(100).await;
    sealed(&world, 1).await;
    world.clock.advance(DAY);
    world.store.seal(world.now()).await.unwrap();
    for sql in [
        "update ledger_chain set day = day",
        "delete from ledger_chain",
        "truncate ledger_chain",
        "delete from ledger_days",
        "update ledger_days set last = last",
        "update ledger_closings set balance = 0",
        "delete from ledger_closings",
    ] {
        let mut connection = world.database.connect().await;
        let done = sqlx::raw_sql(sql).execute(&mut connection).await;
        let refused = done.unwrap_err().to_string();
        assert!(refused.contains("append-only") || refused.contains("closed once"), "{sql}");
    }
}

async fn next_day(world: &World, rider: RiderId, rupees: i64) {
    world.clock.advance(DAY);
    world.store.commit(world.top_up(rider, rupees)).await.unwrap();
    sealed(world, 1).await;
}

/// Runs the sealer until so many transfers have got their places: other tests on this cluster
/// have transactions too, and the oldest of all holds it up.
async fn sealed(world: &World, wanted: usize) {
    let mut sealed = 0;
    until(async || {
        sealed += world.store.seal(world.now()).await.unwrap().transfers;
        sealed >= wanted
    })
    .await;
    assert_eq!(sealed, wanted);
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let clock = Clock::system();
    let deadline = clock.running() + SOON;
    while !done().await {
        assert!(clock.running() < deadline, "not sealed in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn exported(world: &World) -> Vec<String> {
    let day = world.database.text("select min(day) from ledger_days").await;
    let mut lines = world.store.export_day(day.parse().unwrap()).await.unwrap();
    let mut read = Vec::new();
    while let Some(line) = lines.recv().await {
        read.push(line.unwrap());
    }
    read
}

fn check(lines: &[String]) -> Result<Verified, Broken> {
    let mut checker = Checker::default();
    lines.iter().try_for_each(|line| checker.line(line))?;
    checker.finish()
}

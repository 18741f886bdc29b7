//! Money: what the database itself refuses, and payments that are settled once.

use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{CommitError, Conflict, IntentEnd, IntentWrite, NewIntent, Row};
use chrono::TimeDelta;
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::world::World;

#[tokio::test]
async fn an_unbalanced_transfer_is_refused_by_the_database_itself() {
    let world = World::new().await;
    let rider = world.rider(10).await;
    let transfer = Entropy::system().uuid();
    let insert = |amounts: [&str; 2]| {
        format!(
            "begin;
            insert into ledger_transfers (id, kind, at) values ('{transfer}', 'x', now());
            insert into ledger_entries (transfer_id, line, account, amount) values
            ('{transfer}', 1, 'wallet:{rider}', {}), ('{transfer}', 2, 'revenue', {});
            commit",
            amounts[0], amounts[1]
        )
    };

    assert!(refused(&world, &insert(["5", "-4"])).await.contains("does not balance"));
    assert!(refused(&world, &insert(["0", "0"])).await.contains("amount_check"));
    world.database.run(&insert(["5", "-5"])).await;
    world.database.is_crooked();
}

#[tokio::test]
async fn the_ledger_is_append_only_and_no_balance_falls_below_zero() {
    let world = World::new().await;
    let rider = world.rider(10).await;

    for sql in [
        "update ledger_entries set amount = amount * 2",
        "delete from ledger_entries",
        "truncate ledger_entries cascade",
        "update ledger_transfers set kind = 'x'",
        "delete from ledger_transfers",
        "truncate ledger_transfers cascade",
    ] {
        assert!(refused(&world, sql).await.contains("append-only"), "{sql}");
    }
    let below = format!("update ledger_balances set balance = -1 where rider_id = {rider}");
    assert!(refused(&world, &below).await.contains("balance_check"));
}

#[tokio::test]
async fn every_balance_equals_its_entries() {
    let world = World::new().await;
    for slot in 1..4 {
        let rider = world.rider(100).await;
        let rental = world.rental(rider, &slot.to_string(), slot);
        world.store.commit(world.start(&rental)).await.unwrap();
        let (_, ejected) = world.eject(&rental, 1);
        world.store.commit(ejected).await.unwrap();
    }

    let wrong = "
        select count(*) from ledger_balances b
        where balance <> (
            select coalesce(sum(case when b.account like 'receivable:%' then -amount
                else amount end), 0)
            from ledger_entries e where e.account = b.account
        )";
    assert_eq!(world.database.number("select count(*) from ledger_balances").await, 6);
    assert_eq!(world.database.number(wrong).await, 0);
}

#[tokio::test]
async fn a_payment_is_settled_once_and_never_ended_after_that() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let (first, second) = (IntentId(Entropy::system().uuid()), IntentId(Entropy::system().uuid()));
    for (id, reference) in [(first, "ref-1"), (second, "ref-2")] {
        let mut fact = world.fact();
        fact.intent = Some(IntentWrite::Create(new(&world, id, rider, reference)));
        world.store.commit(fact).await.unwrap();
    }
    let settle = |intent, txn: &str| {
        let mut fact = world.top_up(rider, 100);
        let gateway_txn_id = txn.to_owned();
        fact.intent =
            Some(IntentWrite::Settle { intent, gateway: Gateway::Sandbox, gateway_txn_id });
        fact
    };
    let end = |intent, status| {
        let mut fact = world.fact();
        fact.intent = Some(IntentWrite::End { intent, status });
        fact
    };
    let commit = async |fact| world.store.commit(fact).await;

    assert!(commit(end(first, IntentEnd::Failed)).await.is_ok());
    assert!(commit(settle(first, "txn-1")).await.is_ok());
    assert_eq!(commit(settle(first, "txn-1")).await, Err(CommitError::Stale(Row::Intent)));
    let again = commit(end(first, IntentEnd::Expired)).await;
    assert_eq!(again, Err(CommitError::Stale(Row::Intent)));
    let used = commit(settle(second, "txn-1")).await;
    assert_eq!(used, Err(CommitError::Conflict(Conflict::GatewayTransactionUsed)));
    assert!(commit(end(second, IntentEnd::Cancelled)).await.is_ok());
    let unknown = commit(settle(IntentId(Uuid::nil()), "txn-9")).await;
    assert_eq!(unknown, Err(CommitError::Stale(Row::Intent)));
    let mut twice = world.fact();
    twice.intent =
        Some(IntentWrite::Create(new(&world, IntentId(Entropy::system().uuid()), rider, "ref-1")));
    assert_eq!(commit(twice).await, Err(CommitError::Conflict(Conflict::Duplicate)));

    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "100.00");
    let rows = "select string_agg(status, ' ' order by gateway_ref) from payment_intents";
    assert_eq!(world.database.text(rows).await, "COMPLETED CANCELLED");
}

fn new(world: &World, id: IntentId, rider: RiderId, reference: &str) -> NewIntent {
    NewIntent {
        id,
        rider,
        gateway: Gateway::Sandbox,
        amount: Money::rupees(100),
        gateway_ref: reference.into(),
        redirect: json!({ "url": "http://pay" }),
        expires_at: world.now() + TimeDelta::minutes(30),
        next_check_at: Some(world.now()),
        errand: None,
    }
}

async fn refused(world: &World, sql: &str) -> String {
    let mut connection = world.database.connect().await;
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    done.unwrap_err().to_string()
}

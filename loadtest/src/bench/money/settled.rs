//! Top-ups that were paid at the sandbox gateway, verified by the rider's app; and the same rows
//! written by bare clients.

use std::time::Instant;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{AT_ONCE, Run, asked, run, spent};
use crate::bench::Bench;
use crate::fixture::Tokens;
use crate::pool::Pool;
use crate::progress::bar;
use crate::service::Service;

/// Of one measurement; each is another rider's.
const TOP_UPS: u32 = 2_000;

pub const NOTE: &str = "Top-ups: 2000 a run by as many riders, paid at the sandbox gateway before \
    the clock runs; `payments/verify` by 32 clients, each asks again at once, to the answer with \
    the new balance. Limit: 32 connections write the same rows, one transaction and one statement \
    each: the transfer, its two entries, the balance, the payment, an effect. Limits of requests \
    are lifted.";

/// Ours and the limit's.
pub async fn measure(
    bench: &Bench,
    (pool, service): (&Pool, &Service),
    signing: &Tokens,
    db: &mut PgConnection,
    bare: &mut [PgConnection],
) -> anyhow::Result<(Vec<Run>, Vec<Run>)> {
    let tokens = (1..=i64::from(TOP_UPS)).map(|rider| signing.of_rider(rider));
    let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let shown = bar("money: top-ups", 2 * bench.rounds as usize);
    for _ in 0..bench.rounds {
        theirs.push(written(service, db, bare).await?);
        shown.inc(1);
        ours.push(settled(pool, service, &tokens).await?);
        shown.inc(1);
    }
    shown.finish_and_clear();
    Ok((ours, theirs))
}

async fn settled(pool: &Pool, service: &Service, tokens: &[String]) -> anyhow::Result<Run> {
    let paid = tokens.iter().map(|token| async move {
        let wish = json!({ "amount": "100.00", "payment_method_id": "sandbox" });
        let made = asked(pool, "/api/payments/wallet/topup-intent", token, &wish).await?;
        let intent = made["data"]["intent_id"].as_str().context("no payment")?.to_owned();
        let outcome = json!({ "intent_id": intent, "outcome": "paid" });
        asked(pool, "/api/sandbox/pay", token, &outcome).await?;
        anyhow::Ok((token, json!({ "intent_id": intent })))
    });
    let paid: Vec<_> = stream::iter(paid).buffer_unordered(AT_ONCE).try_collect().await?;
    let count = paid.len() as u64;
    let (before, client) = spent(service)?;
    let begun = Instant::now();
    stream::iter(paid)
        .map(|(token, intent)| async move {
            let said = asked(pool, "/api/payments/verify", token, &intent).await?;
            ensure!(said["data"]["status"] == "COMPLETED", "not settled: {said}");
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    run(service, count, begun, (before, client))
}

/// The same rows by bare clients.
async fn written(
    service: &Service,
    db: &mut PgConnection,
    bare: &mut [PgConnection],
) -> anyhow::Result<Run> {
    const OPEN: &str = "
        insert into payment_intents (
            id, rider_id, gateway, purpose, amount, status, gateway_ref, redirect, created_at,
            expires_at
        )
        select id, n, 'sandbox', 'WALLET_TOPUP', 100, 'PENDING', id, '{}', now(), now()
        from unnest($1::uuid[]) with ordinality i (id, n)";
    const SETTLE: &str = "
        with transfer as (
            insert into ledger_transfers (id, kind, intent_id, at)
            values ($1::uuid, 'top_up', $2::uuid, now())
        ), entries as (
            insert into ledger_entries (transfer_id, line, account, amount)
            values ($1::uuid, 1, 'clearing:sandbox', -100),
                ($1::uuid, 2, 'wallet:' || $3::bigint, 100)
        ), balance as (
            insert into ledger_balances as b (account, rider_id, balance)
            values ('wallet:' || $3::bigint, $3::bigint, 100)
            on conflict (account) do update set balance = b.balance + 100
        ), effect as (
            insert into outbox (id, effect, created_at, due_at, state, done_at)
            values ($1::uuid, '{}', now(), now(), 'done', now())
        )
        update payment_intents
        set status = 'COMPLETED', gateway_txn_id = $2::uuid::text, completed_at = now()
        where id = $2::uuid and status = 'PENDING'";

    let intents: Vec<Uuid> = (0..TOP_UPS).map(|_| Uuid::new_v4()).collect();
    sqlx::query(OPEN).bind(&intents).execute(db).await?;
    let (before, client) = spent(service)?;
    let begun = Instant::now();
    let intents = (1_i64..).zip(&intents).collect::<Vec<_>>();
    let parts = intents.chunks(intents.len().div_ceil(bare.len()));
    let work = bare.iter_mut().zip(parts).map(|(db, part)| async move {
        for (rider, intent) in part {
            let transfer = Uuid::new_v4();
            let settle = sqlx::query(SETTLE).bind(transfer).bind(**intent).bind(rider);
            settle.execute(&mut *db).await?;
        }
        Ok::<_, sqlx::Error>(())
    });
    try_join_all(work).await?;
    run(service, u64::from(TOP_UPS), begun, (before, client))
}

//! Late fees that riders pay out of their wallets, each a transaction of a rental of its own; and
//! the same rows written by bare clients.

use std::time::Instant;

use anyhow::ensure;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{AT_ONCE, Run, asked, run, spent};
use crate::bench::Bench;
use crate::fixture::Tokens;
use crate::fixture::dues::{Late, VERSION, late};
use crate::pool::Pool;
use crate::progress::bar;
use crate::service::Service;

/// Of one measurement; each is another rider's.
const DUES: i64 = 2_000;

pub const NOTE: &str = "Dues: the late fees of 2000 rentals a run, each of another rider, paid out \
    of the wallet by `rentals/{id}/pay-due` from 32 clients; the rentals are over and put in as \
    rows before the clock runs, so each is read, called back to life, decided and written. Limit: \
    32 connections write the same rows, one transaction and one statement each: the rental, its \
    event, the transfer, its two entries, both balances.";

/// Ours and the limit's.
pub async fn measure(
    bench: &Bench,
    (pool, service): (&Pool, &Service),
    signing: &Tokens,
    db: &mut PgConnection,
    bare: &mut [PgConnection],
) -> anyhow::Result<(Vec<Run>, Vec<Run>)> {
    let tokens = (1..=DUES).map(|rider| signing.of_rider(rider));
    let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let shown = bar("money: dues", 2 * bench.rounds as usize);
    for _ in 0..bench.rounds {
        let all = late(db, DUES + 1..=2 * DUES).await?;
        theirs.push(written(service, bare, &all).await?);
        shown.inc(1);
        let all = late(db, 1..=DUES).await?;
        ours.push(paid(pool, service, &tokens, &all).await?);
        shown.inc(1);
    }
    shown.finish_and_clear();
    Ok((ours, theirs))
}

async fn paid(
    pool: &Pool,
    service: &Service,
    tokens: &[String],
    all: &[Late],
) -> anyhow::Result<Run> {
    let (before, client) = spent(service)?;
    let begun = Instant::now();
    stream::iter(tokens.iter().zip(all))
        .map(|(token, late)| async move {
            let path = format!("/api/rentals/{}/pay-due", late.rental.id);
            let said = asked(pool, &path, token, &json!({ "payment_mode": "wallet" })).await?;
            ensure!(said["data"]["payment_status"] == "PAID", "not paid: {said}");
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    run(service, all.len() as u64, begun, (before, client))
}

/// The same rows by bare clients.
async fn written(
    service: &Service,
    bare: &mut [PgConnection],
    all: &[Late],
) -> anyhow::Result<Run> {
    const PAY: &str = "
        with event as (
            insert into rental_events (rental_id, version, event, at)
            values ($1, $2, $3, now())
        ), transfer as (
            insert into ledger_transfers (id, kind, rental_id, at) values ($4, $5, $1, now())
        ), entries as (
            insert into ledger_entries (transfer_id, line, account, amount)
            values ($4, 1, 'wallet:' || $6::bigint, -$7::numeric),
                ($4, 2, 'receivable:' || $6::bigint, $7::numeric)
        ), balances as (
            update ledger_balances set balance = balance - $7::numeric
            where account in ('wallet:' || $6::bigint, 'receivable:' || $6::bigint)
        )
        update rentals
        set payment_status = 'PAID', paid = $8, owed = 0, state = $9, version = $2
        where id = $1 and version = $2 - 1";

    let (before, client) = spent(service)?;
    let begun = Instant::now();
    let parts = all.chunks(all.len().div_ceil(bare.len()));
    let work = bare.iter_mut().zip(parts).map(|(db, part)| async move {
        for late in part {
            let pay = sqlx::query(PAY)
                .bind(late.rental.id.0)
                .bind(VERSION + 1)
                .bind(Json(&late.event))
                .bind(Uuid::new_v4())
                .bind(late.movement.name())
                .bind(late.rental.rider.0)
                .bind(late.rental.owed.decimal())
                .bind(late.paid.paid.decimal())
                .bind(Json(&late.paid));
            let done = pay.execute(&mut *db).await?;
            ensure!(done.rows_affected() == 1, "the rental is not as it was");
        }
        anyhow::Ok(())
    });
    try_join_all(work).await?;
    run(service, all.len() as u64, begun, (before, client))
}

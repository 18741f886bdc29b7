//! `payment_intents`: made once, settled once.

use super::all_written;
use crate::store::error::Failure;
use crate::store::fact::{Fact, IntentEnd, IntentWrite, NewIntent, Row};
use crate::store::session::Session;
use domain::ids::{IntentId, RentalId};
use domain::ledger::Gateway;
use sqlx::types::Json;

/// An errand that is over: what it led to, or why it came to nothing.
type Closed<'a> = (IntentId, Option<RentalId>, Option<&'a str>);

pub async fn write(session: &mut Session, facts: &[&Fact]) -> Result<(), Failure> {
    let mut new = Vec::new();
    let mut settled = Vec::new();
    let mut ended = Vec::new();
    let mut over = Vec::new();
    for (fact, write) in facts.iter().filter_map(|f| Some((*f, f.intent.as_ref()?))) {
        match write {
            IntentWrite::Create(intent) => new.push((fact, intent)),
            IntentWrite::Settle { intent, gateway, gateway_txn_id } => {
                settled.push((fact, *intent, *gateway, gateway_txn_id.as_str()));
            }
            IntentWrite::End { intent, status } => ended.push((fact, *intent, *status)),
            IntentWrite::Resumed { intent, rental } => over.push((*intent, Some(*rental), None)),
            IntentWrite::NotResumed { intent, error } => {
                over.push((*intent, None, Some(error.as_str())));
            }
        }
    }
    create(session, &new).await?;
    settle(session, &settled).await?;
    end(session, &ended).await?;
    close_errands(session, &over).await
}

async fn create(session: &mut Session, new: &[(&Fact, &NewIntent)]) -> Result<(), Failure> {
    const SQL: &str = "
        insert into payment_intents (
            id, rider_id, gateway, purpose, amount, status, gateway_ref, redirect,
            created_at, expires_at, next_check_at, errand, errand_state
        )
        select id, rider_id, gateway, purpose, amount, 'PENDING', gateway_ref, redirect,
            at, expires_at, next_check_at, errand,
            case when errand is not null then 'PENDING' end
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as w (
            id, rider_id, gateway, amount, gateway_ref, redirect, at, expires_at, next_check_at,
            purpose, errand
        )";

    if new.is_empty() {
        return Ok(());
    }
    sqlx::query(SQL)
        .bind(new.iter().map(|(_, i)| i.id).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.rider).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.gateway.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.amount.decimal()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.gateway_ref.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| Json(&i.redirect)).collect::<Vec<_>>())
        .bind(new.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.expires_at).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.next_check_at).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| purpose(i)).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, i)| i.errand.as_ref().map(Json)).collect::<Vec<_>>())
        .execute(session)
        .await?;
    Ok(())
}

async fn settle(
    session: &mut Session,
    settled: &[(&Fact, IntentId, Gateway, &str)],
) -> Result<(), Failure> {
    const SQL: &str = "
        update payment_intents i
        set status = 'COMPLETED', gateway_txn_id = w.txn, completed_at = w.at,
            next_check_at = null, checks = checks + 1
        from unnest($1, $2, $3, $4) as w (id, gateway, txn, at)
        where i.id = w.id and i.gateway = w.gateway and i.status <> 'COMPLETED'";

    if settled.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(SQL)
        .bind(settled.iter().map(|(_, id, ..)| *id).collect::<Vec<_>>())
        .bind(settled.iter().map(|(_, _, gateway, _)| gateway.as_str()).collect::<Vec<_>>())
        .bind(settled.iter().map(|(.., txn)| *txn).collect::<Vec<_>>())
        .bind(settled.iter().map(|(f, ..)| f.at).collect::<Vec<_>>())
        .execute(session)
        .await?;
    all_written(done.rows_affected(), settled.len(), Row::Intent)
}

/// The schedule of checks goes on: what ended here may still be paid there.
async fn end(session: &mut Session, ended: &[(&Fact, IntentId, IntentEnd)]) -> Result<(), Failure> {
    const SQL: &str = "
        update payment_intents i
        set status = w.status, completed_at = w.at
        from unnest($1, $2, $3) as w (id, status, at)
        where i.id = w.id and i.status <> 'COMPLETED'";

    if ended.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(SQL)
        .bind(ended.iter().map(|(_, id, _)| *id).collect::<Vec<_>>())
        .bind(ended.iter().map(|(.., status)| word(*status)).collect::<Vec<_>>())
        .bind(ended.iter().map(|(f, ..)| f.at).collect::<Vec<_>>())
        .execute(session)
        .await?;
    all_written(done.rows_affected(), ended.len(), Row::Intent)
}

fn purpose(intent: &NewIntent) -> &'static str {
    intent.errand.as_ref().map_or("WALLET_TOPUP", |errand| errand.deed.purpose())
}

/// What payments were made for is done, or cannot be done: each once.
async fn close_errands(session: &mut Session, over: &[Closed<'_>]) -> Result<(), Failure> {
    const SQL: &str = "
        update payment_intents i
        set errand_state = case when w.error is null then 'SUCCESS' else 'FAILED' end,
            errand_rental = w.rental, errand_error = w.error
        from unnest($1, $2, $3) as w (id, rental, error)
        where i.id = w.id and i.status = 'COMPLETED' and i.errand_state = 'PENDING'";

    if over.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(SQL)
        .bind(over.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(over.iter().map(|(_, rental, _)| *rental).collect::<Vec<_>>())
        .bind(over.iter().map(|(.., error)| *error).collect::<Vec<_>>())
        .execute(session)
        .await?;
    all_written(done.rows_affected(), over.len(), Row::Intent)
}

fn word(end: IntentEnd) -> &'static str {
    match end {
        IntentEnd::Failed => "FAILED",
        IntentEnd::Cancelled => "CANCELLED",
        IntentEnd::Expired => "EXPIRED",
    }
}

//! `payment_intents`: made once, settled once.

use super::script::Script;
use crate::store::fact::{Fact, IntentEnd, IntentWrite, NewIntent, Row};
use domain::ids::{IntentId, RentalId};
use domain::ledger::Gateway;
use sqlx::types::Json;

/// An errand that is over: what it led to, or why it came to nothing.
type Closed<'a> = (IntentId, Option<RentalId>, Option<&'a str>);

pub fn write(script: &mut Script, facts: &[&Fact]) {
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
    create(script, &new);
    settle(script, &settled);
    end(script, &ended);
    close_errands(script, &over);
}

fn create(script: &mut Script, new: &[(&Fact, &NewIntent)]) {
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
        return;
    }
    script
        .part(SQL)
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
        .bind(new.iter().map(|(_, i)| i.errand.as_ref().map(Json)).collect::<Vec<_>>());
}

fn settle(script: &mut Script, settled: &[(&Fact, IntentId, Gateway, &str)]) {
    const SQL: &str = "
        update payment_intents i
        set status = 'COMPLETED', gateway_txn_id = w.txn, completed_at = w.at,
            next_check_at = null, checks = checks + 1
        from unnest($1, $2, $3, $4) as w (id, gateway, txn, at)
        where i.id = w.id and i.gateway = w.gateway and i.status <> 'COMPLETED'";

    if settled.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(settled.iter().map(|(_, id, ..)| *id).collect::<Vec<_>>())
        .bind(settled.iter().map(|(_, _, gateway, _)| gateway.as_str()).collect::<Vec<_>>())
        .bind(settled.iter().map(|(.., txn)| *txn).collect::<Vec<_>>())
        .bind(settled.iter().map(|(f, ..)| f.at).collect::<Vec<_>>())
        .writes(settled.len(), Row::Intent);
}

/// The schedule of checks goes on: what ended here may still be paid there.
fn end(script: &mut Script, ended: &[(&Fact, IntentId, IntentEnd)]) {
    const SQL: &str = "
        update payment_intents i
        set status = w.status, completed_at = w.at
        from unnest($1, $2, $3) as w (id, status, at)
        where i.id = w.id and i.status <> 'COMPLETED'";

    if ended.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(ended.iter().map(|(_, id, _)| *id).collect::<Vec<_>>())
        .bind(ended.iter().map(|(.., status)| word(*status)).collect::<Vec<_>>())
        .bind(ended.iter().map(|(f, ..)| f.at).collect::<Vec<_>>())
        .writes(ended.len(), Row::Intent);
}

fn purpose(intent: &NewIntent) -> &'static str {
    intent.errand.as_ref().map_or("WALLET_TOPUP", |errand| errand.deed.purpose())
}

/// What payments were made for is done, or cannot be done: each once.
fn close_errands(script: &mut Script, over: &[Closed<'_>]) {
    const SQL: &str = "
        update payment_intents i
        set errand_state = case when w.error is null then 'SUCCESS' else 'FAILED' end,
            errand_rental = w.rental, errand_error = w.error
        from unnest($1, $2, $3) as w (id, rental, error)
        where i.id = w.id and i.status = 'COMPLETED' and i.errand_state = 'PENDING'";

    if over.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(over.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(over.iter().map(|(_, rental, _)| *rental).collect::<Vec<_>>())
        .bind(over.iter().map(|(.., error)| *error).collect::<Vec<_>>())
        .writes(over.len(), Row::Intent);
}

fn word(end: IntentEnd) -> &'static str {
    match end {
        IntentEnd::Failed => "FAILED",
        IntentEnd::Cancelled => "CANCELLED",
        IntentEnd::Expired => "EXPIRED",
    }
}

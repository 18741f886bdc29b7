//! `withdrawals`: asked for within the limits of a day and a month, and moved on once.
//!
//! A rider's wallet is locked before the sums are read and until the commit, so that no two
//! wishes of one rider are counted without each other, whoever writes them.

use std::collections::BTreeMap;

use domain::ids::RiderId;
use domain::money::Money;
use domain::withdrawal::{Exceeded, Status, Taken, windows};
use sqlx::types::Json;

use super::script::Script;
use crate::store::error::Failure;
use crate::store::fact::{
    CommitError, Conflict, Fact, NewWithdrawal, Row, WithdrawalStep, WithdrawalWrite,
};
use crate::store::session::Session;

/// What riders have asked for so far; asked after their accounts were locked.
pub async fn taken(
    session: &mut Session,
    facts: &[&Fact],
) -> Result<BTreeMap<RiderId, Taken>, Failure> {
    const SQL: &str = "
        select w.rider_id, coalesce(sum(s.amount) filter (where s.requested_at >= w.day), 0),
            coalesce(sum(s.amount), 0)
        from unnest($1, $2, $3) as w (rider_id, day, month)
        join withdrawals s on s.rider_id = w.rider_id
            and s.requested_at >= w.month and s.status not in ('REJECTED', 'CANCELLED')
        group by w.rider_id";

    let requests: Vec<(&Fact, &NewWithdrawal)> =
        facts.iter().filter_map(|f| Some((*f, f.withdrawal.as_ref()?.request()?))).collect();
    if requests.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(RiderId, Money, Money)> = sqlx::query_as(SQL)
        .bind(requests.iter().map(|(_, new)| new.rider).collect::<Vec<_>>())
        .bind(requests.iter().map(|(f, _)| windows(f.at).0).collect::<Vec<_>>())
        .bind(requests.iter().map(|(f, _)| windows(f.at).1).collect::<Vec<_>>())
        .fetch_all(session)
        .await?;
    let taken = |(rider, today, this_month)| (rider, Taken { today, this_month });
    Ok(rows.into_iter().map(taken).collect())
}

/// Whether a wish is within the limits of its rider.
pub fn check(fact: &Fact, taken: &BTreeMap<RiderId, Taken>) -> Result<(), CommitError> {
    let Some(new) = fact.withdrawal.as_ref().and_then(WithdrawalWrite::request) else {
        return Ok(());
    };
    let so_far = taken.get(&new.rider).copied().unwrap_or_default();
    new.limits.check(so_far, new.amount).map_err(|exceeded| {
        CommitError::Conflict(match exceeded {
            Exceeded::Day => Conflict::DayLimit,
            Exceeded::Month => Conflict::MonthLimit,
        })
    })
}

pub fn write(script: &mut Script, facts: &[&Fact]) {
    let mut new = Vec::new();
    let mut steps = Vec::new();
    for (fact, write) in facts.iter().filter_map(|f| Some((*f, f.withdrawal.as_ref()?))) {
        match write {
            WithdrawalWrite::Request(wish) => new.push((fact, &**wish)),
            WithdrawalWrite::Step(step) => steps.push((fact, step)),
        }
    }
    request(script, &new);
    advance(script, &steps);
}

fn request(script: &mut Script, new: &[(&Fact, &NewWithdrawal)]) {
    const SQL: &str = "
        insert into withdrawals (
            id, reference, rider_id, amount, fee, method, account, status, two_persons,
            requested_at
        )
        select id, reference, rider_id, amount, fee, method, account, 'REQUESTED', two_persons, at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) as w (
            id, reference, rider_id, amount, fee, method, account, two_persons, at
        )";

    if new.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(new.iter().map(|(_, w)| w.id).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.reference.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.rider).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.amount.decimal()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.fee.decimal()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.method.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| Json(&w.payee)).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, w)| w.two_persons).collect::<Vec<_>>())
        .bind(new.iter().map(|(f, _)| f.at).collect::<Vec<_>>());
}

/// From where the step may be taken, and by nobody twice where two are needed.
fn advance(script: &mut Script, steps: &[(&Fact, &WithdrawalStep)]) {
    const SQL: &str = "
        update withdrawals s
        set status = w.status, note = coalesce(w.note, s.note),
            payout_reference = coalesce(w.payout_reference, s.payout_reference),
            approved_at = case w.status when 'APPROVED' then w.at else s.approved_at end,
            approved_by = case w.status when 'APPROVED' then w.by else s.approved_by end,
            ended_at = case w.status when 'APPROVED' then null else w.at end,
            ended_by = case w.status when 'APPROVED' then null else w.by end
        from unnest($1, $2, $3, $4, $5, $6, $7) as w (
            id, status, sources, by, note, payout_reference, at
        )
        where s.id = w.id and s.status = any(string_to_array(w.sources, ' '))
            and (w.status <> 'COMPLETED' or not s.two_persons or s.approved_by <> w.by)";

    if steps.is_empty() {
        return;
    }
    let sources = |step: &WithdrawalStep| {
        step.step.from().iter().map(|from| from.as_str()).collect::<Vec<_>>().join(" ")
    };
    script
        .part(SQL)
        .bind(steps.iter().map(|(_, s)| s.id).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| Status::as_str(s.step.to())).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| sources(s)).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.by.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.note.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.payout_reference.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .writes(steps.len(), Row::Withdrawal);
}

//! `refunds`: one open at a time for each purpose, never more than is left of it, each step
//! once. Facts of one purpose are written one after the other, so what is left is read right.

use std::collections::BTreeMap;

use domain::ids::{IntentId, RentalId};
use domain::money::Money;
use domain::refund::{Left, Purpose, Step};

use super::script::Script;
use crate::store::error::Failure;
use crate::store::fact::{CommitError, Conflict, Fact, NewRefund, RefundStep, RefundWrite, Row};
use crate::store::refunds;
use crate::store::session::Session;

/// What is left of each purpose.
#[derive(Debug, Default)]
pub struct Remains {
    rentals: BTreeMap<RentalId, Left>,
    intents: BTreeMap<IntentId, Money>,
}

pub async fn remains(session: &mut Session, facts: &[&Fact]) -> Result<Remains, Failure> {
    let writes = facts.iter().filter_map(|f| f.refund.as_ref());
    let (mut rentals, mut intents) = (Vec::new(), Vec::new());
    for write in writes.filter(|write| write.needs().is_some()) {
        match write.purpose() {
            Purpose::Rental(id) => rentals.push(id),
            Purpose::TopUp(id) => intents.push(id),
        }
    }
    Ok(Remains {
        rentals: refunds::left_of_rentals(session, &rentals).await?,
        intents: refunds::left_of_top_ups(session, &intents).await?,
    })
}

pub fn check(fact: &Fact, remains: &Remains) -> Result<(), CommitError> {
    let Some(write) = &fact.refund else { return Ok(()) };
    let Some(needs) = write.needs() else { return Ok(()) };
    let left = match write.purpose() {
        Purpose::Rental(id) => remains.rentals.get(&id).map(|left| left.total),
        Purpose::TopUp(id) => remains.intents.get(&id).copied(),
    };
    if left.is_some_and(|left| needs <= left) {
        return Ok(());
    }
    Err(CommitError::Conflict(Conflict::NothingLeft))
}

pub fn write(script: &mut Script, facts: &[&Fact]) {
    let mut new = Vec::new();
    let mut steps = Vec::new();
    for (fact, write) in facts.iter().filter_map(|f| Some((*f, f.refund.as_ref()?))) {
        match write {
            RefundWrite::Request(refund) => new.push((fact, &**refund)),
            RefundWrite::Step(step) => steps.push((fact, step)),
        }
    }
    request(script, &new);
    advance(script, &steps);
}

fn request(script: &mut Script, new: &[(&Fact, &NewRefund)]) {
    const SQL: &str = "
        insert into refunds (
            id, reference, rider_id, transfer_id, rental_id, intent_id, amount, reason, status,
            two_persons, requested_at
        )
        select id, reference, rider_id, transfer_id, rental_id, intent_id, amount, reason,
            'REQUESTED', two_persons, at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as w (
            id, reference, rider_id, transfer_id, rental_id, intent_id, amount, reason,
            two_persons, at
        )";

    if new.is_empty() {
        return;
    }
    let rental = |purpose| if let Purpose::Rental(id) = purpose { Some(id) } else { None };
    let intent = |purpose| if let Purpose::TopUp(id) = purpose { Some(id) } else { None };
    script
        .part(SQL)
        .bind(new.iter().map(|(_, r)| r.id).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.reference.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.rider).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.transfer).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| rental(r.purpose)).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| intent(r.purpose)).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.amount.decimal()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.reason.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|(_, r)| r.two_persons).collect::<Vec<_>>())
        .bind(new.iter().map(|(f, _)| f.at).collect::<Vec<_>>());
}

/// From where the step may be taken, and by nobody twice where two are needed.
fn advance(script: &mut Script, steps: &[(&Fact, &RefundStep)]) {
    const SQL: &str = "
        update refunds s
        set status = w.status, note = coalesce(w.note, s.note),
            gateway_number = coalesce(w.gateway_number, s.gateway_number),
            mobile = coalesce(w.mobile, s.mobile),
            approved_at = case w.status when 'APPROVED' then w.at else s.approved_at end,
            approved_by = case w.status when 'APPROVED' then w.by else s.approved_by end,
            given_by = case when w.pays then w.by else s.given_by end,
            ended_at = case when w.status in ('PROCESSED', 'REJECTED') then w.at end,
            ended_by = case when w.status in ('PROCESSED', 'REJECTED') then w.by end,
            next_try_at = w.next_try_at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as w (
            id, status, sources, by, note, gateway_number, mobile, pays, tries, next_try_at, at
        )
        where s.id = w.id and s.status = any(string_to_array(w.sources, ' '))
            and s.tries = coalesce(w.tries, s.tries)
            and (not w.pays or not s.two_persons or s.approved_by <> w.by)";

    if steps.is_empty() {
        return;
    }
    let sources =
        |step: Step| step.from().iter().map(|from| from.as_str()).collect::<Vec<_>>().join(" ");
    script
        .part(SQL)
        .bind(steps.iter().map(|(_, s)| s.id).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.step.to().as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| sources(s.step)).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.by.as_str()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.note.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.gateway_number.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.mobile.as_deref()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.step.pays()).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.tries).collect::<Vec<_>>())
        .bind(steps.iter().map(|(_, s)| s.next_try_at).collect::<Vec<_>>())
        .bind(steps.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .writes(steps.len(), Row::Refund);
}

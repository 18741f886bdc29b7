//! What an event leads to. Total: an event that was decided can always be applied, and the
//! events of a rental alone give its state.

use super::{CancelReason, Event, Phase, Rental};
use crate::money::Money;
use crate::returns::Claim;
use crate::tender::Spent;

/// Applies a fact.
pub fn evolve(rental: Rental, event: &Event) -> Rental {
    match event {
        Event::Started { rental } => (**rental).clone(),
        Event::CancelRequested { .. } => Rental { cancel_requested: true, ..rental },
        Event::Cancelled { at, reason, .. } => Rental {
            phase: Phase::Cancelled { at: *at, reason: *reason },
            held: Money::ZERO,
            by_points: Spent::default(),
            claims: vec![],
            ..rental
        },
        Event::Ejected { at, due_at, .. } => Rental {
            phase: Phase::Active { since: *at, due_at: *due_at },
            paid: rental.paid.plus(rental.held),
            held: Money::ZERO,
            ..rental
        },
        Event::Reopened { at, due_at, collected, spent, .. } => Rental {
            phase: Phase::Active { since: *at, due_at: *due_at },
            paid: *collected,
            owed: rental.package.price.minus(*collected),
            by_points: *spent,
            ..rental
        },
        Event::OutUnassigned { carried, .. } => {
            let unassigned = rental.unassigned || carried.is_some();
            Rental { unassigned, ..rental }
        }
        Event::ReturnClaimed { claim } => claimed(rental, claim),
        Event::ClaimsDenied { station, at } => {
            let stands = |c: &Claim| c.station != *station || c.at > *at;
            Rental { claims: rental.claims.into_iter().filter(stands).collect(), ..rental }
        }
        Event::FellOverdue { .. } => Rental { phase: overdue(&rental.phase), ..rental },
        Event::Returned { ended, collected, spent, .. } => Rental {
            phase: completed(&rental.phase, ended),
            owed: rental.owed.plus(ended.late.amount).minus(*collected),
            paid: rental.paid.plus(*collected),
            by_points: rental.by_points.plus(*spent),
            claims: vec![],
            ..rental
        },
        Event::ReturnedAtOnce { at, .. } => Rental {
            phase: Phase::Cancelled { at: *at, reason: CancelReason::ReturnedAtOnce },
            paid: Money::ZERO,
            owed: Money::ZERO,
            by_points: Spent::default(),
            claims: vec![],
            ..rental
        },
        Event::DuesPaid { tender, .. } => Rental {
            paid: rental.paid.plus(tender.total()),
            owed: rental.owed.minus(tender.total()),
            by_points: rental.by_points.plus(tender.spent),
            ..rental
        },
        Event::DuesWrittenOff { amount, .. } => written_off(rental, *amount),
    }
}

fn written_off(rental: Rental, amount: Money) -> Rental {
    let (owed, written_off) = (rental.owed.minus(amount), rental.written_off.plus(amount));
    Rental { owed, written_off, ..rental }
}

fn claimed(rental: Rental, claim: &Claim) -> Rental {
    let claims = rental.claims.into_iter().chain([claim.clone()]).collect();
    Rental { claims, ..rental }
}

/// The state that a rental's events lead to, first one first; `None` when they do not begin
/// with a start.
pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Rental> {
    let mut events = events.into_iter();
    let first = match events.next()? {
        Event::Started { rental } => (**rental).clone(),
        Event::CancelRequested { .. }
        | Event::Cancelled { .. }
        | Event::Ejected { .. }
        | Event::Reopened { .. }
        | Event::OutUnassigned { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::FellOverdue { .. }
        | Event::Returned { .. }
        | Event::ReturnedAtOnce { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => return None,
    };
    Some(events.fold(first, evolve))
}

fn overdue(phase: &Phase) -> Phase {
    match phase.clone() {
        Phase::Active { since, due_at } => Phase::Overdue { since, due_at },
        other @ (Phase::Dispensing
        | Phase::Overdue { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }) => other,
    }
}

fn completed(phase: &Phase, ended: &super::Ended) -> Phase {
    match phase.clone() {
        Phase::Active { since, due_at } | Phase::Overdue { since, due_at } => {
            Phase::Completed { since, due_at, ended: ended.clone() }
        }
        other @ (Phase::Dispensing | Phase::Completed { .. } | Phase::Cancelled { .. }) => other,
    }
}

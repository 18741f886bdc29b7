//! What happens to a rental, and what is refused. An empty answer means that there is nothing
//! to do: the same news came before.

use chrono::{DateTime, Utc};

use super::{CancelReason, Command, Ended, Event, Facts, Phase, Refusal, Rental};
use crate::eject::{NotOutReason, Settlement};
use crate::ids::StationId;
use crate::ledger::vat_in;
use crate::money::Money;
use crate::returns::{self, CLAIMS_MAX, Claim, Source, earliest};
use crate::tender::Means;

pub fn decide(rental: &Rental, command: &Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Cancel => cancel(rental, facts),
        Command::Settle(settlement) => Ok(settle(rental, *settlement, facts)),
        Command::GiveUp => Ok(give_up(rental, facts)),
        Command::LateSuccess { at, shown } => Ok(late_success(rental, *at, *shown, facts)),
        Command::Return(claim) if claim.source == Source::Operator => said(rental, claim, facts),
        Command::Return(claim) => Ok(returned(rental, claim, facts)),
        Command::Confirm(claim) => Ok(confirmed(rental, claim, facts)),
        Command::Deny { station, at } => Ok(denied(rental, *station, *at)),
        Command::FallDue => Ok(fall_due(rental, facts)),
        Command::PayDues { means, shown } => pay_dues(rental, means, *shown, facts),
        Command::WriteOff => write_off(rental, facts),
    }
}

fn cancel(rental: &Rental, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    let at = facts.now;
    match rental.phase {
        Phase::Dispensing if !facts.published => Ok(vec![cancelled(at, CancelReason::ByRider)]),
        Phase::Dispensing if rental.cancel_requested => Ok(vec![]),
        Phase::Dispensing => Ok(vec![Event::CancelRequested { at }]),
        Phase::Active { .. } | Phase::Overdue { .. } => Err(Refusal::NotReturned),
        Phase::Completed { .. } | Phase::Cancelled { .. } => Err(Refusal::Over),
    }
}

fn settle(rental: &Rental, settlement: Settlement, facts: &Facts) -> Vec<Event> {
    if rental.phase != Phase::Dispensing {
        return vec![];
    }
    match settlement {
        Settlement::Out { at } => vec![ejected(rental, at, facts)],
        Settlement::NotOut { .. } if rental.cancel_requested => {
            vec![cancelled(facts.now, CancelReason::ByRider)]
        }
        Settlement::NotOut { reason } => {
            vec![cancelled(facts.now, CancelReason::NotOut(reason))]
        }
    }
}

fn cancelled(at: DateTime<Utc>, reason: CancelReason) -> Event {
    Event::Cancelled { at, reason, found: None }
}

fn ejected(rental: &Rental, at: DateTime<Utc>, facts: &Facts) -> Event {
    let at = at.max(rental.created_at);
    let vat = vat_in(rental.held, facts.terms.vat_percent);
    Event::Ejected { at, due_at: rental.due_after(at), vat }
}

fn give_up(rental: &Rental, facts: &Facts) -> Vec<Event> {
    match rental.phase {
        Phase::Dispensing => vec![cancelled(facts.now, CancelReason::Unresolved)],
        Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. } => vec![],
    }
}

/// Reopens only what ended because nobody could show that the bank was out. Against a report
/// that showed the bank the cabinet's word bills nobody: a person looks, and once is enough.
fn late_success(rental: &Rental, at: DateTime<Utc>, shown: bool, facts: &Facts) -> Vec<Event> {
    let unassigned = Event::OutUnassigned { at, shown, carried: Some(facts.carried) };
    match rental.phase {
        Phase::Dispensing if shown => {
            let seen = Settlement::NotOut { reason: NotOutReason::SeenTwice };
            settle(rental, seen, facts).into_iter().chain([unassigned]).collect()
        }
        Phase::Dispensing => vec![ejected(rental, at, facts)],
        Phase::Cancelled { reason, .. }
            if rental.unassigned || !may_reopen_after(rental, reason) =>
        {
            vec![]
        }
        Phase::Cancelled { .. } if shown || facts.engaged => vec![unassigned],
        Phase::Cancelled { .. } => {
            let price = rental.package.price;
            let tender = facts.funds.most_of(price);
            vec![Event::Reopened {
                at,
                due_at: rental.due_after(at),
                vat: vat_in(price, facts.terms.vat_percent),
                collected: tender.total(),
                spent: tender.spent,
            }]
        }
        Phase::Active { .. } | Phase::Overdue { .. } | Phase::Completed { .. } => vec![],
    }
}

/// An eject that was certainly never sent has no late answer. What its rider gave up after it may
/// have been sent was a wish first.
pub(super) fn may_reopen_after(rental: &Rental, reason: CancelReason) -> bool {
    match reason {
        CancelReason::NotOut(NotOutReason::NeverSent) | CancelReason::ReturnedAtOnce => false,
        CancelReason::NotOut(_) | CancelReason::Unresolved => true,
        CancelReason::ByRider => rental.cancel_requested,
    }
}

/// An operator's word about a time at which it cannot have been so changes nothing.
fn said(rental: &Rental, claim: &Claim, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    let out_at = match rental.phase {
        Phase::Completed { .. } | Phase::Cancelled { .. } => return Err(Refusal::Over),
        Phase::Dispensing => rental.created_at,
        Phase::Active { since, .. } | Phase::Overdue { since, .. } => since,
    };
    if claim.at < out_at {
        return Err(Refusal::NotOutYet);
    }
    if claim.at > facts.now {
        return Err(Refusal::InFuture);
    }
    Ok(returned(rental, claim, facts))
}

fn returned(rental: &Rental, claim: &Claim, facts: &Facts) -> Vec<Event> {
    match rental.phase {
        // about an earlier time of the bank: its frame was long on its way
        _ if claim.at < rental.created_at => vec![],
        Phase::Dispensing => returned_while_dispensing(rental, claim, facts),
        Phase::Active { since, .. } | Phase::Overdue { since, .. } => {
            if is_echo(rental, claim, since, facts) {
                vec![]
            } else if claim.is_enough(since, facts.terms.young, facts.used) {
                vec![close(rental, claim, since, facts)]
            } else {
                kept(rental, claim)
            }
        }
        Phase::Completed { .. } | Phase::Cancelled { .. } => vec![],
    }
}

/// At another cabinet it proves that the bank was out; at its own one that it is in.
fn returned_while_dispensing(rental: &Rental, claim: &Claim, facts: &Facts) -> Vec<Event> {
    let credible = claim.source.is_trusted() && claim.live;
    let replayed = claim.frame.is_some_and(|frame| facts.used.contains(&frame));
    if claim.station != rental.station {
        let out = (credible && !replayed).then(|| ejected(rental, claim.at, facts));
        return out.into_iter().chain(kept(rental, claim)).collect();
    }
    // a slot that was looked at again, or old bytes, say nothing about this eject
    let fresh = claim.source == Source::Event && !replayed;
    let inserted = claim.source == Source::Operator || fresh;
    if credible && inserted && facts.published {
        let (at, found, reason) = (facts.now, claim.key, CancelReason::ReturnedAtOnce);
        vec![Event::Cancelled { at, reason, found }]
    } else {
        vec![]
    }
}

/// A report soon after the eject may still show the bank.
fn is_echo(rental: &Rental, claim: &Claim, since: DateTime<Utc>, facts: &Facts) -> bool {
    let report = matches!(claim.source, Source::Report | Source::HttpReport);
    report && claim.station == rental.station && claim.at - since < facts.terms.settle
}

fn kept(rental: &Rental, claim: &Claim) -> Vec<Event> {
    let told = |c: &Claim| c.station == claim.station && c.source == claim.source;
    let known = rental.claims.iter().any(|c| told(c) && c.earliest <= claim.earliest);
    if known || rental.claims.len() >= CLAIMS_MAX {
        return vec![];
    }
    vec![Event::ReturnClaimed { claim: claim.clone() }]
}

fn confirmed(rental: &Rental, claim: &Claim, facts: &Facts) -> Vec<Event> {
    let claimed = earliest(&rental.claims, claim.station).is_some();
    match rental.phase {
        Phase::Dispensing if claimed && claim.station != rental.station => {
            let out = ejected(rental, claim.earliest.min(claim.at), facts);
            let open = super::evolve(rental.clone(), &out);
            let since = open.since().unwrap_or(claim.at);
            vec![out, close(&open, claim, since, facts)]
        }
        Phase::Active { since, .. } | Phase::Overdue { since, .. }
            if claimed && !is_echo(rental, claim, since, facts) =>
        {
            vec![close(rental, claim, since, facts)]
        }
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. } => returned(rental, claim, facts),
    }
}

/// Ends the rental at the earliest claim at the cabinet where the bank is.
fn close(rental: &Rental, proof: &Claim, since: DateTime<Utc>, facts: &Facts) -> Event {
    let first = returns::confirmed(&rental.claims, proof).unwrap_or(proof);
    let told_at = returns::first_told(&rental.claims, proof);
    let key = proof.key.or(first.key);
    let same = proof.station == rental.station;
    if same && told_at - since < facts.terms.at_once {
        let vat = vat_in(rental.paid.plus(rental.owed), facts.terms.vat_percent);
        return Event::ReturnedAtOnce { at: told_at, station: proof.station, key, vat };
    }
    let at = returns::back_at(first, proof).max(since);
    let late = rental.late_fee.charge(&rental.package, rental.due_at(), at);
    let tender = facts.funds.most_of(rental.owed.plus(late.amount));
    Event::Returned {
        vat: vat_in(late.amount, facts.terms.vat_percent),
        collected: tender.total(),
        spent: tender.spent,
        ended: Ended {
            at,
            learnt_at: proof.at,
            station: proof.station,
            key,
            source: first.source,
            level: first.level.or(proof.level),
            late,
        },
    }
}

fn denied(rental: &Rental, station: StationId, at: DateTime<Utc>) -> Vec<Event> {
    let stands = rental.claims.iter().any(|c| c.station == station && c.at <= at);
    if rental.is_open() && stands { vec![Event::ClaimsDenied { station, at }] } else { vec![] }
}

fn fall_due(rental: &Rental, facts: &Facts) -> Vec<Event> {
    match rental.phase {
        Phase::Active { due_at, .. } if facts.now >= due_at => {
            vec![Event::FellOverdue { at: facts.now }]
        }
        Phase::Active { .. }
        | Phase::Dispensing
        | Phase::Overdue { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. } => vec![],
    }
}

/// All that is owed, or nothing: a fee that still grows is not owed before the return.
fn pay_dues(
    rental: &Rental,
    means: &Means,
    shown: Option<Money>,
    facts: &Facts,
) -> Result<Vec<Event>, Refusal> {
    let is_over = match rental.phase {
        Phase::Dispensing | Phase::Cancelled { .. } => return Err(Refusal::NotStarted),
        Phase::Active { .. } | Phase::Overdue { .. } => false,
        Phase::Completed { .. } => true,
    };
    let owed = rental.owed;
    if !owed.is_positive() {
        let charged = rental.paid > rental.package.price;
        return Err(if is_over && charged { Refusal::DuesPaid } else { Refusal::NothingOwed });
    }
    if shown.is_some_and(|shown| shown != owed) {
        return Err(Refusal::OtherAmount { owed });
    }
    let tender = means.tender(owed, &facts.funds)?;
    Ok(vec![Event::DuesPaid { at: facts.now, tender }])
}

/// All that is owed, once the rental is over: what still grows is not lost yet.
fn write_off(rental: &Rental, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    match rental.phase {
        Phase::Dispensing | Phase::Cancelled { .. } => Err(Refusal::NotStarted),
        Phase::Active { .. } | Phase::Overdue { .. } => Err(Refusal::NotReturned),
        Phase::Completed { .. } if rental.owed > facts.terms.write_off_max => {
            let (owed, most) = (rental.owed, facts.terms.write_off_max);
            Err(Refusal::TooMuchToWriteOff { owed, most })
        }
        Phase::Completed { .. } if rental.owed.is_positive() => {
            Ok(vec![Event::DuesWrittenOff { at: facts.now, amount: rental.owed }])
        }
        Phase::Completed { .. } => Err(Refusal::NothingOwed),
    }
}

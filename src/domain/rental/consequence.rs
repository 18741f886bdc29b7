//! What an event means for others: money, the bank, and those who must be told. Each function
//! takes the rental as it was before the event.

use serde::{Deserialize, Serialize};

use super::{CancelReason, Event, Rental};
use crate::bank::Custody;
use crate::effect::{Effect, Template};
use crate::ledger::{Charge, Movement, Pays};
use crate::money::Money;
use crate::points::Points;
use crate::tender::{Spent, Tender};

/// The money that an event moves. What a movement takes from an account is known to be there,
/// or the whole fact is refused.
pub fn movements(before: &Rental, event: &Event) -> Vec<Movement> {
    let (rider, rental) = (before.rider, before.id);
    match event {
        Event::Started { rental: first } => {
            let (rider, rental) = (first.rider, first.id);
            let Tender { wallet, spent: Spent { points, worth } } = first.tender();
            let (amount, pays) = (worth, Pays::Price);
            with_points(
                spent(points).map(|points| Movement::PointsPay {
                    rider,
                    rental,
                    points,
                    amount,
                    pays,
                }),
                Movement::Hold { rider, rental, amount: wallet },
            )
        }
        Event::Cancelled { .. } => voided(before),
        Event::Ejected { vat, .. } => {
            vec![Movement::Capture { rider, rental, amount: before.held, vat: *vat }]
        }
        Event::Reopened { vat, collected, spent, .. } => {
            let (amount, what) = (before.package.price, Charge::Price);
            let tender = Tender { wallet: collected.minus(spent.worth), spent: *spent };
            let charge = Movement::Charge { rider, rental, amount, vat: *vat, what };
            [charge].into_iter().chain(pay_owed(before, tender)).collect()
        }
        Event::Returned { ended, vat, collected, spent } => {
            let (amount, what) = (ended.late.amount, Charge::LateFee);
            let tender = Tender { wallet: collected.minus(spent.worth), spent: *spent };
            let charge = Movement::Charge { rider, rental, amount, vat: *vat, what };
            [charge].into_iter().chain(pay_owed(before, tender)).collect()
        }
        Event::ReturnedAtOnce { vat, .. } => given_back(before, *vat),
        Event::DuesPaid { tender, .. } => pay_owed(before, *tender),
        Event::DuesWrittenOff { amount, .. } => {
            vec![Movement::WriteOff { rider, rental, amount: *amount }]
        }
        Event::CancelRequested { .. }
        | Event::OutUnassigned { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::FellOverdue { .. } => vec![],
    }
}

/// What is owed is paid, each part in its own unit.
fn pay_owed(before: &Rental, tender: Tender) -> Vec<Movement> {
    let (rider, rental) = (before.rider, before.id);
    let Tender { wallet, spent: Spent { points, worth } } = tender;
    let (amount, pays) = (worth, Pays::Dues);
    let by_points =
        spent(points).map(|points| Movement::PointsPay { rider, rental, points, amount, pays });
    with_points(by_points, Movement::Collect { rider, rental, amount: wallet })
}

/// What is held goes back, each part in its own unit.
fn voided(before: &Rental) -> Vec<Movement> {
    let (rider, rental) = (before.rider, before.id);
    let Spent { points, worth } = before.by_points;
    let amount = worth;
    with_points(
        spent(points).map(|points| Movement::PointsBack { rider, rental, points, amount }),
        Movement::Void { rider, rental, amount: before.held.minus(worth) },
    )
}

/// What was paid goes back, points as points and money to the wallet; what is still owed is
/// paid from that. Both parts carry their share of the tax.
fn given_back(before: &Rental, vat: Money) -> Vec<Movement> {
    let (rider, rental) = (before.rider, before.id);
    let Spent { points, worth } = before.by_points;
    let money = before.paid.plus(before.owed).minus(worth);
    let of_points = vat.part(worth, worth.plus(money));
    let in_points = spent(points).map(|points| {
        let (amount, vat) = (worth, of_points);
        Movement::ReversePoints { rider, rental, points, amount, vat }
    });
    let vat = vat.minus(of_points);
    let mut moves = with_points(in_points, Movement::Reverse { rider, rental, amount: money, vat });
    moves.push(Movement::Collect { rider, rental, amount: before.owed });
    moves
}

fn spent(points: Points) -> Option<Points> {
    (points > Points(0)).then_some(points)
}

fn with_points(points: Option<Movement>, money: Movement) -> Vec<Movement> {
    points.into_iter().chain([money]).collect()
}

/// Who has the bank after the event; `None` when that does not change by this rental.
pub fn custody(before: &Rental, event: &Event) -> Option<Custody> {
    match event {
        Event::Ejected { .. } | Event::Reopened { .. } => {
            Some(Custody::Rental { rental: before.id })
        }
        Event::Returned { ended, .. } => Some(match ended.key {
            Some(key) => Custody::Slot { station: ended.station, key },
            None => Custody::Missing,
        }),
        Event::ReturnedAtOnce { station, key, .. } => {
            let key = key.unwrap_or(before.key);
            Some(Custody::Slot { station: *station, key })
        }
        Event::Cancelled { reason: CancelReason::Unresolved, .. }
        | Event::OutUnassigned { shown: false, carried: None | Some(false), .. } => {
            Some(Custody::Missing)
        }
        Event::Cancelled { reason: CancelReason::ReturnedAtOnce, found, .. } => {
            let key = found.unwrap_or(before.key);
            Some(Custody::Slot { station: before.station, key })
        }
        Event::Started { .. }
        | Event::Cancelled { .. }
        | Event::CancelRequested { .. }
        | Event::OutUnassigned { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::FellOverdue { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => None,
    }
}

/// What a person has to look at because of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Incident {
    /// An eject without an end: the bank is missing and nobody was billed.
    EjectUnresolved,
    /// A bank left a cabinet and no rental can carry it.
    BankOutUnassigned,
    /// A return whose slot nobody said: the bank is in the cabinet, somewhere.
    ReturnWithoutSlot,
}

impl Incident {
    pub fn as_str(self) -> &'static str {
        match self {
            Incident::EjectUnresolved => "eject_unresolved",
            Incident::BankOutUnassigned => "bank_out_unassigned",
            Incident::ReturnWithoutSlot => "return_without_slot",
        }
    }
}

pub fn incident(event: &Event) -> Option<Incident> {
    match event {
        Event::Cancelled { reason: CancelReason::Unresolved, .. } => {
            Some(Incident::EjectUnresolved)
        }
        Event::OutUnassigned { .. } => Some(Incident::BankOutUnassigned),
        Event::Returned { ended, .. } if ended.key.is_none() => Some(Incident::ReturnWithoutSlot),
        Event::Started { .. }
        | Event::Cancelled { .. }
        | Event::CancelRequested { .. }
        | Event::Ejected { .. }
        | Event::Reopened { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::FellOverdue { .. }
        | Event::Returned { .. }
        | Event::ReturnedAtOnce { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => None,
    }
}

pub fn effects(before: &Rental, event: &Event) -> Vec<Effect> {
    let (rider, rental) = (before.rider, before.id);
    let notify = |template| Effect::NotifyRider { rider, template };
    let cancelled =
        |reason: CancelReason| Template::RentalCancelled { rental, reason: reason.as_str().into() };
    match event {
        Event::Ejected { .. } => vec![notify(Template::RentalStarted { rental })],
        Event::Cancelled { reason, .. } => vec![notify(cancelled(*reason))],
        Event::ReturnedAtOnce { .. } => vec![notify(cancelled(CancelReason::ReturnedAtOnce))],
        Event::Reopened { collected, .. } => {
            let owed = before.package.price.minus(*collected);
            with_due(before, Template::RentalReopened { rental }, owed)
        }
        Event::FellOverdue { .. } => vec![notify(Template::RentalOverdue { rental })],
        Event::Returned { ended, collected, .. } => {
            let owed = before.owed.plus(ended.late.amount).minus(*collected);
            with_due(before, Template::RentalCompleted { rental }, owed)
        }
        Event::Started { .. }
        | Event::CancelRequested { .. }
        | Event::OutUnassigned { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => vec![],
    }
}

fn with_due(before: &Rental, template: Template, owed: Money) -> Vec<Effect> {
    let (rider, rental) = (before.rider, before.id);
    let due = Template::PaymentDue { rental, amount: owed };
    let due = owed.is_positive().then_some(due);
    [template]
        .into_iter()
        .chain(due)
        .map(|template| Effect::NotifyRider { rider, template })
        .collect()
}

//! The life of one rental: `decide` says what happens, `evolve` what it leads to, and
//! `consequence` which money moves, who has the bank, and who must be told.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::bank::{Custody, Fingerprint};
use crate::eject::{NotOutReason, Settlement};
use crate::ids::{CommandId, RentalId, RiderId, SlotKey, Sn, StationId};
use crate::money::Money;
use crate::returns::{Claim, Source};
use crate::tariff::{LateCharge, LateFee, Package};
use crate::tender::{Funds, Means, NotPaid, Spent, Tender};

mod consequence;
mod decide;
mod evolve;
mod status;
mod terms;

#[cfg(test)]
mod tests;

pub use consequence::{Incident, custody, effects, incident, movements};
pub use decide::decide;
pub use evolve::{evolve, replay};
pub use status::{PaymentStatus, Status};
pub use terms::Terms;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rental {
    pub id: RentalId,
    /// What a rider reads out on the phone: 8 of A-Z and 0-9.
    pub code: String,
    pub rider: RiderId,
    /// Where the bank was ejected.
    pub station: StationId,
    pub key: SlotKey,
    pub bank: Sn,
    pub package: Package,
    pub late_fee: LateFee,
    pub command: CommandId,
    pub created_at: DateTime<Utc>,
    /// The eject is not published later than this, so at that instant it may have been.
    pub publish_before: DateTime<Utc>,
    /// Percent, when the bank was picked.
    pub start_level: Option<u8>,
    pub cancel_requested: bool,
    /// A cabinet said after its end that the bank is out, and a person looks into it: the same
    /// word again changes nothing.
    #[serde(default)]
    pub unassigned: bool,
    /// Returns that somebody reported and nobody confirmed.
    pub claims: Vec<Claim>,
    /// Set aside in the rider's hold account.
    pub held: Money,
    /// What the rider has paid and not got back.
    pub paid: Money,
    /// What the rider still owes.
    pub owed: Money,
    /// What was owed and nobody will pay.
    #[serde(default, skip_serializing_if = "nothing")]
    pub written_off: Money,
    /// The part of `held` and `paid` that points pay.
    #[serde(default, skip_serializing_if = "Spent::is_none")]
    pub by_points: Spent,
    #[serde(flatten)]
    pub phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The eject is intended or sent; nobody knows yet that the bank is out.
    Dispensing,
    Active {
        since: DateTime<Utc>,
        due_at: DateTime<Utc>,
    },
    Overdue {
        since: DateTime<Utc>,
        due_at: DateTime<Utc>,
    },
    Completed {
        since: DateTime<Utc>,
        due_at: DateTime<Utc>,
        ended: Ended,
    },
    Cancelled {
        at: DateTime<Utc>,
        reason: CancelReason,
    },
}

/// How a rental came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// What is billed to: the earliest instant at which the bank can have been back.
    pub at: DateTime<Utc>,
    /// When the return was learnt: the latest instant at which it can have been back.
    pub learnt_at: DateTime<Utc>,
    pub station: StationId,
    pub key: Option<SlotKey>,
    pub source: Source,
    pub level: Option<u8>,
    pub late: LateCharge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "detail", rename_all = "snake_case")]
pub enum CancelReason {
    ByRider,
    NotOut(NotOutReason),
    /// Nobody could show within the bound where the bank is.
    Unresolved,
    /// The same bank was back at the same cabinet within a minute.
    ReturnedAtOnce,
}

impl CancelReason {
    /// The word that the app is given.
    pub fn as_str(self) -> &'static str {
        match self {
            CancelReason::ByRider => "cancelled_by_rider",
            CancelReason::NotOut(_) => "popup_failed",
            CancelReason::Unresolved => "unresolved",
            CancelReason::ReturnedAtOnce => "returned_at_once",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The rider does not want it any more.
    Cancel,
    /// The eject has an end.
    Settle(Settlement),
    /// The eject has no end within its bound.
    GiveUp,
    /// A cabinet says that an eject worked whose rental is cancelled. `shown`: a report that came
    /// after the eject showed the bank in a slot.
    LateSuccess { at: DateTime<Utc>, shown: bool },
    /// Somebody says that the bank is back.
    Return(Claim),
    /// A fresh report on the trusted session, asked for because of a claim, shows the bank.
    Confirm(Claim),
    /// A fresh whole report of this cabinet does not show it.
    Deny { station: StationId, at: DateTime<Utc> },
    /// The clock passed the due time.
    FallDue,
    /// The rider pays what is owed. `shown` is what the app said it comes to.
    PayDues { means: Means, shown: Option<Money> },
    /// Nobody will pay what is owed.
    WriteOff,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Carries the whole first state, so that the events alone can be replayed.
    Started {
        rental: Box<Rental>,
    },
    CancelRequested {
        at: DateTime<Utc>,
    },
    Cancelled {
        at: DateTime<Utc>,
        reason: CancelReason,
        /// Where the bank was put in again, when that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<SlotKey>,
    },
    Ejected {
        at: DateTime<Utc>,
        due_at: DateTime<Utc>,
        vat: Money,
    },
    /// The bank is out although the rental was cancelled: it goes on, and what points and
    /// wallet cannot pay is owed.
    Reopened {
        at: DateTime<Utc>,
        due_at: DateTime<Utc>,
        vat: Money,
        /// What was there to pay it, with what points paid of it.
        collected: Money,
        #[serde(default, skip_serializing_if = "Spent::is_none")]
        spent: Spent,
    },
    /// The bank is said to be out, but rider or bank have another rental, or a report has shown
    /// it in a slot: nobody is billed.
    OutUnassigned {
        at: DateTime<Utc>,
        /// It was seen in a slot, so that is where it is until a report says otherwise.
        #[serde(default)]
        shown: bool,
        /// Another open rental has it, and says where it is; events from before that was noted
        /// do not tell.
        #[serde(default)]
        carried: Option<bool>,
    },
    ReturnClaimed {
        claim: Claim,
    },
    ClaimsDenied {
        station: StationId,
        at: DateTime<Utc>,
    },
    FellOverdue {
        at: DateTime<Utc>,
    },
    Returned {
        ended: Ended,
        vat: Money,
        collected: Money,
        #[serde(default, skip_serializing_if = "Spent::is_none")]
        spent: Spent,
    },
    /// Back within a minute at the same cabinet: what was captured is given back.
    ReturnedAtOnce {
        at: DateTime<Utc>,
        station: StationId,
        key: Option<SlotKey>,
        vat: Money,
    },
    /// All that was owed is paid.
    DuesPaid {
        at: DateTime<Utc>,
        tender: Tender,
    },
    /// Nobody will pay what was owed, and the rider does not owe it any more.
    DuesWrittenOff {
        at: DateTime<Utc>,
        amount: Money,
    },
}

fn nothing(amount: &Money) -> bool {
    amount.is_zero()
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::CancelRequested { .. } => "cancel_requested",
            Event::Cancelled { .. } => "cancelled",
            Event::Ejected { .. } => "ejected",
            Event::Reopened { .. } => "reopened",
            Event::OutUnassigned { .. } => "out_unassigned",
            Event::ReturnClaimed { .. } => "return_claimed",
            Event::ClaimsDenied { .. } => "claims_denied",
            Event::FellOverdue { .. } => "fell_overdue",
            Event::Returned { .. } => "returned",
            Event::ReturnedAtOnce { .. } => "returned_at_once",
            Event::DuesPaid { .. } => "dues_paid",
            Event::DuesWrittenOff { .. } => "dues_written_off",
        }
    }
}

/// A command the rules do not allow now. Never a failure of the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the power bank is out: return it to end the rental")]
    NotReturned,
    #[error("the rental is over")]
    Over,
    #[error("the bank had not left its slot at that time")]
    NotOutYet,
    #[error("the return lies in the future")]
    InFuture,
    #[error("the rental has not started")]
    NotStarted,
    #[error("nothing is owed")]
    NothingOwed,
    #[error("NPR {owed} is owed, and at most NPR {most} may be written off")]
    TooMuchToWriteOff { owed: Money, most: Money },
    #[error("the dues are paid")]
    DuesPaid,
    #[error("NPR {owed} is owed")]
    OtherAmount { owed: Money },
    #[error(transparent)]
    NotPaid(#[from] NotPaid),
}

/// What a decision may use besides the rental itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    pub now: DateTime<Utc>,
    /// The eject may have been published. Always true after a restart.
    pub published: bool,
    /// What the rider can pay at this moment.
    pub funds: Funds,
    /// Rider or bank have another open rental.
    pub engaged: bool,
    /// Of the two the bank.
    pub carried: bool,
    /// Frames that closed an earlier rental of this bank.
    pub used: &'a [Fingerprint],
    pub terms: Terms,
}

impl Rental {
    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Dispensing => Status::PendingPopup,
            Phase::Active { .. } => Status::Active,
            Phase::Overdue { .. } => Status::Overdue,
            Phase::Completed { .. } => Status::Completed,
            Phase::Cancelled { .. } => Status::Cancelled,
        }
    }

    pub fn payment_status(&self) -> PaymentStatus {
        match self.phase {
            Phase::Cancelled { .. } => PaymentStatus::Refunded,
            _ if self.owed.is_positive() => PaymentStatus::Pending,
            _ if self.written_off.is_positive() => PaymentStatus::Failed,
            Phase::Dispensing
            | Phase::Active { .. }
            | Phase::Overdue { .. }
            | Phase::Completed { .. } => PaymentStatus::Paid,
        }
    }

    /// Takes up the rider's and the bank's one place.
    pub fn is_open(&self) -> bool {
        match self.phase {
            Phase::Dispensing | Phase::Active { .. } | Phase::Overdue { .. } => true,
            Phase::Completed { .. } | Phase::Cancelled { .. } => false,
        }
    }

    /// Whether a late answer of its cabinet may be about its eject.
    pub fn may_reopen(&self) -> bool {
        let Phase::Cancelled { reason, .. } = self.phase else { return false };
        decide::may_reopen_after(self, reason)
    }

    /// Its eject was cancelled, and by its own end and the bank's custody a report that came
    /// after the eject has shown the bank in a slot.
    pub fn was_found(&self, custody: &Custody) -> bool {
        let Phase::Cancelled { reason, .. } = self.phase else { return false };
        let slot = custody.slot();
        let elsewhere = slot.is_some_and(|(station, _)| station != self.station);
        let again = reason == CancelReason::Unresolved && slot.is_some();
        reason == CancelReason::NotOut(NotOutReason::SeenTwice) || elsewhere || again
    }

    /// The bank left its slot.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Active { since, .. }
            | Phase::Overdue { since, .. }
            | Phase::Completed { since, .. } => Some(since),
            Phase::Dispensing | Phase::Cancelled { .. } => None,
        }
    }

    /// Until the bank is out the package counts from the start, as the app shows it.
    pub fn due_at(&self) -> DateTime<Utc> {
        match self.phase {
            Phase::Active { due_at, .. }
            | Phase::Overdue { due_at, .. }
            | Phase::Completed { due_at, .. } => due_at,
            Phase::Dispensing | Phase::Cancelled { .. } => self.due_after(self.created_at),
        }
    }

    pub fn due_after(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        since + TimeDelta::minutes(i64::from(self.package.minutes))
    }

    /// What lateness has cost up to `now`: fixed once the bank is back.
    pub fn late_charge(&self, now: DateTime<Utc>) -> LateCharge {
        match &self.phase {
            Phase::Completed { ended, .. } => ended.late,
            Phase::Active { due_at, .. } | Phase::Overdue { due_at, .. } => {
                self.late_fee.charge(&self.package, *due_at, now)
            }
            Phase::Dispensing | Phase::Cancelled { .. } => LateCharge::default(),
        }
    }

    /// What is held and paid, by where it comes from.
    pub fn tender(&self) -> Tender {
        let all = self.held.plus(self.paid);
        Tender { wallet: all.minus(self.by_points.worth), spent: self.by_points }
    }

    /// Until when a late answer of the cabinet may still reopen it, if it is cancelled.
    pub fn reopen_until(&self, bound: TimeDelta) -> DateTime<Utc> {
        self.publish_before + bound
    }
}

//! Money that goes back: what of a purpose is left to give, how far a refund is, and what a
//! gateway's word means for one that is under way. Nothing is given back that is not there.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{IntentId, RentalId};
use crate::ledger::vat_in;
use crate::money::Money;
use crate::payment::Answer;
use crate::points::{PerRupee, Points};

#[cfg(test)]
mod tests;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    Requested,
    /// It may be given back.
    Approved,
    /// The gateway was asked to, or is about to be; the money has left the wallet.
    Processing,
    /// It is back where it belongs.
    Processed,
    /// Nothing was given back.
    Rejected,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "REQUESTED",
            Status::Approved => "APPROVED",
            Status::Processing => "PROCESSING",
            Status::Processed => "PROCESSED",
            Status::Rejected => "REJECTED",
        }
    }

    pub fn is_open(self) -> bool {
        matches!(self, Status::Requested | Status::Approved | Status::Processing)
    }
}

/// How a refund goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Approve,
    Reject,
    /// To the wallet: done in one fact.
    Give,
    /// To the source: the money leaves the wallet before the gateway is asked.
    Send,
    /// The gateway has done it.
    Arrive,
    /// The gateway will not do it: the money is back in the wallet.
    Bounce,
}

impl Step {
    /// From where it may be taken.
    pub fn from(self) -> &'static [Status] {
        match self {
            Step::Approve => &[Status::Requested],
            Step::Reject => &[Status::Requested, Status::Approved],
            Step::Give | Step::Send => &[Status::Approved],
            Step::Arrive | Step::Bounce => &[Status::Processing],
        }
    }

    pub fn to(self) -> Status {
        match self {
            Step::Approve => Status::Approved,
            Step::Send => Status::Processing,
            Step::Give | Step::Arrive => Status::Processed,
            Step::Reject | Step::Bounce => Status::Rejected,
        }
    }

    /// Whether money goes from the network, so that two persons may be needed.
    pub fn pays(self) -> bool {
        matches!(self, Step::Give | Step::Send)
    }
}

/// What is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// What a rental cost, to the wallet; what points paid, as points.
    Rental(RentalId),
    /// Money that was brought in, as far as it is still in the wallet, to where it came from.
    TopUp(IntentId),
}

/// What of a rental can still be given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// All of it, whoever paid.
    pub total: Money,
    /// The part of it that points paid, and those points.
    pub worth: Money,
    pub points: Points,
    /// The tax in it.
    pub vat: Money,
}

/// What of a top-up has not gone back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    pub left: Money,
    /// The points that it earned, wherever they are by now.
    pub points: Points,
}

/// Points that go with the money that earned them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// As far as the rider has them.
    pub points: Points,
    /// The others were spent: what they have paid is paid by the wallet now.
    pub spent: Points,
    pub worth: Money,
}

impl Brought {
    /// What goes with so much of it: what stays has earned its share, rounded down.
    pub fn taken(&self, amount: Money, has: Points, rate: PerRupee) -> Taken {
        let stays = self.left.minus(amount).max(Money::ZERO);
        let kept = if stays.is_zero() { Points(0) } else { self.share(stays) };
        let due = self.points.0.saturating_sub(kept.0);
        let points = Points(due.min(has.0));
        let spent = Points(due - points.0);
        Taken { points, spent, worth: rate.worth(spent) }
    }

    /// The most that can go back out of a wallet that has to pay for spent points too.
    pub fn most(&self, wallet: Money, has: Points, rate: PerRupee) -> Money {
        let all = self.left.min(wallet);
        let worth = self.taken(all, has, rate).worth;
        all.min(wallet.minus(worth)).max(Money::ZERO)
    }

    fn share(&self, of: Money) -> Points {
        let points = self.points.decimal() * of.decimal() / self.left.decimal();
        Points(u32::try_from(points.trunc()).unwrap_or(u32::MAX))
    }
}

/// One refund, by who gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub money: Money,
    pub money_vat: Money,
    pub worth: Money,
    pub worth_vat: Money,
    pub points: Points,
}

impl Left {
    /// So much of it: money first, as of a hold, then points, whole ones. The last part takes
    /// the tax that rounding has left, so that no paisa of it stays behind; tax on what was
    /// never paid stays.
    pub fn parts(&self, amount: Money, percent: Decimal) -> Option<Parts> {
        if !amount.is_positive() || amount > self.total {
            return None;
        }
        let worth_left = self.worth.min(self.total);
        let money = amount.min(self.total.minus(worth_left));
        let worth = amount.minus(money);
        let due = vat_in(amount, percent);
        let rounding = self.vat.minus(due).decimal().abs() < Decimal::ONE;
        let vat = if amount == self.total && rounding { self.vat } else { due.min(self.vat) };
        let money_vat = if worth.is_zero() { vat } else { vat_in(money, percent).min(vat) };
        let points = if worth == worth_left { self.points } else { self.share(worth, worth_left) };
        Some(Parts { money, money_vat, worth, worth_vat: vat.minus(money_vat), points })
    }

    /// Rounded down: what is over goes back with the rest.
    fn share(&self, worth: Money, of: Money) -> Points {
        if of.is_zero() {
            return Points(0);
        }
        let points = self.points.decimal() * worth.decimal() / of.decimal();
        Points(u32::try_from(points.trunc()).unwrap_or(0))
    }
}

/// What to do about a refund that a gateway was told of, and did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsure {
    /// It is done.
    Arrived,
    /// It was not done: it may be asked for again.
    Again,
    /// Nobody can tell from here: ask later.
    Wait,
}

/// A gateway's own word on the payment. After an earlier part was given back its word for a part
/// says nothing of this one.
pub fn settle(answer: &Answer, had_part: bool, is_whole: bool) -> Unsure {
    match answer {
        Answer::Refunded { partly: false } => Unsure::Arrived,
        Answer::Refunded { partly: true } if !had_part && !is_whole => Unsure::Arrived,
        Answer::Paid { .. } if !had_part => Unsure::Again,
        Answer::Refunded { partly: true }
        | Answer::Paid { .. }
        | Answer::Pending
        | Answer::Declined
        | Answer::Cancelled
        | Answer::Expired
        | Answer::Unclear { .. } => Unsure::Wait,
    }
}

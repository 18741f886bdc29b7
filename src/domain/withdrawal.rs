//! Money that a rider wants out of the wallet: how far the wish is, who may move it on, and how
//! much may go out in a day and a month. The fee and the movements are the ledger's.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{began, local_day};
use crate::ledger::WithdrawalFee;
use crate::money::Money;

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
    /// The money is set aside; the rider may still take it back.
    Requested,
    /// An operator is about to pay it out.
    Approved,
    /// It is paid out.
    Completed,
    /// Refused by an operator: the money is back.
    Rejected,
    /// Taken back by the rider.
    Cancelled,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "REQUESTED",
            Status::Approved => "APPROVED",
            Status::Completed => "COMPLETED",
            Status::Rejected => "REJECTED",
            Status::Cancelled => "CANCELLED",
        }
    }

    /// The money is still set aside.
    pub fn is_open(self) -> bool {
        matches!(self, Status::Requested | Status::Approved)
    }
}

/// How a wish goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Approve,
    Complete,
    Reject,
    Cancel,
}

impl Step {
    pub const ALL: [Step; 4] = [Step::Approve, Step::Complete, Step::Reject, Step::Cancel];

    /// From where it may be taken.
    pub fn from(self) -> &'static [Status] {
        match self {
            Step::Approve | Step::Cancel => &[Status::Requested],
            Step::Complete => &[Status::Approved],
            // a payment that could not be made after its approval is refused too
            Step::Reject => &[Status::Requested, Status::Approved],
        }
    }

    pub fn to(self) -> Status {
        match self {
            Step::Approve => Status::Approved,
            Step::Complete => Status::Completed,
            Step::Reject => Status::Rejected,
            Step::Cancel => Status::Cancelled,
        }
    }
}

/// What pays it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "lowercase")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Esewa,
    Khalti,
    Bank,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Esewa => "esewa",
            Method::Khalti => "khalti",
            Method::Bank => "bank",
        }
    }
}

/// Where it is paid to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Payee {
    Phone { phone_number: String },
    Account { bank_name: String, account_number: String, account_holder_name: String },
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub enabled: bool,
    pub least: Money,
    pub fee: WithdrawalFee,
    pub limits: Limits,
    /// Above it, who approves is not who pays out.
    pub two_persons_above: Money,
}

/// How much may go out of one wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub per_day: Money,
    pub per_month: Money,
}

/// What was asked for so far, without what was refused or taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub today: Money,
    pub this_month: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("withdrawals are not possible at this time")]
    Disabled,
    #[error("the smallest withdrawal is NPR {0}")]
    TooLow(Money),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    Day,
    Month,
}

impl Rules {
    /// The fee of an amount that may be asked for.
    pub fn admit(&self, amount: Money) -> Result<Money, Refusal> {
        if !self.enabled {
            return Err(Refusal::Disabled);
        }
        if amount < self.least || !amount.is_positive() {
            return Err(Refusal::TooLow(self.least));
        }
        Ok(self.fee.of(amount))
    }

    pub fn needs_two(&self, amount: Money) -> bool {
        amount > self.two_persons_above
    }
}

impl Limits {
    pub fn check(&self, taken: Taken, amount: Money) -> Result<(), Exceeded> {
        if taken.today.plus(amount) > self.per_day {
            return Err(Exceeded::Day);
        }
        if taken.this_month.plus(amount) > self.per_month {
            return Err(Exceeded::Month);
        }
        Ok(())
    }
}

/// When the day and the month began in Nepal that an instant falls in.
pub fn windows(at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let day = local_day(at);
    let first = NaiveDate::from_ymd_opt(day.year(), day.month(), 1).unwrap_or(day);
    (began(day), began(first))
}

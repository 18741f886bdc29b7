//! A payment from the outside: what a gateway's answer means for an intent, and when to ask
//! again. Whoever calls in, only the gateway's own answer decides.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{IntentId, RiderId};
use crate::ledger::Gateway;
use crate::money::Money;

mod errand;

#[cfg(test)]
mod tests;

pub use errand::{Deed, Errand, ErrandState, RequestKey};

/// One attempt to bring money in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    pub id: IntentId,
    pub rider: RiderId,
    pub gateway: Gateway,
    pub amount: Money,
    pub status: IntentStatus,
    /// Our own reference at the gateway, bound before the rider is sent there.
    pub gateway_ref: String,
    /// The gateway's number of the payment, once it is settled.
    pub gateway_txn_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// How often the gateway was asked.
    pub checks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum IntentStatus {
    Pending,
    /// Settled: the money is in the wallet.
    Completed,
    Failed,
    Cancelled,
    Expired,
}

impl IntentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            IntentStatus::Pending => "PENDING",
            IntentStatus::Completed => "COMPLETED",
            IntentStatus::Failed => "FAILED",
            IntentStatus::Cancelled => "CANCELLED",
            IntentStatus::Expired => "EXPIRED",
        }
    }
}

/// Where a rider goes to pay, as the app is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub url: String,
    pub method: RedirectMethod,
    /// What a form that is posted carries.
    pub fields: BTreeMap<String, String>,
    /// For people.
    pub instructions: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum RedirectMethod {
    Get,
    Post,
}

/// What a gateway says of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Paid {
        /// Our reference, as the gateway has it.
        reference: String,
        amount: Money,
        /// ISO 4217.
        currency: String,
        /// The gateway's own number.
        txn_id: String,
    },
    /// Begun, or not begun: it can still be paid.
    Pending,
    /// The rider or the bank said no; it will not be paid.
    Declined,
    /// The rider gave up there.
    Cancelled,
    /// The gateway closed it unpaid.
    Expired,
    /// The money came and went back: nothing is here to credit.
    Refunded {
        /// A part of it is still there.
        partly: bool,
    },
    /// Neither paid nor unpaid, or a word that nobody here knows: only asking again helps.
    Unclear { word: String },
}

/// What an answer means for an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The money is here: it goes into the wallet.
    Settle { txn_id: String },
    /// Nothing is known for good.
    Wait,
    /// The gateway itself does not know: it waits on, and a person is told.
    Hold { word: String },
    /// It ends without money.
    End(IntentStatus),
    /// The gateway speaks of another payment: nothing is credited, a person has to look.
    Mismatch(Mismatch),
    /// It was settled before.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    Reference,
    Amount,
    Currency,
    /// It was paid and given back, and nobody here asked for that.
    Refunded,
}

impl Answer {
    /// Whether asking again may bring another answer.
    pub fn is_final(&self) -> bool {
        match self {
            Answer::Paid { .. }
            | Answer::Declined
            | Answer::Cancelled
            | Answer::Expired
            | Answer::Refunded { .. } => true,
            Answer::Pending | Answer::Unclear { .. } => false,
        }
    }
}

impl Mismatch {
    pub fn as_str(self) -> &'static str {
        match self {
            Mismatch::Reference => "reference",
            Mismatch::Amount => "amount",
            Mismatch::Currency => "currency",
            Mismatch::Refunded => "refunded",
        }
    }
}

/// Only money that the gateway took for exactly this intent settles it. An intent that ended
/// without money is settled all the same when the gateway took the money later.
pub fn judge(intent: &Intent, answer: &Answer, now: DateTime<Utc>) -> Verdict {
    if intent.status == IntentStatus::Completed {
        return Verdict::Nothing;
    }
    let open = intent.status == IntentStatus::Pending;
    match answer {
        Answer::Paid { reference, .. } if *reference != intent.gateway_ref => {
            Verdict::Mismatch(Mismatch::Reference)
        }
        Answer::Paid { currency, .. } if currency != Money::CURRENCY => {
            Verdict::Mismatch(Mismatch::Currency)
        }
        Answer::Paid { amount, .. } if *amount != intent.amount => {
            Verdict::Mismatch(Mismatch::Amount)
        }
        Answer::Paid { txn_id, .. } => Verdict::Settle { txn_id: txn_id.clone() },
        Answer::Pending if open && now >= intent.expires_at + LATE_PAYMENT => {
            Verdict::End(IntentStatus::Expired)
        }
        Answer::Declined if open => Verdict::End(IntentStatus::Failed),
        Answer::Cancelled if open => Verdict::End(IntentStatus::Cancelled),
        Answer::Expired if open => Verdict::End(IntentStatus::Expired),
        Answer::Refunded { .. } => Verdict::Mismatch(Mismatch::Refunded),
        Answer::Unclear { word } if open => Verdict::Hold { word: word.clone() },
        Answer::Pending
        | Answer::Declined
        | Answer::Cancelled
        | Answer::Expired
        | Answer::Unclear { .. } => Verdict::Wait,
    }
}

/// How long after an intent's own end a payment that the gateway calls pending is still waited
/// for: gateways' links live longer than our intents.
pub const LATE_PAYMENT: TimeDelta = TimeDelta::hours(1);

/// Minutes after the creation at which the gateway is asked unasked, at first.
const EARLY_MINUTES: [i64; 7] = [1, 3, 5, 10, 20, 40, 65];
const HOURLY_UNTIL: TimeDelta = TimeDelta::days(1);
const DAILY_UNTIL: TimeDelta = TimeDelta::days(7);

/// When to ask the gateway next, after `now`: at 1, 3, 5, 10, 20, 40 and 65 minutes, then
/// hourly for a day, then daily for a week, then no more.
pub fn next_check(created_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let early = EARLY_MINUTES.map(|minutes| created_at + TimeDelta::minutes(minutes));
    if let Some(at) = early.into_iter().find(|at| *at > now) {
        return Some(at);
    }
    let age = now - created_at;
    let step = if age < HOURLY_UNTIL { TimeDelta::hours(1) } else { TimeDelta::days(1) };
    (age < DAILY_UNTIL).then(|| now + step)
}

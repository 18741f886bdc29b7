//! A gateway that moves no money: whoever plays it says how a payment ends. Outcomes are kept
//! in memory, for no longer than the process; an order without one is pending.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::IntentId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, Redirect, RedirectMethod};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::news::{Hint, News, Odd};
use super::{Asked, Offer, Order, PaymentGateway, Refund, Refunded, Started, Trace};

#[cfg(test)]
mod tests;

/// Outcomes that are remembered; beyond, the oldest payment's is forgotten.
const OUTCOMES_MAX: usize = 10_000;
/// What a payment of a wrong amount has too much.
const TOO_MUCH: Money = Money::rupees(1);

/// How a payment is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Paid,
    Pending,
    Declined,
    Expired,
    /// Paid, but not what was asked for.
    WrongAmount,
}

impl Outcome {
    pub const ALL: [Outcome; 5] = [
        Outcome::Paid,
        Outcome::Pending,
        Outcome::Declined,
        Outcome::Expired,
        Outcome::WrongAmount,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Pending => "pending",
            Outcome::Declined => "declined",
            Outcome::Expired => "expired",
            Outcome::WrongAmount => "wrong_amount",
        }
    }
}

#[derive(Debug)]
pub struct Sandbox {
    /// The address of the page that plays the gateway, up to the intent.
    page: String,
    /// Ids sort by time: the first is the oldest.
    outcomes: Mutex<BTreeMap<IntentId, Outcome>>,
}

impl Sandbox {
    /// `public_url` is how riders reach this server, without a slash at the end.
    pub fn new(public_url: &str) -> Sandbox {
        Sandbox { page: format!("{public_url}/sandbox/pay/"), outcomes: Mutex::default() }
    }

    /// Says how a payment ends. What was paid stays paid, as money does: answers the outcome
    /// that holds from here on.
    pub fn play(&self, intent: IntentId, outcome: Outcome) -> Outcome {
        let mut outcomes = self.outcomes.lock();
        let held = outcomes.entry(intent).or_insert(outcome);
        if *held != Outcome::Paid {
            *held = outcome;
        }
        let held = *held;
        while outcomes.len() > OUTCOMES_MAX {
            outcomes.pop_first();
        }
        held
    }
}

#[async_trait]
impl PaymentGateway for Sandbox {
    fn offer(&self) -> Offer {
        Offer {
            gateway: Gateway::Sandbox,
            name: "Sandbox",
            least: Money::rupees(10),
            most: Money::rupees(100_000),
        }
    }

    async fn start(&self, order: &Order) -> Asked<Started> {
        let redirect = Redirect {
            url: format!("{}{}", self.page, order.intent),
            method: RedirectMethod::Get,
            fields: BTreeMap::new(),
            instructions: Some("Choose on the page how this payment ends".to_owned()),
        };
        Ok(Started { reference: format!("sandbox-{}", order.intent), redirect }).into()
    }

    async fn check(&self, intent: &Intent) -> Asked<Answer> {
        let outcome = self.outcomes.lock().get(&intent.id).copied();
        let paid = |amount| Answer::Paid {
            reference: intent.gateway_ref.clone(),
            amount,
            currency: Money::CURRENCY.to_owned(),
            txn_id: format!("SBX{}", intent.id.0.simple()),
        };
        let answer = match outcome.unwrap_or(Outcome::Pending) {
            Outcome::Paid => paid(intent.amount),
            Outcome::WrongAmount => paid(intent.amount.plus(TOO_MUCH)),
            Outcome::Pending => Answer::Pending,
            Outcome::Declined => Answer::Declined,
            Outcome::Expired => Answer::Expired,
        };
        Ok(answer).into()
    }

    async fn refund(&self, order: &Refund) -> Asked<Refunded> {
        Ok(Refunded::Done { number: Some(format!("SBR{}", order.id.simple())) }).into()
    }

    /// It moves no money, and remembers none.
    async fn trace(&self, _: &Refund) -> Asked<Trace> {
        Ok(Trace::Nowhere).into()
    }

    /// There is no news from here: whoever plays it asks for the payment itself.
    fn read(&self, news: &News<'_>, _: DateTime<Utc>) -> Result<Hint, Odd> {
        let News::Fields(fields) = news else { return Err(Odd::Unreadable) };
        let reference = fields.get("gateway_reference").ok_or(Odd::Unreadable)?.clone();
        Ok(Hint { reference, order: None, amount: None, sealed: None, back: None })
    }
}

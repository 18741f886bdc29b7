//! What a fact writes of a refund: a request, or how it goes on.

use chrono::{DateTime, Utc};
use domain::ids::{RefundId, RiderId, TransferId};
use domain::money::Money;
use domain::refund::{Purpose, Step};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundWrite {
    /// Refused while another one of its purpose is open, and when less is left.
    Request(Box<NewRefund>),
    /// Only from where the step may be taken.
    Step(RefundStep),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    pub id: RefundId,
    pub reference: String,
    pub rider: RiderId,
    pub transfer: TransferId,
    pub purpose: Purpose,
    pub amount: Money,
    pub reason: String,
    pub two_persons: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundStep {
    pub id: RefundId,
    pub purpose: Purpose,
    pub amount: Money,
    pub step: Step,
    /// `operator:anna`, `gateway:khalti`.
    pub by: String,
    pub note: Option<String>,
    pub gateway_number: Option<String>,
    /// Of the account that the gateway gives it back to, where it asks for one.
    pub mobile: Option<String>,
    /// How often its gateway had been told or asked when this was decided, where that matters.
    pub tries: Option<i32>,
    /// When the gateway is told, of one that is sent.
    pub next_try_at: Option<DateTime<Utc>>,
}

impl RefundWrite {
    pub fn id(&self) -> RefundId {
        match self {
            RefundWrite::Request(new) => new.id,
            RefundWrite::Step(step) => step.id,
        }
    }

    pub fn purpose(&self) -> Purpose {
        match self {
            RefundWrite::Request(new) => new.purpose,
            RefundWrite::Step(step) => step.purpose,
        }
    }

    /// What has to be left of the purpose for it.
    pub fn needs(&self) -> Option<Money> {
        match self {
            RefundWrite::Request(new) => Some(new.amount),
            RefundWrite::Step(step) => step.step.pays().then_some(step.amount),
        }
    }
}

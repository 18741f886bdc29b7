//! What a fact writes of a withdrawal: a wish, or how it goes on.

use domain::ids::{RiderId, WithdrawalId};
use domain::money::Money;
use domain::withdrawal::{Limits, Method, Payee, Step};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalWrite {
    /// Refused when it passes the limits of the rider's day or month.
    Request(Box<NewWithdrawal>),
    /// Only from where the step may be taken.
    Step(WithdrawalStep),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWithdrawal {
    pub id: WithdrawalId,
    pub reference: String,
    pub rider: RiderId,
    pub amount: Money,
    pub fee: Money,
    pub method: Method,
    pub payee: Payee,
    pub two_persons: bool,
    pub limits: Limits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalStep {
    pub id: WithdrawalId,
    pub step: Step,
    /// `rider:7`, `operator:anna`.
    pub by: String,
    pub note: Option<String>,
    /// Of the payment, when it was made.
    pub payout_reference: Option<String>,
}

impl WithdrawalWrite {
    pub fn id(&self) -> WithdrawalId {
        match self {
            WithdrawalWrite::Request(new) => new.id,
            WithdrawalWrite::Step(step) => step.id,
        }
    }

    pub fn request(&self) -> Option<&NewWithdrawal> {
        match self {
            WithdrawalWrite::Request(new) => Some(new),
            WithdrawalWrite::Step(_) => None,
        }
    }
}

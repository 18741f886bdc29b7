//! Bringing money in: what every gateway does for us, and which of them are offered.
//!
//! A gateway registers an order and answers what became of it. It credits nothing: the rules
//! judge its answer, and one fact settles it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, Redirect};
use uuid::Uuid;

use super::web::{self, Web};
use crate::config::Config;

pub mod esewa;
pub mod khalti;
pub mod news;
pub mod raw;
pub mod sandbox;
pub mod stripe;

#[cfg(test)]
mod tests;

use esewa::Esewa;
use khalti::Khalti;
use news::{Hint, News, Odd};
use raw::Raw;
use sandbox::Sandbox;
use stripe::Stripe;

#[async_trait]
pub trait PaymentGateway: Send + Sync {
    fn offer(&self) -> Offer;

    /// Registers an order; the rider is sent nowhere before it is stored under the reference.
    async fn start(&self, order: &Order) -> Asked<Started>;

    /// What became of the order. Asked as often as it takes, and changes nothing.
    async fn check(&self, intent: &Intent) -> Asked<Answer>;

    /// Gives money of a settled payment back to where it came from. Told twice it may be carried
    /// out twice: keys are not known everywhere, nor for ever. One that is unsure is looked up
    /// with [`trace`](PaymentGateway::trace) before it is told again.
    async fn refund(&self, order: &Refund) -> Asked<Refunded>;

    /// What is known there of a refund that it may have been told. Changes nothing.
    async fn trace(&self, order: &Refund) -> Asked<Trace>;

    /// Which payment some news is about, once its seal holds, where there is one.
    fn read(&self, news: &News<'_>, now: DateTime<Utc>) -> Result<Hint, Odd>;
}

/// What a request to a gateway came to, and its server's words for the record.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    pub said: Result<T, Error>,
    /// Nothing, when no server answered.
    pub raw: Option<Raw>,
}

impl<T> Asked<T> {
    /// `read` makes sense of an answer, whatever its status.
    fn of(
        heard: Result<web::Heard, web::Error>,
        read: impl FnOnce(&web::Heard) -> Result<T, Error>,
    ) -> Asked<T> {
        match heard {
            Ok(heard) => Asked { said: read(&heard), raw: Some(Raw::of(&heard)) },
            Err(error) => Err(error.into()).into(),
        }
    }
}

impl<T> Asked<T> {
    fn map<U>(self, read: impl FnOnce(T) -> U) -> Asked<U> {
        Asked { said: self.said.map(read), raw: self.raw }
    }
}

/// Said without a server.
impl<T> From<Result<T, Error>> for Asked<T> {
    fn from(said: Result<T, Error>) -> Asked<T> {
        Asked { said, raw: None }
    }
}

/// Why a gateway gave no answer, by what the caller may do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It says no, and the same request gets the same no.
    #[error("the gateway refuses the request: {0}")]
    Declined(String),
    /// It may have happened: ask what became of it, do not repeat it.
    #[error("the gateway's answer did not come: {0}")]
    Unsure(String),
    /// Nothing happened: try again later.
    #[error("the gateway cannot be reached: {0}")]
    Down(String),
}

impl From<web::Error> for Error {
    fn from(error: web::Error) -> Error {
        match error {
            web::Error::Unreached(text) => Error::Down(text),
            web::Error::Silent(text) => Error::Unsure(text),
        }
    }
}

impl Error {
    /// An answer that is not one of the gateway's own: a proxy's page, an overload.
    fn strange(heard: &web::Heard) -> Error {
        match heard.status {
            429 => Error::Down("too many requests".to_owned()),
            status => Error::Unsure(format!("status {status} with a body that says nothing")),
        }
    }
}

/// A way to pay, as riders see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub gateway: Gateway,
    pub name: &'static str,
    /// Smallest and largest payment that it takes.
    pub least: Money,
    pub most: Money,
}

fn bounds(min_npr: u32, max_npr: u32) -> (Money, Money) {
    (Money::rupees(i64::from(min_npr)), Money::rupees(i64::from(max_npr)))
}

/// What a rider wants to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub intent: IntentId,
    pub rider: RiderId,
    pub amount: Money,
    pub expires_at: DateTime<Utc>,
}

/// An order that the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// By which it is found again; never used for another order.
    pub reference: String,
    pub redirect: Redirect,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its own number, the same in each try.
    pub id: Uuid,
    /// The settled payment.
    pub reference: String,
    pub txn_id: String,
    pub paid: Money,
    pub amount: Money,
    /// The wallet that takes it, where a bank paid.
    pub mobile: Option<String>,
}

impl Refund {
    fn is_whole(&self) -> bool {
        self.amount == self.paid
    }
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// The gateway's own number of it, if it has one.
    Done { number: Option<String> },
    /// Taken, and under way.
    Pending { number: Option<String> },
    /// This gateway does it by no call; a person does it there.
    ByHand { how: &'static str },
}

/// What a gateway knows of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    Found(Refunded),
    /// It is not going to be carried out; why, in the gateway's word.
    Failed(String),
    /// It would be listed, and is not: it was never taken.
    Nowhere,
    /// No refund has a name there; this is said of the payment.
    OfPayment(Answer),
}

/// The gateways that are offered. Clones share them.
#[derive(Clone, Default)]
pub struct Gateways {
    offered: BTreeMap<Gateway, Arc<dyn PaymentGateway>>,
    sandbox: Option<Arc<Sandbox>>,
}

impl Gateways {
    /// Those whose keys are configured, and the sandbox outside of production. `public_url` is
    /// how riders reach this server, without a slash at the end.
    pub fn new(config: &Config, web: &Web, public_url: &str) -> Gateways {
        let payments = &config.payments;
        let mut gateways = Gateways::default();
        if payments.khalti.secret_key.is_set() {
            gateways.offer(Arc::new(Khalti::new(&payments.khalti, web.clone(), public_url)));
        }
        if payments.esewa.secret_key.is_set() {
            gateways.offer(Arc::new(Esewa::new(&payments.esewa, web.clone(), public_url)));
        }
        if payments.stripe.secret_key.is_set() {
            gateways.offer(Arc::new(Stripe::new(&payments.stripe, web.clone(), public_url)));
        }
        if payments.sandbox && !config.is_production() {
            let sandbox = Arc::new(Sandbox::new(public_url));
            gateways.sandbox = Some(Arc::clone(&sandbox));
            gateways.offer(sandbox);
        }
        gateways
    }

    pub fn offer(&mut self, gateway: Arc<dyn PaymentGateway>) {
        self.offered.insert(gateway.offer().gateway, gateway);
    }

    pub fn get(&self, gateway: Gateway) -> Option<Arc<dyn PaymentGateway>> {
        self.offered.get(&gateway).cloned()
    }

    pub fn offers(&self) -> Vec<Offer> {
        self.offered.values().map(|gateway| gateway.offer()).collect()
    }

    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_deref()
    }
}

impl std::fmt::Debug for Gateways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.offered.keys()).finish()
    }
}

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

use crate::config::Config;

pub mod sandbox;

use sandbox::Sandbox;

#[async_trait]
pub trait PaymentGateway: Send + Sync {
    fn offer(&self) -> Offer;

    /// Registers an order; the rider is sent nowhere before it is stored under the reference.
    async fn start(&self, order: &Order) -> Result<Started, Error>;

    /// What became of the order. Asked as often as it takes, and changes nothing.
    async fn check(&self, intent: &Intent) -> Result<Answer, Error>;
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
    #[error("the gateway can not be reached: {0}")]
    Down(String),
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

/// The gateways that are offered. Clones share them.
#[derive(Clone, Default)]
pub struct Gateways {
    offered: BTreeMap<Gateway, Arc<dyn PaymentGateway>>,
    sandbox: Option<Arc<Sandbox>>,
}

impl Gateways {
    /// Those whose keys are configured, and the sandbox outside of production. `public_url` is
    /// how riders reach this server, without a slash at the end.
    pub fn new(config: &Config, public_url: &str) -> Gateways {
        let mut gateways = Gateways::default();
        if config.payments.sandbox && !config.is_production() {
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

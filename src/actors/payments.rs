//! Money from the outside: intents are made, gateways are asked, and what they took is
//! credited. Whoever calls in, an app, a redirect or a callback, only starts a question to the
//! gateway; one question at a time for each intent, and one fact settles it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Intent, IntentStatus};
use tokio::sync::{Notify, Semaphore};

use crate::clients::payments::Gateways;
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::metrics;
use crate::store::fact::{CommitError, Conflict, Fact, IntentEnd, IntentWrite, KeyWrite};
use crate::store::payments::StoredIntent;
use crate::store::{self, Store};

mod alarms;
mod check;
mod hints;
mod refunds;
mod sweep;
mod top_up;

pub use crate::clients::payments::Offer;
pub use crate::clients::payments::news::Odd;
pub use crate::clients::payments::sandbox::Outcome;
pub use check::VerifyError;
pub use hints::{Landing, WebhookError};
pub(super) use refunds::LOOK_AGAIN;
pub use top_up::{KeyOf, StartError, TopUp};

use super::turns::Turns;

/// Questions to gateways under way at once.
const QUESTIONS_MAX: usize = 64;

/// Bounds and durations.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a rider may take to pay.
    pub intent_ttl: TimeDelta,
    /// Longest request to a gateway; then its outcome is unknown.
    pub request_timeout: Duration,
    /// Smallest and largest top-up, whatever the gateway takes.
    pub least: Money,
    pub most: Money,
    /// What a rider earns for each NPR 100.
    pub points_per_hundred: u32,
    /// How often intents are looked for whose gateway is to be asked.
    pub sweep_every: Duration,
}

impl Settings {
    pub fn new(config: &Config) -> Settings {
        let payments = &config.payments;
        Settings {
            intent_ttl: payments.intent_ttl_s.delta(),
            request_timeout: payments.request_timeout_s.duration(),
            least: Money::rupees(i64::from(payments.topup_min_npr)),
            most: Money::rupees(i64::from(payments.topup_max_npr)),
            points_per_hundred: config.ledger.topup_points_per_100_npr,
            sweep_every: config.node.sweep_s.duration(),
        }
    }
}

/// The door to all payments. Clones share it.
#[derive(Clone)]
pub struct Payments {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    entropy: Entropy,
    gateways: Gateways,
    settings: Settings,
    turns: Turns<IntentId, Result<Intent, VerifyError>>,
    questions: Semaphore,
    /// Woken when a question became due out of turn.
    due: Notify,
    /// Woken when money came in.
    settled: Arc<Notify>,
}

/// Makes the record of a request's key from the payment that it has cancelled.
pub type CancelKeyOf = Box<dyn FnOnce(&Intent) -> KeyWrite + Send>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    #[error("no such payment")]
    NotFound,
    /// It has ended otherwise.
    #[error("the payment has ended")]
    Over(IntentStatus),
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("payments cannot be changed at this moment")]
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// This server plays no gateway.
    #[error("there is no sandbox")]
    NoSandbox,
    #[error("no such payment in the sandbox")]
    NotFound,
    #[error("payments cannot be read at this moment")]
    Unavailable,
}

impl Payments {
    pub fn new(
        store: Store,
        clock: Clock,
        entropy: Entropy,
        gateways: Gateways,
        settings: Settings,
    ) -> Payments {
        let (turns, questions) = (Turns::default(), Semaphore::new(QUESTIONS_MAX));
        let (due, settled) = (Notify::new(), Arc::default());
        let inner =
            Inner { store, clock, entropy, gateways, settings, turns, questions, due, settled };
        Payments { inner: Arc::new(inner) }
    }

    /// The ways to pay, with the bounds that hold here.
    pub fn offers(&self) -> Vec<Offer> {
        let bounded = |offer: Offer| {
            let (least, most) = (self.inner.settings.least, self.inner.settings.most);
            Offer { least: offer.least.max(least), most: offer.most.min(most), ..offer }
        };
        self.inner.gateways.offers().into_iter().map(bounded).collect()
    }

    /// Woken when money came in.
    pub fn settled(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.settled)
    }

    pub fn has_sandbox(&self) -> bool {
        self.inner.gateways.sandbox().is_some()
    }

    /// The owner gives up. What is paid all the same is still found and credited.
    pub async fn cancel(
        &self,
        id: IntentId,
        owner: RiderId,
        key: Option<CancelKeyOf>,
    ) -> Result<Intent, CancelError> {
        self.inner.turns.alone(id, || self.cancel_now(id, owner, key)).await
    }

    async fn cancel_now(
        &self,
        id: IntentId,
        owner: RiderId,
        key: Option<CancelKeyOf>,
    ) -> Result<Intent, CancelError> {
        let intent = match self.inner.store.intent(id).await {
            Ok(stored) if stored.intent.rider == owner => stored.intent,
            Ok(_) | Err(store::Error::NotFound) => return Err(CancelError::NotFound),
            Err(_) => return Err(CancelError::Unavailable),
        };
        match intent.status {
            IntentStatus::Cancelled => return Ok(intent),
            IntentStatus::Pending => {}
            over @ (IntentStatus::Completed | IntentStatus::Failed | IntentStatus::Expired) => {
                return Err(CancelError::Over(over));
            }
        }
        let intent = Intent { status: IntentStatus::Cancelled, ..intent };
        let mut fact = self.ended(id, IntentEnd::Cancelled);
        fact.key = key.map(|key| key(&intent));
        match self.inner.store.commit(fact).await {
            Ok(_) => {
                metrics::PAYMENTS.inc([intent.gateway.as_str(), "cancelled"]);
                Ok(intent)
            }
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(CancelError::KeyUsed),
            Err(CommitError::Stale(_)) => Err(CancelError::Over(IntentStatus::Completed)),
            Err(error) => {
                tracing::warn!(intent.id = %id, %error, "a cancelled payment was not stored");
                Err(CancelError::Unavailable)
            }
        }
    }

    /// Plays the gateway: says how a payment ends. It credits nothing; the gateway is asked as
    /// ever. Answers the outcome that holds from here on.
    pub async fn play(
        &self,
        id: IntentId,
        outcome: Outcome,
    ) -> Result<(StoredIntent, Outcome), PlayError> {
        let stored = self.played(id).await?;
        let sandbox = self.inner.gateways.sandbox().ok_or(PlayError::NoSandbox)?;
        Ok((stored, sandbox.play(id, outcome)))
    }

    /// A payment that the sandbox plays.
    pub async fn played(&self, id: IntentId) -> Result<StoredIntent, PlayError> {
        if !self.has_sandbox() {
            return Err(PlayError::NoSandbox);
        }
        match self.inner.store.intent(id).await {
            Ok(stored) if stored.intent.gateway == Gateway::Sandbox => Ok(stored),
            Ok(_) | Err(store::Error::NotFound) => Err(PlayError::NotFound),
            Err(_) => Err(PlayError::Unavailable),
        }
    }

    fn ended(&self, intent: IntentId, status: IntentEnd) -> Fact {
        let end = IntentWrite::End { intent, status };
        Fact { intent: Some(end), ..Fact::at(self.inner.clock.now()) }
    }
}

impl std::fmt::Debug for Payments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payments").field("gateways", &self.inner.gateways).finish_non_exhaustive()
    }
}

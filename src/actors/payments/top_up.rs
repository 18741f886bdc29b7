//! The beginning of a top-up: the gateway registers the order, then the intent is stored, and
//! only then the rider is told where to pay.

use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Errand, Intent, IntentStatus, next_check};

use super::Payments;
use crate::clients::payments::raw::Raw;
use crate::clients::payments::{Asked, Error, Order, Started};
use crate::metrics;
use crate::store::fact::{
    CommitError, Conflict, Fact, GatewayEvent, GatewaySource, IntentWrite, KeyWrite, NewIntent,
};
use crate::store::payments::StoredIntent;

/// A rider wants to bring money in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopUp {
    pub rider: RiderId,
    pub amount: Money,
    pub gateway: Gateway,
}

/// Makes the record of a request's key from what the request made.
pub type KeyOf = Box<dyn FnOnce(&StoredIntent) -> KeyWrite + Send>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error("no such way to pay")]
    NotOffered,
    #[error("the smallest amount is NPR {0}")]
    TooLow(Money),
    #[error("the largest amount is NPR {0}")]
    TooHigh(Money),
    /// The gateway says no to this order.
    #[error("the gateway refuses this payment")]
    Declined,
    /// Nothing was begun that the rider has to know of: try again.
    #[error("the gateway cannot be reached at this moment")]
    GatewayUnavailable,
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("payments cannot be started at this moment")]
    Unavailable,
}

impl Payments {
    /// Makes an intent, with the record of the request's key in the same fact.
    pub async fn start_top_up(
        &self,
        wish: TopUp,
        key: Option<KeyOf>,
    ) -> Result<StoredIntent, StartError> {
        self.begin(wish, None, key).await
    }

    /// The same, for something that goes on once the money is in.
    pub async fn start_errand(
        &self,
        wish: TopUp,
        errand: Errand,
    ) -> Result<StoredIntent, StartError> {
        self.begin(wish, Some(Box::new(errand)), None).await
    }

    async fn begin(
        &self,
        wish: TopUp,
        errand: Option<Box<Errand>>,
        key: Option<KeyOf>,
    ) -> Result<StoredIntent, StartError> {
        let gateway = self.inner.gateways.get(wish.gateway).ok_or(StartError::NotOffered)?;
        self.check_bounds(wish)?;
        let created_at = self.inner.clock.now();
        let order = Order {
            intent: IntentId(self.inner.entropy.uuid_at(created_at)),
            rider: wish.rider,
            amount: wish.amount,
            expires_at: created_at + self.inner.settings.intent_ttl,
        };
        let Asked { said, raw } = self.timed(wish.gateway, gateway.start(&order)).await;
        let event = raw.map(|raw| event(&order, wish.gateway, raw));
        let Started { reference, redirect } = match said {
            Ok(started) => started,
            Err(error) => return Err(self.refused(wish, &error, event).await),
        };
        let intent = Intent {
            id: order.intent,
            rider: wish.rider,
            gateway: wish.gateway,
            amount: wish.amount,
            status: IntentStatus::Pending,
            gateway_ref: reference,
            gateway_txn_id: None,
            created_at,
            expires_at: order.expires_at,
            checks: 0,
        };
        self.store_intent(StoredIntent { intent, redirect }, errand, key, event).await
    }

    fn check_bounds(&self, wish: TopUp) -> Result<(), StartError> {
        let offers = self.offers();
        let offer = offers.iter().find(|offer| offer.gateway == wish.gateway);
        match offer {
            None => Err(StartError::NotOffered),
            Some(offer) if wish.amount < offer.least => Err(StartError::TooLow(offer.least)),
            Some(offer) if wish.amount > offer.most => Err(StartError::TooHigh(offer.most)),
            Some(_) => Ok(()),
        }
    }

    async fn store_intent(
        &self,
        stored: StoredIntent,
        errand: Option<Box<Errand>>,
        key: Option<KeyOf>,
        event: Option<GatewayEvent>,
    ) -> Result<StoredIntent, StartError> {
        let intent = &stored.intent;
        let redirect = serde_json::to_value(&stored.redirect).unwrap_or_default();
        let new = NewIntent {
            id: intent.id,
            rider: intent.rider,
            gateway: intent.gateway,
            amount: intent.amount,
            gateway_ref: intent.gateway_ref.clone(),
            redirect,
            expires_at: intent.expires_at,
            next_check_at: next_check(intent.created_at, intent.created_at),
            errand,
        };
        let mut fact = Fact::at(intent.created_at);
        fact.intent = Some(IntentWrite::Create(new));
        fact.key = key.map(|key| key(&stored));
        fact.gateway_event = event;
        let written = match self.inner.store.commit(fact).await {
            // the row says whether it is there
            Err(CommitError::Ambiguous) if self.inner.store.intent(intent.id).await.is_ok() => {
                Ok(())
            }
            other => other.map(drop),
        };
        match written {
            Ok(()) => {
                metrics::PAYMENTS.inc([intent.gateway.as_str(), "started"]);
                Ok(stored)
            }
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(StartError::KeyUsed),
            Err(error) => {
                tracing::warn!(intent.id = %intent.id, %error, "a payment was not stored");
                Err(StartError::Unavailable)
            }
        }
    }

    /// What the gateway said is kept; the order is not, for nobody was sent there.
    async fn refused(&self, wish: TopUp, error: &Error, event: Option<GatewayEvent>) -> StartError {
        let gateway = wish.gateway.as_str();
        metrics::PAYMENTS.inc([gateway, "refused"]);
        tracing::warn!(gateway, %error, "a payment was not begun");
        if let Some(event) = event
            && let Err(error) = self.inner.store.gateway_said(event).await
        {
            tracing::debug!(gateway, %error, "a refusal was not noted");
        }
        match error {
            Error::Declined(_) => StartError::Declined,
            // an order that was registered after all is known to nobody, and dies there
            Error::Unsure(_) | Error::Down(_) => StartError::GatewayUnavailable,
        }
    }
}

fn event(order: &Order, gateway: Gateway, raw: Raw) -> GatewayEvent {
    GatewayEvent {
        gateway,
        intent: Some(order.intent),
        source: GatewaySource::Start,
        news_id: None,
        status: raw.status,
        body: raw.text,
        hash: raw.hash,
    }
}

//! Who comes from a gateway: a browser, an app that brings what it got there, or the gateway's own
//! server. Each only starts a question to the gateway, about the payment that our own reference
//! names; what is unsigned, foreign, contradictory or old news changes nothing and is counted.

use std::collections::BTreeMap;

use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::payment::{Intent, IntentStatus};

use super::{Payments, VerifyError};
use crate::clients::payments::news::{Hint, News, Odd, Sealed};
use crate::metrics;
use crate::store;
use crate::store::fact::{GatewayEvent, GatewaySource};

/// Where a browser lands that comes from a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The payment, if it is clear which.
    pub intent: Option<IntentId>,
    pub status: Option<IntentStatus>,
}

/// Why a gateway's call is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It is not the gateway's, or not of now: it need not come again.
    #[error("{0}")]
    Refused(Odd),
    /// It should come again.
    #[error("news of payments cannot be kept at this moment")]
    Unavailable,
}

/// News that is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ignored {
    Odd(Odd, Option<Landing>),
    Unavailable,
}

impl From<Odd> for Ignored {
    fn from(odd: Odd) -> Ignored {
        Ignored::Odd(odd, None)
    }
}

impl From<store::Error> for Ignored {
    fn from(error: store::Error) -> Ignored {
        if error == store::Error::NotFound {
            Ignored::Odd(Odd::Foreign, None)
        } else {
            Ignored::Unavailable
        }
    }
}

impl Payments {
    /// A browser comes back from a gateway's page with these fields.
    pub async fn returned(&self, gateway: Gateway, fields: &BTreeMap<String, String>) -> Landing {
        let nowhere = Landing { intent: None, status: None };
        match self.heard(gateway, News::Fields(fields)).await {
            Ok(intent) => self.landed(intent.id).await,
            Err(Ignored::Odd(odd, landing)) => {
                count(gateway, odd.as_str());
                landing.unwrap_or(nowhere)
            }
            Err(Ignored::Unavailable) => nowhere,
        }
    }

    async fn landed(&self, id: IntentId) -> Landing {
        let status = match self.verify(id, None).await {
            Ok(intent) => intent.status,
            Err(VerifyError::Ended(status)) => status,
            Err(VerifyError::Mismatch) => IntentStatus::Failed,
            Err(
                VerifyError::Open
                | VerifyError::GatewayUnavailable
                | VerifyError::Unavailable
                | VerifyError::NotFound
                | VerifyError::News(_),
            ) => IntentStatus::Pending,
        };
        Landing { intent: Some(id), status: Some(status) }
    }

    /// A gateway's server calls. Its news is kept and its payment is due for a question, in one
    /// transaction; then it is answered, and the question is asked.
    pub async fn webhook(
        &self,
        gateway: Gateway,
        signature: &str,
        body: &[u8],
    ) -> Result<(), WebhookError> {
        match self.heard(gateway, News::Webhook { signature, body }).await {
            Ok(_) => {
                self.inner.due.notify_one();
                Ok(())
            }
            Err(Ignored::Unavailable) => Err(WebhookError::Unavailable),
            Err(Ignored::Odd(odd, _)) => {
                count(gateway, odd.as_str());
                match odd {
                    Odd::Unreadable | Odd::Unsigned | Odd::Stale => Err(WebhookError::Refused(odd)),
                    // well signed, and nothing for us to do
                    Odd::Foreign | Odd::Mismatch | Odd::Replayed => Ok(()),
                }
            }
        }
    }

    /// An app asks for a payment and brings what it got from the gateway. That has to be about
    /// this payment; the gateway is asked all the same.
    pub async fn verify_with(
        &self,
        id: IntentId,
        owner: Option<RiderId>,
        fields: &BTreeMap<String, String>,
    ) -> Result<Intent, VerifyError> {
        let known = self.inner.store.intent(id).await?.intent;
        if owner.is_some_and(|owner| owner != known.rider) {
            return Err(VerifyError::NotFound);
        }
        let gateway = known.gateway;
        match self.named(gateway, News::Fields(fields), Some(id)).await {
            Ok(_) => {
                count(gateway, "followed");
                self.verify(id, owner).await
            }
            Err(Ignored::Unavailable) => Err(VerifyError::Unavailable),
            Err(Ignored::Odd(odd, _)) => {
                count(gateway, odd.as_str());
                Err(VerifyError::News(odd))
            }
        }
    }

    /// The payment that is worth a question, once for the same news.
    async fn heard(&self, gateway: Gateway, news: News<'_>) -> Result<Intent, Ignored> {
        let (intent, hint) = self.named(gateway, news, None).await?;
        let source = match news {
            News::Fields(_) => GatewaySource::Redirect,
            News::Webhook { .. } => GatewaySource::Webhook,
        };
        if let (Some(back), Some(sealed)) = (&hint.back, &hint.sealed) {
            self.goes_back(&intent, back, &sealed.raw.text).await?;
        }
        let is_new = match hint.sealed {
            Some(sealed) => self.inner.store.gateway_said(kept(&intent, source, sealed)).await?,
            None => intent.status != IntentStatus::Completed,
        };
        if !is_new {
            let landing = Landing { intent: Some(intent.id), status: Some(intent.status) };
            return Err(Ignored::Odd(Odd::Replayed, Some(landing)));
        }
        count(gateway, "followed");
        Ok(intent)
    }

    /// The payment that news is about. It is found by our own reference at the gateway; whatever
    /// else the news names must be the same one. `claimed` is the payment that it is brought for.
    async fn named(
        &self,
        gateway: Gateway,
        news: News<'_>,
        claimed: Option<IntentId>,
    ) -> Result<(Intent, Hint), Ignored> {
        let reader = self.inner.gateways.get(gateway).ok_or(Odd::Foreign)?;
        let hint = reader.read(&news, self.inner.clock.now())?;
        let intent = self.inner.store.intent_by_ref(gateway, &hint.reference).await?.intent;
        let order = hint.order.as_ref().and_then(|order| order.parse().ok());
        let other = [claimed, order].into_iter().flatten().find(|id| *id != intent.id);
        if let Some(other) = other {
            self.brought_for(other, &intent).await;
            return Err(Odd::Mismatch.into());
        }
        if !hint.fits(intent.id, &intent.gateway_ref, intent.amount) {
            return Err(Odd::Mismatch.into());
        }
        Ok((intent, hint))
    }

    /// A payment is brought for another one. If it was credited, a person has to know.
    async fn brought_for(&self, other: IntentId, intent: &Intent) {
        if intent.status != IntentStatus::Completed {
            return;
        }
        match self.inner.store.intent(other).await {
            Ok(claimed) => self.replayed(&claimed.intent, intent).await,
            Err(error) => tracing::debug!(intent.id = %other, %error, "no such payment"),
        }
    }
}

fn kept(intent: &Intent, source: GatewaySource, sealed: Sealed) -> GatewayEvent {
    let event = super::check::event(intent, source, sealed.raw);
    GatewayEvent { news_id: Some(sealed.id), ..event }
}

fn count(gateway: Gateway, kind: &'static str) {
    metrics::PAYMENT_NEWS.inc([gateway.as_str(), kind]);
}

//! What a person has to look at: money that may have come and is not what was asked for, a gateway
//! that does not know, one payment brought for two, money that goes back. Nothing is credited here. There is one
//! incident of a kind for an intent, with an id made of the intent's own.

use domain::ids::{IncidentId, IntentId};
use domain::payment::{Answer, Intent, IntentStatus};
use domain::refund::Purpose;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Payments, VerifyError};
use crate::clients::payments::news::Back;
use crate::metrics;
use crate::store;
use crate::store::fact::{CommitError, Conflict, Fact, GatewayEvent, IntentEnd, NewIncident};

/// A kind of incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The gateway's answer is about another payment, or about money that went back.
    Mismatch,
    /// The gateway knows neither yes nor no.
    Unclear,
    /// A payment that was credited was brought along for another intent.
    Replay,
    /// The rider's bank wants a payment back that was credited.
    Disputed,
    /// Money of a payment that was credited went back, and nobody here asked for it.
    Returned,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Mismatch => "payment_mismatch",
            Kind::Unclear => "payment_unclear",
            Kind::Replay => "payment_replay",
            Kind::Disputed => "payment_disputed",
            Kind::Returned => "payment_returned",
        }
    }

    /// The intent's id, for each kind with other last bits.
    fn incident(self, intent: IntentId) -> IncidentId {
        let bits = match self {
            Kind::Mismatch => 0,
            Kind::Unclear => 1,
            Kind::Replay => 2,
            Kind::Disputed => 3,
            Kind::Returned => 4,
        };
        IncidentId(Uuid::from_u128(intent.0.as_u128() ^ bits))
    }
}

impl Payments {
    /// Money may have come that is not what was asked for: the intent ends.
    pub(super) async fn mismatch(
        &self,
        intent: &Intent,
        answer: &Answer,
        what: &'static str,
        event: &mut Option<GatewayEvent>,
    ) -> Result<Intent, VerifyError> {
        let mut fact = if intent.status == IntentStatus::Pending {
            self.ended(intent.id, IntentEnd::Failed)
        } else {
            Fact::at(self.inner.clock.now())
        };
        fact.gateway_event.clone_from(event);
        let evidence = evidence(intent, what, said(answer));
        match self.open(Kind::Mismatch, intent, evidence, fact).await {
            Ok(is_new) => {
                if is_new {
                    *event = None;
                    metrics::PAYMENTS.inc([intent.gateway.as_str(), "mismatch"]);
                }
                Err(VerifyError::Mismatch)
            }
            Err(error) => self.unsettled(intent.id, &error).await,
        }
    }

    /// Nobody knows: it stays as it is, and is asked for again.
    pub(super) async fn unclear(
        &self,
        intent: &Intent,
        word: &str,
        event: &mut Option<GatewayEvent>,
    ) -> Result<Intent, VerifyError> {
        metrics::PAYMENTS.inc([intent.gateway.as_str(), "unclear"]);
        let mut fact = Fact::at(self.inner.clock.now());
        fact.gateway_event.clone_from(event);
        let evidence = evidence(intent, "status", json!(word));
        match self.open(Kind::Unclear, intent, evidence, fact).await {
            Ok(is_new) => {
                if is_new {
                    *event = None;
                }
                Err(VerifyError::Open)
            }
            Err(error) => self.unsettled(intent.id, &error).await,
        }
    }

    /// Somebody brings a payment that was credited, for another intent. Both stay as they are.
    pub(super) async fn replayed(&self, claimed: &Intent, credited: &Intent) {
        let said = json!({ "intent": credited.id, "amount": credited.amount });
        let evidence = evidence(claimed, "replay", said);
        let fact = Fact::at(self.inner.clock.now());
        if let Err(error) = self.open(Kind::Replay, claimed, evidence, fact).await {
            tracing::warn!(intent.id = %claimed.id, %error, "a replay was not noted");
        }
    }

    /// Money of a payment goes back, by the gateway's own word. What was credited stays: a person
    /// decides. What we asked for ourselves is no news, and what was never credited is for the
    /// question that follows.
    pub(super) async fn goes_back(
        &self,
        intent: &Intent,
        back: &Back,
        raw: &str,
    ) -> Result<(), store::Error> {
        let is_credited = intent.status == IntentStatus::Completed;
        let (kind, what) = match back {
            Back::Disputed => (Kind::Disputed, "dispute"),
            _ if is_credited && self.is_unasked(intent.id, back).await? => {
                (Kind::Returned, "return")
            }
            Back::Returned(_) | Back::Refund { .. } => return Ok(()),
        };
        let evidence = evidence(intent, what, json!(raw));
        let fact = Fact::at(self.inner.clock.now());
        match self.open(kind, intent, evidence, fact).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(intent.id = %intent.id, %error, what, "news was not noted");
                Err(store::Error::Unavailable(error.to_string()))
            }
        }
    }

    async fn is_unasked(&self, intent: IntentId, back: &Back) -> Result<bool, store::Error> {
        let store = &self.inner.store;
        match back {
            Back::Disputed | Back::Refund { ours: None } => Ok(true),
            Back::Returned(amount) => Ok(*amount > store.asked_back(intent).await?),
            Back::Refund { ours: Some(number) } => match store.refund(number).await {
                Ok(refund) => Ok(refund.purpose != Purpose::TopUp(intent)),
                Err(store::Error::NotFound) => Ok(true),
                Err(error) => Err(error),
            },
        }
    }

    /// Answers whether it is the first of its kind.
    async fn open(
        &self,
        kind: Kind,
        intent: &Intent,
        evidence: Value,
        mut fact: Fact,
    ) -> Result<bool, CommitError> {
        fact.incidents = vec![NewIncident {
            id: kind.incident(intent.id),
            kind: kind.as_str(),
            subject: None,
            station: None,
            rental: None,
            bank: None,
            evidence,
        }];
        match self.inner.store.commit(fact).await {
            Ok(_) => {
                let kind = kind.as_str();
                metrics::INCIDENTS.inc([kind]);
                tracing::error!(intent.id = %intent.id, kind, "a payment needs a person");
                Ok(true)
            }
            Err(CommitError::Conflict(Conflict::Duplicate)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn said(answer: &Answer) -> Value {
    match answer {
        Answer::Paid { reference, amount, currency, txn_id } => json!({
            "reference": reference,
            "amount": amount,
            "currency": currency,
            "transaction": txn_id,
        }),
        Answer::Refunded { partly } => json!({ "refunded_partly": partly }),
        Answer::Unclear { word } => json!(word),
        Answer::Pending | Answer::Declined | Answer::Cancelled | Answer::Expired => Value::Null,
    }
}

fn evidence(intent: &Intent, what: &str, said: Value) -> Value {
    json!({
        "what": what,
        "intent": intent.id,
        "rider": intent.rider,
        "gateway": intent.gateway,
        "status": intent.status,
        "wanted": { "reference": intent.gateway_ref, "amount": intent.amount },
        "said": said,
    })
}

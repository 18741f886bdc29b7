//! What became of a payment: the gateway is asked, the rules judge its answer, and one fact
//! writes what follows. An answer that does not come is no failure; it is asked for again.

use std::time::Duration;

use domain::effect::{Effect, Template};
use domain::ids::{IncidentId, IntentId, RiderId};
use domain::ledger::{Gateway, Movement};
use domain::payment::{Answer, Intent, IntentStatus, Verdict, judge, next_check};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Payments;
use crate::clients::payments::Error;
use crate::metrics;
use crate::store;
use crate::store::fact::{CommitError, Conflict, Fact, IntentEnd, IntentWrite, NewIncident};

/// How long a question waits for a place among those under way.
const PLACE: Duration = Duration::from_secs(5);

/// Why a payment is not credited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("no such payment")]
    NotFound,
    /// The gateway has not got the money, and may still get it.
    #[error("the payment is not complete")]
    Open,
    /// It ended without money.
    #[error("the payment has ended")]
    Ended(IntentStatus),
    /// The gateway speaks of another payment. A person looks into it.
    #[error("the gateway's answer is about another payment")]
    Mismatch,
    /// Nothing is known: the gateway did not answer.
    #[error("the gateway can not be asked at this moment")]
    GatewayUnavailable,
    #[error("payments can not be read or written at this moment")]
    Unavailable,
}

impl From<store::Error> for VerifyError {
    fn from(error: store::Error) -> VerifyError {
        if error == store::Error::NotFound {
            VerifyError::NotFound
        } else {
            VerifyError::Unavailable
        }
    }
}

impl Payments {
    /// Asks the gateway, and credits what it took. `owner` is who asks, if that is known: the
    /// payment of another rider is not found. A payment that is credited is answered so, however
    /// often it is asked for.
    pub async fn verify(
        &self,
        id: IntentId,
        owner: Option<RiderId>,
    ) -> Result<Intent, VerifyError> {
        let known = self.inner.store.intent(id).await?.intent;
        if owner.is_some_and(|owner| owner != known.rider) {
            return Err(VerifyError::NotFound);
        }
        if known.status == IntentStatus::Completed {
            return Ok(known);
        }
        self.inner.turns.share(id, || self.check(id)).await
    }

    async fn check(&self, id: IntentId) -> Result<Intent, VerifyError> {
        let intent = self.inner.store.intent(id).await?.intent;
        if intent.status == IntentStatus::Completed {
            return Ok(intent);
        }
        let answer = self.ask(&intent).await;
        let is_final = answer.as_ref().is_ok_and(Answer::is_final);
        let checked = match answer {
            Ok(answer) => self.follow(intent.clone(), &answer).await,
            Err(error) => {
                let gateway = intent.gateway.as_str();
                metrics::PAYMENTS.inc([gateway, "unsure"]);
                tracing::warn!(intent.id = %id, gateway, %error, "a gateway did not answer");
                Err(VerifyError::GatewayUnavailable)
            }
        };
        // what could not be written is asked again soon
        if checked != Err(VerifyError::Unavailable) {
            let next = next_check(intent.created_at, self.inner.clock.now());
            let next = next.filter(|_| !is_final);
            if let Err(error) = self.inner.store.intent_checked(id, next).await {
                tracing::debug!(intent.id = %id, %error, "a question was not noted");
            }
        }
        checked
    }

    async fn ask(&self, intent: &Intent) -> Result<Answer, Error> {
        let down = |why: &str| Error::Down(why.to_owned());
        let gateway = self.inner.gateways.get(intent.gateway);
        let gateway = gateway.ok_or_else(|| down("it is not configured"))?;
        let place = timeout(PLACE, self.inner.questions.acquire()).await;
        let _place = place.map_err(|_| down("too many questions are under way"))?;
        self.timed(intent.gateway, gateway.check(intent)).await
    }

    /// Bounds a request to a gateway, and counts it. Time on the wire is the runtime's: a test
    /// that jumps ahead is no silence.
    pub(super) async fn timed<T>(
        &self,
        gateway: Gateway,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let clock = &self.inner.clock;
        let began = clock.running();
        let answer = timeout(self.inner.settings.request_timeout, request).await;
        let answer = answer.unwrap_or_else(|_| Err(Error::Unsure("timeout".to_owned())));
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(Error::Declined(_)) => "declined",
            Err(Error::Unsure(_)) => "unsure",
            Err(Error::Down(_)) => "down",
        };
        let took = clock.running().saturating_sub(began);
        metrics::CLIENT_SECONDS.observe(took, [gateway.as_str(), outcome]);
        answer
    }

    async fn follow(&self, intent: Intent, answer: &Answer) -> Result<Intent, VerifyError> {
        match judge(&intent, answer, self.inner.clock.now()) {
            Verdict::Nothing => Ok(intent),
            Verdict::Settle { txn_id } => self.settle(intent, txn_id).await,
            Verdict::Wait if intent.status == IntentStatus::Pending => Err(VerifyError::Open),
            Verdict::Wait => Err(VerifyError::Ended(intent.status)),
            Verdict::End(status) => self.end(&intent, status).await,
            Verdict::Mismatch(what) => self.alarm(&intent, answer, what.as_str()).await,
        }
    }

    /// Credits the money, once: the intent, the movement and the notice are one fact.
    async fn settle(&self, intent: Intent, txn_id: String) -> Result<Intent, VerifyError> {
        let Intent { id, rider, gateway, amount, .. } = intent;
        let now = self.inner.clock.now();
        let mut fact = Fact::at(now);
        let gateway_txn_id = txn_id.clone();
        fact.intent = Some(IntentWrite::Settle { intent: id, gateway, gateway_txn_id });
        fact.movements = vec![Movement::TopUp { rider, intent: id, gateway, amount }];
        fact.effects = vec![Effect::NotifyRider { rider, template: Template::ToppedUp { amount } }];
        match self.inner.store.commit(fact).await {
            Ok(_) => {
                let late = intent.status != IntentStatus::Pending || now >= intent.expires_at;
                let outcome = if late { "settled_late" } else { "settled" };
                metrics::PAYMENTS.inc([gateway.as_str(), outcome]);
                tracing::info!(intent.id = %id, gateway = gateway.as_str(), outcome, "paid");
                let status = IntentStatus::Completed;
                Ok(Intent { status, gateway_txn_id: Some(txn_id), ..intent })
            }
            Err(CommitError::Conflict(Conflict::GatewayTransactionUsed)) => {
                let answer = Answer::Paid {
                    reference: intent.gateway_ref.clone(),
                    amount,
                    currency: domain::money::Money::CURRENCY.to_owned(),
                    txn_id,
                };
                self.alarm(&intent, &answer, "transaction").await
            }
            Err(error) => self.unsettled(id, &error).await,
        }
    }

    /// A settlement that may be stored, or was by another hand: the row says so. If it does
    /// not, the gateway is asked again later.
    async fn unsettled(&self, id: IntentId, error: &CommitError) -> Result<Intent, VerifyError> {
        if matches!(error, CommitError::Ambiguous | CommitError::Stale(_)) {
            let intent = self.inner.store.intent(id).await?.intent;
            if intent.status == IntentStatus::Completed {
                return Ok(intent);
            }
        }
        tracing::warn!(intent.id = %id, %error, "a paid intent was not stored yet");
        Err(VerifyError::Unavailable)
    }

    async fn end(&self, intent: &Intent, status: IntentStatus) -> Result<Intent, VerifyError> {
        let end =
            if status == IntentStatus::Expired { IntentEnd::Expired } else { IntentEnd::Failed };
        match self.inner.store.commit(self.ended(intent.id, end)).await {
            Ok(_) => {
                let outcome = if end == IntentEnd::Expired { "expired" } else { "declined" };
                metrics::PAYMENTS.inc([intent.gateway.as_str(), outcome]);
                Err(VerifyError::Ended(status))
            }
            Err(error) => self.unsettled(intent.id, &error).await,
        }
    }

    /// Money may have come that is not what was asked for: nothing is credited, the intent ends,
    /// and a person has to look. There is one incident for an intent, with the intent's own id.
    async fn alarm(
        &self,
        intent: &Intent,
        answer: &Answer,
        what: &'static str,
    ) -> Result<Intent, VerifyError> {
        let mut fact = if intent.status == IntentStatus::Pending {
            self.ended(intent.id, IntentEnd::Failed)
        } else {
            Fact::at(self.inner.clock.now())
        };
        fact.incidents = vec![NewIncident {
            id: IncidentId(intent.id.0),
            kind: "payment_mismatch",
            station: None,
            rental: None,
            bank: None,
            evidence: evidence(intent, answer, what),
        }];
        match self.inner.store.commit(fact).await {
            Ok(_) => {
                metrics::PAYMENTS.inc([intent.gateway.as_str(), "mismatch"]);
                metrics::INCIDENTS.inc(["payment_mismatch"]);
                tracing::error!(intent.id = %intent.id, what, "a payment is not the one asked for");
                Err(VerifyError::Mismatch)
            }
            Err(CommitError::Conflict(Conflict::Duplicate)) => Err(VerifyError::Mismatch),
            Err(error) => self.unsettled(intent.id, &error).await,
        }
    }
}

fn evidence(intent: &Intent, answer: &Answer, what: &str) -> Value {
    let said = match answer {
        Answer::Paid { reference, amount, currency, txn_id } => json!({
            "reference": reference,
            "amount": amount,
            "currency": currency,
            "transaction": txn_id,
        }),
        Answer::Pending | Answer::Declined | Answer::Expired => Value::Null,
    };
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

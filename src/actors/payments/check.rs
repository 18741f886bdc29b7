//! What became of a payment: the gateway is asked, the rules judge its answer, and one fact
//! writes what follows. An answer that does not come is no failure; it is asked for again.

use std::time::Duration;

use domain::effect::{Effect, Template};
use domain::ids::{IntentId, RiderId};
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use domain::payment::{Answer, Intent, IntentStatus, Verdict, judge, next_check};
use domain::points::Points;
use tokio::time::timeout;

use super::Payments;
use crate::clients::payments::news::Odd;
use crate::clients::payments::raw::Raw;
use crate::clients::payments::{Asked, Error};
use crate::failpoint;
use crate::metrics;
use crate::spawn::spawn;
use crate::store;
use crate::store::fact::{
    CommitError, Conflict, Fact, GatewayEvent, GatewaySource, IntentEnd, IntentWrite,
};

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
    /// What was brought along is not about this payment. The gateway is not asked.
    #[error("{0}")]
    News(Odd),
    /// Nothing is known: the gateway did not answer.
    #[error("the gateway cannot be asked at this moment")]
    GatewayUnavailable,
    #[error("payments cannot be read or written at this moment")]
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
    ///
    /// Goes on when whoever asks goes away: what the gateway answers is kept and followed.
    pub async fn verify(
        &self,
        id: IntentId,
        owner: Option<RiderId>,
    ) -> Result<Intent, VerifyError> {
        let payments = self.clone();
        let asked = spawn("payment_check", async move { payments.look_up(id, owner).await });
        asked.await.unwrap_or(Err(VerifyError::Unavailable))
    }

    async fn look_up(&self, id: IntentId, owner: Option<RiderId>) -> Result<Intent, VerifyError> {
        let place = self.inner.turns.join(id);
        let known = self.inner.store.intent(id).await?.intent;
        if owner.is_some_and(|owner| owner != known.rider) {
            return Err(VerifyError::NotFound);
        }
        if known.status == IntentStatus::Completed {
            return Ok(known);
        }
        let question = async |still_holds| {
            let now = if still_holds { known } else { self.inner.store.intent(id).await?.intent };
            self.check(now).await
        };
        place.share(question).await
    }

    async fn check(&self, intent: Intent) -> Result<Intent, VerifyError> {
        if intent.status == IntentStatus::Completed {
            return Ok(intent);
        }
        let id = intent.id;
        let Asked { said, raw } = self.ask(&intent).await;
        let mut event = raw.map(|raw| event(&intent, GatewaySource::Check, raw));
        let is_final = said.as_ref().is_ok_and(Answer::is_final);
        let checked = match said {
            Ok(answer) => self.follow(intent.clone(), &answer, &mut event).await,
            Err(error) => {
                let gateway = intent.gateway.as_str();
                metrics::PAYMENTS.inc([gateway, "unsure"]);
                tracing::warn!(intent.id = %id, gateway, %error, "a gateway did not answer");
                Err(VerifyError::GatewayUnavailable)
            }
        };
        // a settlement counts its own question, and is asked no more
        let is_settled = |intent: &Intent| intent.status == IntentStatus::Completed;
        let is_noted = checked.as_ref().is_ok_and(is_settled) && event.is_none();
        // what could not be written is asked again soon
        if !is_noted && checked != Err(VerifyError::Unavailable) {
            let next = next_check(intent.created_at, self.inner.clock.now());
            let next = next.filter(|_| !is_final);
            if let Err(error) = self.inner.store.intent_checked(id, next, event).await {
                tracing::debug!(intent.id = %id, %error, "a question was not noted");
            }
        }
        checked
    }

    pub(super) async fn ask(&self, intent: &Intent) -> Asked<Answer> {
        let down = |why: &str| Asked::from(Err(Error::Down(why.to_owned())));
        let Some(gateway) = self.inner.gateways.get(intent.gateway) else {
            return down("it is not configured");
        };
        let Ok(_place) = timeout(PLACE, self.inner.questions.acquire()).await else {
            return down("too many questions are under way");
        };
        self.timed(intent.gateway, gateway.check(intent)).await
    }

    /// Bounds a request to a gateway, and counts it. Time on the wire is the runtime's: a test
    /// that jumps ahead is no silence.
    pub(super) async fn timed<T>(
        &self,
        gateway: Gateway,
        request: impl Future<Output = Asked<T>>,
    ) -> Asked<T> {
        let clock = &self.inner.clock;
        let began = clock.running();
        let asked = timeout(self.inner.settings.request_timeout, request).await;
        let asked = asked.unwrap_or_else(|_| Err(Error::Unsure("timeout".to_owned())).into());
        let outcome = match &asked.said {
            Ok(_) => "ok",
            Err(Error::Declined(_)) => "declined",
            Err(Error::Unsure(_)) => "unsure",
            Err(Error::Down(_)) => "down",
        };
        let took = clock.running().saturating_sub(began);
        metrics::CLIENT_SECONDS.observe(took, [gateway.as_str(), outcome]);
        asked
    }

    /// `event` is what the gateway said; it is taken when a fact has stored it.
    async fn follow(
        &self,
        intent: Intent,
        answer: &Answer,
        event: &mut Option<GatewayEvent>,
    ) -> Result<Intent, VerifyError> {
        match judge(&intent, answer, self.inner.clock.now()) {
            Verdict::Nothing => Ok(intent),
            Verdict::Settle { txn_id } => self.settle(intent, txn_id, event).await,
            Verdict::Wait if intent.status == IntentStatus::Pending => Err(VerifyError::Open),
            Verdict::Wait => Err(VerifyError::Ended(intent.status)),
            Verdict::Hold { word } => self.unclear(&intent, &word, event).await,
            Verdict::End(status) => self.end(&intent, status, event).await,
            Verdict::Mismatch(what) => self.mismatch(&intent, answer, what.as_str(), event).await,
        }
    }

    /// Credits the money, once: the intent, the movement and the notice are one fact.
    async fn settle(
        &self,
        intent: Intent,
        txn_id: String,
        event: &mut Option<GatewayEvent>,
    ) -> Result<Intent, VerifyError> {
        let Intent { id, rider, gateway, amount, .. } = intent;
        let now = self.inner.clock.now();
        let mut fact = Fact::at(now);
        let gateway_txn_id = txn_id.clone();
        fact.intent = Some(IntentWrite::Settle { intent: id, gateway, gateway_txn_id });
        fact.movements = vec![Movement::TopUp { rider, intent: id, gateway, amount }];
        let points = Points::earned(amount, self.inner.settings.points_per_hundred);
        if points > Points(0) {
            fact.movements.push(Movement::TopUpPoints { rider, intent: id, points });
        }
        fact.effects = vec![Effect::NotifyRider { rider, template: Template::ToppedUp { amount } }];
        fact.gateway_event.clone_from(event);
        failpoint::hit("before_settle_commit");
        let written = self.inner.store.commit(fact).await;
        failpoint::hit("after_settle_commit");
        match written {
            Ok(_) => {
                *event = None;
                self.inner.settled.notify_one();
                let late = intent.status != IntentStatus::Pending || now >= intent.expires_at;
                let outcome = if late { "settled_late" } else { "settled" };
                metrics::PAYMENTS.inc([gateway.as_str(), outcome]);
                tracing::info!(intent.id = %id, gateway = gateway.as_str(), outcome, "paid");
                let status = IntentStatus::Completed;
                Ok(Intent { status, gateway_txn_id: Some(txn_id), ..intent })
            }
            Err(CommitError::Conflict(Conflict::GatewayTransactionUsed)) => {
                let reference = intent.gateway_ref.clone();
                let currency = Money::CURRENCY.to_owned();
                let answer = Answer::Paid { reference, amount, currency, txn_id };
                self.mismatch(&intent, &answer, "transaction", event).await
            }
            Err(error) => self.unsettled(id, &error).await,
        }
    }

    /// A settlement that may be stored, or was by another hand: the row says so. If it does
    /// not, the gateway is asked again later.
    pub(super) async fn unsettled(
        &self,
        id: IntentId,
        error: &CommitError,
    ) -> Result<Intent, VerifyError> {
        if matches!(error, CommitError::Ambiguous | CommitError::Stale(_)) {
            let intent = self.inner.store.intent(id).await?.intent;
            if intent.status == IntentStatus::Completed {
                return Ok(intent);
            }
        }
        tracing::warn!(intent.id = %id, %error, "a paid intent was not stored yet");
        Err(VerifyError::Unavailable)
    }

    async fn end(
        &self,
        intent: &Intent,
        status: IntentStatus,
        event: &mut Option<GatewayEvent>,
    ) -> Result<Intent, VerifyError> {
        let (end, outcome) = match status {
            IntentStatus::Expired => (IntentEnd::Expired, "expired"),
            IntentStatus::Cancelled => (IntentEnd::Cancelled, "cancelled"),
            IntentStatus::Failed | IntentStatus::Pending | IntentStatus::Completed => {
                (IntentEnd::Failed, "declined")
            }
        };
        let mut fact = self.ended(intent.id, end);
        fact.gateway_event.clone_from(event);
        match self.inner.store.commit(fact).await {
            Ok(_) => {
                *event = None;
                metrics::PAYMENTS.inc([intent.gateway.as_str(), outcome]);
                Err(VerifyError::Ended(status))
            }
            Err(error) => self.unsettled(intent.id, &error).await,
        }
    }
}

/// What a gateway said of a payment, for the record.
pub(super) fn event(intent: &Intent, source: GatewaySource, raw: Raw) -> GatewayEvent {
    GatewayEvent {
        gateway: intent.gateway,
        intent: Some(intent.id),
        source,
        news_id: None,
        status: raw.status,
        body: raw.text,
        hash: raw.hash,
    }
}

//! Tells gateways to give money back, and finds out whether they did. A try is counted before it
//! is made, and looked up at the gateway before the next, which is made only when it is known that
//! nothing went back. What nobody can tell stays open, and a person is told once.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{IncidentId, IntentId, RefundId};
use domain::ledger::Gateway;
use domain::payment::Intent;
use domain::refund::{Purpose, Status, Step, Unsure, settle};
use futures::StreamExt;
use serde_json::json;
use uuid::Uuid;

use super::Payments;
use super::check::event;
use crate::actors::refunds::undone;
use crate::clients::payments::raw::Raw;
use crate::clients::payments::{Asked, Error, PaymentGateway, Refund as Order, Refunded, Trace};
use crate::failpoint;
use crate::store;
use crate::store::fact::{
    CommitError, Fact, GatewaySource, NewIncident, RefundStep, RefundWrite, Row,
};
use crate::store::refunds::Refund;

/// Refunds of one round, and how many of them are told or asked about at once.
const ROUND_MAX: usize = 50;
const AT_ONCE: usize = 8;
/// How soon a try that was cut off is looked into: longer than any request is waited for.
pub const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(2);
/// Longest pause between two looks.
const PAUSE: (Duration, Duration) = (Duration::from_mins(2), Duration::from_hours(6));
/// Looks after which a person is told.
const TRIES_QUIET: i32 = 5;

impl Payments {
    /// Goes on with the refunds that are due, as long as the node runs.
    pub(super) async fn sweep_refunds(&self) {
        loop {
            self.inner.clock.sleep(self.inner.settings.sweep_every).await;
            match self.inner.store.refunds_due(self.inner.clock.now(), ROUND_MAX).await {
                Ok(due) => {
                    let work = futures::stream::iter(due).map(|id| self.refund(id));
                    work.buffer_unordered(AT_ONCE).collect::<()>().await;
                }
                Err(error) => tracing::warn!(%error, "refunds under way were not found"),
            }
        }
    }

    /// One step of one refund, while nobody else works on its payment.
    async fn refund(&self, id: RefundId) {
        let Ok(known) = self.inner.store.refund(&id.to_string()).await else { return };
        let Purpose::TopUp(intent) = known.purpose else { return };
        let done = self.inner.turns.alone(intent, || self.refund_now(known, intent)).await;
        if let Err(error) = done {
            tracing::warn!(refund.id = %id, %error, "a refund waits, it goes on later");
        }
    }

    async fn refund_now(&self, known: Refund, intent: IntentId) -> Result<(), store::Error> {
        let store = &self.inner.store;
        if known.status != Status::Processing {
            return Ok(());
        }
        let intent = store.intent(intent).await?.intent;
        let tries = known.tries.saturating_add(1);
        let now = self.inner.clock.now();
        if !store.refund_tried(known.id, tries, now, now + self.pause(tries)).await? {
            return Ok(());
        }
        let Some(gateway) = self.inner.gateways.get(intent.gateway) else {
            return self.waits(&known, &intent, tries).await;
        };
        let order = Order {
            id: known.id.0,
            reference: intent.gateway_ref.clone(),
            txn_id: intent.gateway_txn_id.clone().unwrap_or_default(),
            paid: intent.amount,
            amount: known.amount,
            mobile: known.mobile.clone(),
        };
        let work = Work { known, intent, order, gateway };
        if work.known.tries == 0 {
            return self.tell(&work, tries).await;
        }
        match self.became_of(&work).await? {
            Became::Arrived(number) => self.arrived(&work, number, None).await,
            Became::Bounced(why) => self.bounced(&work, &why, None).await,
            Became::Nothing => self.tell(&work, tries).await,
            Became::Unknown => self.waits(&work.known, &work.intent, tries).await,
        }
    }

    /// What the gateway knows of what it may have been told.
    async fn became_of(&self, work: &Work) -> Result<Became, store::Error> {
        let Work { known, intent, order, gateway } = work;
        let had_part = self.inner.store.had_refund(intent.id).await?;
        let Asked { said, raw } = self.timed(intent.gateway, gateway.trace(order)).await;
        self.keep(intent, raw).await;
        Ok(match said {
            Ok(Trace::Found(Refunded::Done { number })) => Became::Arrived(number),
            Ok(Trace::Found(Refunded::Pending { .. } | Refunded::ByHand { .. })) | Err(_) => {
                Became::Unknown
            }
            Ok(Trace::Failed(why)) => Became::Bounced(why),
            Ok(Trace::Nowhere) => Became::Nothing,
            Ok(Trace::OfPayment(answer)) => {
                match settle(&answer, had_part, known.amount == intent.amount) {
                    Unsure::Arrived => Became::Arrived(None),
                    Unsure::Again => Became::Nothing,
                    Unsure::Wait => Became::Unknown,
                }
            }
        })
    }

    async fn tell(&self, work: &Work, tries: i32) -> Result<(), store::Error> {
        let Work { known, intent, order, gateway } = work;
        failpoint::hit("before_refund_call");
        let Asked { said, raw } = self.timed(intent.gateway, gateway.refund(order)).await;
        failpoint::hit("after_refund_call");
        match said {
            Ok(Refunded::Done { number }) => self.arrived(work, number, raw).await,
            Ok(Refunded::Pending { .. }) => {
                self.keep(intent, raw).await;
                self.waits(known, intent, tries).await
            }
            Ok(Refunded::ByHand { how }) => self.by_hand(known, intent, how).await,
            // an earlier try that went through is refused a second time
            Err(Error::Declined(why)) if known.tries > 0 => {
                self.refused_later(work, tries, &why, raw).await
            }
            Err(Error::Declined(why)) => self.bounced(work, &why, raw).await,
            Err(Error::Unsure(why) | Error::Down(why)) => {
                self.keep(intent, raw).await;
                tracing::warn!(refund.id = %known.id, why, "a gateway did not answer");
                self.waits(known, intent, tries).await
            }
        }
    }

    async fn refused_later(
        &self,
        work: &Work,
        tries: i32,
        why: &str,
        raw: Option<Raw>,
    ) -> Result<(), store::Error> {
        match self.became_of(work).await? {
            Became::Arrived(number) => self.arrived(work, number, raw).await,
            Became::Nothing => self.bounced(work, why, raw).await,
            Became::Bounced(why) => self.bounced(work, &why, raw).await,
            Became::Unknown => {
                self.keep(&work.intent, raw).await;
                self.waits(&work.known, &work.intent, tries).await
            }
        }
    }

    async fn arrived(
        &self,
        work: &Work,
        number: Option<String>,
        raw: Option<Raw>,
    ) -> Result<(), store::Error> {
        let Work { known, intent, .. } = work;
        let mut fact = self.stepped(known, intent.gateway, Step::Arrive, None, number);
        fact.gateway_event = raw.map(|raw| event(intent, GatewaySource::Refund, raw));
        if self.write(known, fact).await == Err(CommitError::Stale(Row::Refund)) {
            let stored = self.inner.store.refund(&known.id.to_string()).await?;
            if stored.status == Status::Rejected {
                let why = "the gateway gave it back after it was called bounced";
                self.needs_a_person(known, intent, why).await;
            }
        }
        Ok(())
    }

    /// The money is in the wallet again.
    async fn bounced(&self, work: &Work, why: &str, raw: Option<Raw>) -> Result<(), store::Error> {
        let Work { known, intent, .. } = work;
        let note = format!("the gateway refuses: {why}");
        let mut fact = self.stepped(known, intent.gateway, Step::Bounce, Some(note), None);
        let undone = undone(&self.inner.store, intent.id).await;
        fact.movements = undone.map_err(|_| store::Error::NotFound)?;
        fact.gateway_event = raw.map(|raw| event(intent, GatewaySource::Refund, raw));
        // what is not written is looked into at its next time
        self.write(known, fact).await.or(Ok(()))
    }

    async fn waits(&self, known: &Refund, intent: &Intent, tries: i32) -> Result<(), store::Error> {
        if tries == TRIES_QUIET {
            self.needs_a_person(known, intent, "the gateway does not say what became of it").await;
        }
        Ok(())
    }

    /// No call does it: it is for a person, and is not looked into again.
    async fn by_hand(
        &self,
        known: &Refund,
        intent: &Intent,
        how: &str,
    ) -> Result<(), store::Error> {
        self.needs_a_person(known, intent, how).await;
        self.inner.store.refund_rests(known.id).await
    }

    async fn needs_a_person(&self, known: &Refund, intent: &Intent, why: &str) {
        let mut fact = Fact::at(self.inner.clock.now());
        fact.incidents = vec![NewIncident {
            // one for each refund
            id: IncidentId(Uuid::from_u128(known.id.0.as_u128() ^ 1)),
            kind: "refund_open",
            subject: None,
            station: None,
            rental: None,
            bank: None,
            evidence: json!({
                "refund": known.reference,
                "amount": known.amount,
                "gateway": intent.gateway,
                "payment": intent.gateway_ref,
                "transaction": intent.gateway_txn_id,
                "why": why,
            }),
        }];
        if let Err(error) = self.inner.store.commit(fact).await {
            tracing::debug!(refund.id = %known.id, %error, "a person was told before");
        }
    }

    fn stepped(
        &self,
        known: &Refund,
        gateway: Gateway,
        step: Step,
        note: Option<String>,
        gateway_number: Option<String>,
    ) -> Fact {
        let mut fact = Fact::at(self.inner.clock.now());
        fact.refund = Some(RefundWrite::Step(RefundStep {
            id: known.id,
            purpose: known.purpose,
            amount: known.amount,
            step,
            by: format!("gateway:{}", gateway.as_str()),
            note,
            gateway_number,
            mobile: None,
            tries: None,
            next_try_at: None,
        }));
        fact
    }

    async fn write(&self, known: &Refund, fact: Fact) -> Result<(), CommitError> {
        failpoint::hit("before_refund_end_commit");
        let written = self.inner.store.commit(fact).await;
        failpoint::hit("after_refund_end_commit");
        if let Err(error) = &written {
            tracing::warn!(refund.id = %known.id, %error, "the end of a refund was not stored yet");
        }
        written.map(drop)
    }

    /// What was said, if anything was, where no fact of the refund keeps it.
    async fn keep(&self, intent: &Intent, raw: Option<Raw>) {
        let Some(raw) = raw else { return };
        let event = event(intent, GatewaySource::Refund, raw);
        if let Err(error) = self.inner.store.gateway_said(event).await {
            tracing::debug!(intent.id = %intent.id, %error, "an answer was not noted");
        }
    }

    fn pause(&self, tries: i32) -> TimeDelta {
        let attempt = u32::try_from(tries).unwrap_or(1);
        let pause = self.inner.entropy.backoff(attempt, PAUSE.0, PAUSE.1);
        TimeDelta::from_std(pause).unwrap_or(LOOK_AGAIN).max(LOOK_AGAIN)
    }
}

/// One refund, and what its gateway needs of it.
struct Work {
    known: Refund,
    intent: Intent,
    order: Order,
    gateway: Arc<dyn PaymentGateway>,
}

/// What a gateway made of what it may have been told.
enum Became {
    /// The gateway's number of it, if it has one.
    Arrived(Option<String>),
    Bounced(String),
    /// It can be told again.
    Nothing,
    Unknown,
}

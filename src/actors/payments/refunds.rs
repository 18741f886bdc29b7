//! Tells gateways to give money back, and finds out whether they did. A try is counted before it
//! is made; a gateway that knows no keys is asked what became of the last one before the next.
//! What nobody can tell stays open, and a person is told once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{IncidentId, IntentId, RefundId};
use domain::ledger::Gateway;
use domain::payment::Intent;
use domain::refund::{Purpose, Status, Step, Unsure, settle};
use serde_json::json;
use uuid::Uuid;

use super::Payments;
use super::check::event;
use crate::actors::refunds::undone;
use crate::clients::payments::raw::Raw;
use crate::clients::payments::{Asked, Error, Refund as Order, Refunded};
use crate::failpoint;
use crate::store;
use crate::store::fact::{Fact, GatewaySource, NewIncident, RefundStep, RefundWrite};
use crate::store::refunds::Refund;

/// Refunds of one round.
const ROUND_MAX: usize = 50;
/// How soon a try that was cut off is looked into.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(2);
/// Longest pause between two looks.
const PAUSE: (Duration, Duration) = (Duration::from_mins(2), Duration::from_hours(6));
/// Looks after which a person is told.
const TRIES_QUIET: i32 = 5;

impl Payments {
    /// Goes on with every refund that is due.
    pub(super) async fn sweep_refunds(&self) {
        match self.inner.store.refunds_due(self.inner.clock.now(), ROUND_MAX).await {
            Ok(due) => {
                for id in due {
                    self.refund(id).await;
                }
            }
            Err(error) => tracing::warn!(%error, "refunds under way were not found"),
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
        if !store.refund_tried(known.id, tries, Some(self.next_look(tries))).await? {
            return Ok(());
        }
        if known.tries > 0 && !knows_keys(intent.gateway) {
            match self.became_of(&known, &intent).await? {
                Unsure::Arrived => return self.arrived(&known, &intent, None, None).await,
                Unsure::Again => {}
                Unsure::Wait => return self.waits(&known, &intent, tries).await,
            }
        }
        self.tell(&known, &intent, tries).await
    }

    async fn became_of(&self, known: &Refund, intent: &Intent) -> Result<Unsure, store::Error> {
        let had_part = self.inner.store.had_refund(intent.id).await?;
        let Asked { said, raw } = self.ask(intent).await;
        if let Some(raw) = raw {
            self.keep(intent, raw).await;
        }
        let is_whole = known.amount == intent.amount;
        Ok(said.map_or(Unsure::Wait, |answer| settle(&answer, had_part, is_whole)))
    }

    async fn tell(&self, known: &Refund, intent: &Intent, tries: i32) -> Result<(), store::Error> {
        let Some(gateway) = self.inner.gateways.get(intent.gateway) else {
            return self.waits(known, intent, tries).await;
        };
        let order = Order {
            id: known.id.0,
            reference: intent.gateway_ref.clone(),
            txn_id: intent.gateway_txn_id.clone().unwrap_or_default(),
            paid: intent.amount,
            amount: known.amount,
            mobile: None,
        };
        failpoint::hit("before_refund_call");
        let Asked { said, raw } = self.timed(intent.gateway, gateway.refund(&order)).await;
        failpoint::hit("after_refund_call");
        match said {
            Ok(Refunded::Done { number }) => self.arrived(known, intent, number, raw).await,
            Ok(Refunded::Pending { .. }) => self.waits(known, intent, tries).await,
            Ok(Refunded::ByHand { how }) => self.by_hand(known, intent, tries, how).await,
            Err(Error::Declined(why)) => self.bounced(known, intent, &why, raw).await,
            Err(Error::Unsure(why) | Error::Down(why)) => {
                if let Some(raw) = raw {
                    self.keep(intent, raw).await;
                }
                tracing::warn!(refund.id = %known.id, why, "a gateway did not answer");
                self.waits(known, intent, tries).await
            }
        }
    }

    async fn arrived(
        &self,
        known: &Refund,
        intent: &Intent,
        number: Option<String>,
        raw: Option<Raw>,
    ) -> Result<(), store::Error> {
        let mut fact = self.stepped(known, intent.gateway, Step::Arrive, None, number);
        fact.gateway_event = raw.map(|raw| event(intent, GatewaySource::Refund, raw));
        self.write(known, fact).await
    }

    /// The money is in the wallet again.
    async fn bounced(
        &self,
        known: &Refund,
        intent: &Intent,
        why: &str,
        raw: Option<Raw>,
    ) -> Result<(), store::Error> {
        let note = format!("the gateway refuses: {why}");
        let mut fact = self.stepped(known, intent.gateway, Step::Bounce, Some(note), None);
        let undone = undone(&self.inner.store, intent.id).await;
        fact.movements = vec![undone.map_err(|_| store::Error::NotFound)?];
        fact.gateway_event = raw.map(|raw| event(intent, GatewaySource::Refund, raw));
        self.write(known, fact).await
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
        tries: i32,
        how: &str,
    ) -> Result<(), store::Error> {
        self.needs_a_person(known, intent, how).await;
        self.inner.store.refund_tried(known.id, tries, None).await.map(drop)
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
            next_try_at: None,
        }));
        fact
    }

    async fn write(&self, known: &Refund, fact: Fact) -> Result<(), store::Error> {
        // what is not written is looked into at its next time
        if let Err(error) = self.inner.store.commit(fact).await {
            tracing::warn!(refund.id = %known.id, %error, "the end of a refund was not stored yet");
        }
        Ok(())
    }

    async fn keep(&self, intent: &Intent, raw: Raw) {
        let event = event(intent, GatewaySource::Refund, raw);
        if let Err(error) = self.inner.store.gateway_said(event).await {
            tracing::debug!(intent.id = %intent.id, %error, "an answer was not noted");
        }
    }

    fn next_look(&self, tries: i32) -> DateTime<Utc> {
        let attempt = u32::try_from(tries).unwrap_or(1);
        let pause = self.inner.entropy.backoff(attempt, PAUSE.0, PAUSE.1);
        self.inner.clock.now() + TimeDelta::from_std(pause).unwrap_or(LOOK_AGAIN).max(LOOK_AGAIN)
    }
}

/// Whose refunds are carried out once, however often they are told.
fn knows_keys(gateway: Gateway) -> bool {
    matches!(gateway, Gateway::Stripe | Gateway::Sandbox)
}

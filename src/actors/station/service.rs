//! An eject that an operator asks for, without a rental. It has the lane until the cabinet has
//! answered or its time is over, as every eject; where the bank is, the next report says.

use chrono::{DateTime, TimeDelta, Utc};
use devices::{Downlink, EjectReply, TimeLimit};
use domain::eject::{EjectOutcome, Sighting};
use domain::ids::{SlotKey, Sn};
use domain::slot::Ejecting;
use domain::station::{Snapshot, sighting};
use ractor::RpcReplyPort;
use serde_json::json;

use super::{Msg, State};
use crate::actors::slot;
use crate::spawn::spawn;
use crate::store::fact::{AuditEntry, Fact};

/// An eject without a rental.
pub struct EjectAsk {
    pub key: SlotKey,
    /// Who wants it.
    pub actor: String,
    pub reply: RpcReplyPort<Result<Sn, &'static str>>,
}

/// The eject that is under way.
pub(super) struct Service {
    sn: Sn,
    key: SlotKey,
    sent_at: DateTime<Utc>,
    /// The cabinet was told not to begin with it later, and has answered by then.
    pub until: DateTime<Utc>,
}

impl State {
    /// By serial, as every eject: a second delivery cannot release another bank. The report
    /// that follows says whether it left.
    pub(super) fn eject_for_service(&mut self, ask: EjectAsk) {
        match self.may_eject_for_service(ask.key) {
            Ok(sn) => self.write_down(ask, sn),
            Err(why) => drop(ask.reply.send(Err(why))), // who asked may have gone
        }
    }

    fn may_eject_for_service(&self, key: SlotKey) -> Result<Sn, &'static str> {
        let bank = self.context.banks.in_slot(self.id(), key);
        let sn = bank.ok_or("the slot holds no bank")?;
        if self.context.rentals.of_bank(&sn).is_some() {
            return Err("the bank has an open rental");
        }
        if !self.is_reachable() {
            return Err("the cabinet cannot be reached");
        }
        if !self.lane.is_free(self.now(), self.context.settings.eject_gap) {
            return Err("another eject is under way, try again in a few seconds");
        }
        Ok(sn)
    }

    /// Beside the mailbox, so that a slow database does not stop the cabinet.
    fn write_down(&self, ask: EjectAsk, sn: Sn) {
        let mut fact = Fact::at(self.now());
        fact.audit = Some(AuditEntry {
            actor: ask.actor.clone(),
            action: "station.eject",
            target: self.seed.info.serial.to_string(),
            details: json!({ "bank": sn, "io": ask.key.io, "slot": ask.key.slot }),
        });
        let (context, myself) = (self.context.clone(), self.myself.clone());
        spawn("service_eject", async move {
            match context.store.commit(fact).await {
                Ok(_) => myself.insist(Msg::EjectNoted { ask, sn }),
                Err(error) => {
                    tracing::warn!(%error, "an eject for service was not written down");
                    let _ = ask.reply.send(Err("the database cannot be reached"));
                }
            }
        });
    }

    /// It is written down who wants it. Meanwhile the bank may have gone, or another eject may
    /// have begun; and who does not wait any more wants no bank to come out.
    pub(super) async fn eject_noted(&mut self, ask: EjectAsk, sn: Sn) {
        if ask.reply.is_closed() {
            return;
        }
        let answer = match self.may_eject_for_service(ask.key) {
            Ok(still) if still == sn => self.eject_now(sn, ask.key).await,
            Ok(_) => Err("the slot holds another bank by now"),
            Err(why) => Err(why),
        };
        let _ = ask.reply.send(answer); // who asked may have gone
    }

    async fn eject_now(&mut self, sn: Sn, key: SlotKey) -> Result<Sn, &'static str> {
        for rental in self.lane.forget(&sn) {
            self.context.forget_unsettled(self.id(), rental);
        }
        self.publish_for_service(sn.clone(), key).await?;
        Ok(sn)
    }

    async fn publish_for_service(&mut self, sn: Sn, key: SlotKey) -> Result<(), &'static str> {
        let now = self.now();
        let ttl_s = self.context.settings.eject_ttl_s;
        let limit = Some(TimeLimit { at: self.context.clock.told(), ttl_s });
        let command = Downlink::EjectBySn { sn: sn.clone(), limit };
        let deadline = now + self.context.settings.publish_within;
        if !self.send(&command, deadline.min(self.owned_until(now))).await {
            return Err("the broker cannot be reached");
        }
        let timing = self.context.settings.eject;
        let until = now + timing.reply_wait.max(TimeDelta::seconds(i64::from(ttl_s)));
        self.lane.note_publish(now);
        self.lane.service = Some(Service { sn, key, sent_at: now, until });
        self.tell_slot(key, slot::Msg::Ejecting(Some(Ejecting::Sent)));
        let (clock, myself) = (self.context.clock.clone(), self.myself.clone());
        spawn("service_eject", async move {
            clock.sleep_until(now + timing.settle).await;
            let (reply, _) = tokio::sync::oneshot::channel();
            let _ = myself.cast(Msg::Check(reply.into())); // the next report tells too
        });
        Ok(())
    }

    /// Whether an answer is that of the eject for service, which ends with it.
    pub(super) fn service_answered(&mut self, reply: &EjectReply) -> bool {
        let is_its_own = |service: &Service| {
            let by_sn = reply.sn.as_ref().is_none_or(|sn| *sn == service.sn);
            by_sn && reply.key.is_none_or(|key| key == service.key)
        };
        if !self.lane.service.as_ref().is_some_and(is_its_own) {
            return false;
        }
        match reply.outcome {
            // an earlier one still runs, and this one did nothing: the cabinet is not free yet
            EjectOutcome::Busy => {}
            EjectOutcome::Out | EjectOutcome::NotOut(_) | EjectOutcome::Verify(_) => {
                self.service_over();
            }
        }
        true
    }

    /// A report without its bank.
    pub(super) fn service_evidence(&mut self, snapshot: &Snapshot, at: DateTime<Utc>) {
        let settle = self.context.settings.eject.settle;
        let is_out = self.lane.service.as_ref().is_some_and(|service| {
            let later = at - service.sent_at >= settle;
            later && sighting(snapshot, service.key, &service.sn) == Sighting::Absent
        });
        if is_out {
            self.service_over();
        }
    }

    pub(super) fn service_due(&mut self, now: DateTime<Utc>) {
        if self.lane.service.as_ref().is_some_and(|service| service.until <= now) {
            self.service_over();
        }
    }

    /// The bank that an operator is taking out.
    pub(super) fn in_service(&self) -> Option<&Sn> {
        self.lane.service.as_ref().map(|service| &service.sn)
    }

    fn service_over(&mut self) {
        let Some(service) = self.lane.service.take() else { return };
        self.tell_slot(service.key, slot::Msg::Ejecting(None));
        self.moved(service.key);
    }
}

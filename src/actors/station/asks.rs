//! What operators ask of a cabinet.

use chrono::{DateTime, Utc};
use devices::{Downlink, TimeLimit};
use domain::ids::{SlotKey, Sn};
use domain::presence::Shown;
use ractor::RpcReplyPort;
use serde::Serialize;
use serde_json::json;

use super::{Seed, State};
use crate::actors::availability::StationView;
use crate::spawn::spawn;
use crate::store::fact::{AuditEntry, Fact, StationWrite};

/// An eject without a rental.
pub struct EjectAsk {
    pub key: SlotKey,
    /// Who wants it.
    pub actor: String,
    pub reply: RpcReplyPort<Result<Sn, &'static str>>,
}

/// A cabinet, for an operator.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    pub reachable: bool,
    pub shown: Shown,
    pub heard_at: Option<DateTime<Utc>>,
    pub whole_at: Option<DateTime<Utc>>,
    pub confirmed: bool,
    pub maintenance: bool,
    /// The bank whose eject has no end yet.
    pub ejecting: Option<Sn>,
    #[serde(skip)]
    pub view: StationView,
}

impl State {
    pub(super) fn describe(&self, reply: RpcReplyPort<Described>) {
        let described = Described {
            reachable: self.is_reachable(),
            shown: self.presence.shown(self.now(), &self.context.settings.presence),
            heard_at: self.presence.heard_at,
            whole_at: self.whole_at,
            confirmed: self.confirmed,
            maintenance: self.seed.maintenance,
            ejecting: self.ejecting().cloned(),
            view: self.view(),
        };
        let _ = reply.send(described); // who asked may have gone
    }

    /// By serial, as every eject: a second delivery cannot release another bank. The report
    /// that follows says whether it left.
    pub(super) async fn eject_for_service(&mut self, ask: EjectAsk) {
        let answer = self.try_eject_for_service(&ask).await;
        let _ = ask.reply.send(answer);
    }

    async fn try_eject_for_service(&mut self, ask: &EjectAsk) -> Result<Sn, &'static str> {
        let now = self.now();
        let bank = self.context.banks.in_slot(self.id(), ask.key);
        let sn = bank.ok_or("the slot holds no bank")?;
        if self.context.rentals.of_bank(&sn).is_some() {
            return Err("the bank has an open rental");
        }
        if !self.is_reachable() {
            return Err("the cabinet cannot be reached");
        }
        if !self.lane.is_free(now, self.context.settings.eject_gap) {
            return Err("another eject is under way, try again in a few seconds");
        }
        let mut fact = Fact::at(now);
        fact.audit = Some(AuditEntry {
            actor: ask.actor.clone(),
            action: "station.eject",
            target: self.seed.info.serial.to_string(),
            details: json!({ "bank": sn, "io": ask.key.io, "slot": ask.key.slot }),
        });
        self.context.store.commit(fact).await.map_err(|_| "the database cannot be reached")?;
        let limit = Some(TimeLimit { at: now, ttl_s: self.context.settings.eject_ttl_s });
        let command = Downlink::EjectBySn { sn: sn.clone(), limit };
        for rental in self.lane.forget(&sn) {
            self.context.forget_unsettled(self.id(), rental);
        }
        let deadline = now + self.context.settings.publish_within;
        if !self.send(&command, deadline.min(self.owned_until(now))).await {
            return Err("the broker cannot be reached");
        }
        self.lane.note_publish(now);
        let settle = self.context.settings.eject.settle;
        let (clock, myself) = (self.context.clock.clone(), self.myself.clone());
        spawn("service_eject", async move {
            clock.sleep_until(now + settle).await;
            let (reply, _) = tokio::sync::oneshot::channel();
            let _ = myself.cast(super::Msg::Check(reply.into())); // the next report tells too
        });
        Ok(sn)
    }

    /// The row has moved on with it; a newer version that was read meanwhile stays.
    pub(super) fn told(&mut self, seed: Seed) {
        self.seed.info = seed.info;
        self.seed.version = self.seed.version.max(seed.version);
        self.context.keep_seed(&self.seed);
        self.dirty = true;
    }

    pub(super) fn maintain(&mut self, on: bool, actor: String, reply: RpcReplyPort<bool>) {
        if self.writing {
            let _ = reply.send(false);
            return;
        }
        let mut fact = Fact::at(self.now());
        fact.station = Some(StationWrite {
            station: self.id(),
            before: self.seed.version,
            layout_confirmed: self.seed.layout.confirmed,
            is_maintenance: on,
        });
        fact.audit = Some(AuditEntry {
            actor,
            action: "station.maintenance",
            target: self.seed.info.serial.to_string(),
            details: json!({ "on": on }),
        });
        // closing counts at once, opening when it is written
        self.seed.maintenance |= on;
        self.dirty = true;
        self.write_row(fact, move |good| {
            let _ = reply.send(good); // who asked may have gone
        });
    }
}

//! What operators ask of a cabinet.

use chrono::{DateTime, Utc};
use domain::ids::{SlotKey, Sn};
use domain::presence::Shown;
use ractor::RpcReplyPort;
use serde::Serialize;
use serde_json::json;

use super::layout::RowWrite;
use super::{Seed, State};
use crate::actors::availability::StationView;
use crate::actors::slot;
use crate::store::fact::{AuditEntry, Fact, SlotChange, SlotWrite, StationWrite};

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
            ejecting: self.ejecting().or(self.in_service()).cloned(),
            view: self.view(),
        };
        let _ = reply.send(described); // who asked may have gone
    }

    /// The row has moved on with it; a newer version that was read meanwhile stays.
    pub(super) fn told(&mut self, seed: Seed) {
        self.seed.info = seed.info;
        self.seed.version = self.seed.version.max(seed.version);
        self.context.keep_seed(&self.seed);
        self.dirty = true;
    }

    /// One slot; a bank in it stays where it is and is not offered.
    pub(super) fn maintain_slot(
        &mut self,
        key: SlotKey,
        on: bool,
        actor: String,
        reply: RpcReplyPort<bool>,
    ) {
        let version = self.seed.slot_versions.get(&key).copied();
        let Some(version) = version.filter(|_| self.row_write == RowWrite::Idle) else {
            let _ = reply.send(false); // who asked may have gone
            return;
        };
        let mut fact = Fact::at(self.now());
        let station = self.id();
        fact.station = Some(StationWrite {
            station,
            before: self.seed.version,
            layout_confirmed: self.seed.layout.confirmed,
            is_maintenance: self.seed.maintenance,
        });
        fact.slots =
            vec![SlotWrite { station, key, change: SlotChange::Maintenance { version, on } }];
        fact.audit = Some(AuditEntry {
            actor,
            action: "station.maintenance",
            target: self.seed.info.serial.to_string(),
            details: json!({ "io": key.io, "slot": key.slot, "on": on }),
        });
        if on {
            self.show_maintenance(key, true); // opening it counts when it is written
        }
        self.write_row(fact, move |good| {
            let _ = reply.send(good); // who asked may have gone
        });
    }

    /// From here on the slot is offered to nobody, or again.
    pub(super) fn show_maintenance(&mut self, key: SlotKey, on: bool) {
        let kept = &mut self.seed.slots_in_maintenance;
        let changed = if on { kept.insert(key) } else { kept.remove(&key) };
        if !changed {
            return;
        }
        if let Some(child) = self.slots.get_mut(&key) {
            child.view.rentable &= !on; // the slot says the rest itself
        }
        self.tell_slot(key, slot::Msg::Maintenance(on));
        self.dirty = true;
    }

    pub(super) fn maintain(&mut self, on: bool, actor: String, reply: RpcReplyPort<bool>) {
        if self.row_write != RowWrite::Idle {
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

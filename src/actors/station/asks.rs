//! What operators ask of a cabinet.

use chrono::{DateTime, Utc};
use domain::ids::Sn;
use domain::presence::Shown;
use ractor::RpcReplyPort;
use serde::Serialize;
use serde_json::json;

use super::{Seed, State};
use crate::actors::availability::StationView;
use crate::store::fact::{AuditEntry, Fact, StationWrite};

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

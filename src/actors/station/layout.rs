//! What a cabinet is built of: when a report shows other slots than were known, the report
//! wins, and a person is told.

use domain::ids::SlotKey;
use domain::station::{Coverage, Layout};
use ractor::ActorRef;
use serde_json::json;

use super::{Msg, State};
use crate::actors::slot;
use crate::metrics;
use crate::spawn::spawn;
use crate::store::fact::{Fact, NewIncident, SlotChange, SlotWrite, StationWrite};

impl State {
    pub(super) async fn cover(&mut self, coverage: Coverage, myself: &ActorRef<Msg>) {
        match coverage {
            Coverage::Whole => self.lay_out_confirmed(),
            Coverage::Partial { missing } => self.left_out(missing),
            Coverage::Changed { added, removed } => {
                for key in &removed {
                    self.drop_slot(*key);
                }
                for key in &added {
                    self.raise_slot(*key, myself).await;
                }
                self.lay_out(added, removed);
            }
        }
    }

    /// They keep what they last said.
    fn left_out(&mut self, missing: Vec<SlotKey>) {
        if !missing.is_empty() {
            metrics::ALARMS.inc(["partial_report"]);
        }
        for key in missing {
            if let Some(child) = self.slots.get_mut(&key) {
                child.reading = None;
            }
            self.tell_slot(key, slot::Msg::LeftOut);
        }
    }

    fn lay_out_confirmed(&mut self) {
        if !self.confirmed {
            self.lay_out(vec![], vec![]);
        }
    }

    /// Writes the slots that are there, once for each change.
    fn lay_out(&mut self, added: Vec<SlotKey>, removed: Vec<SlotKey>) {
        if self.laying_out {
            return; // the next report brings what is still missing
        }
        self.laying_out = true;
        let (station, version) = (self.id(), self.seed.version);
        let mut fact = Fact::at(self.now());
        fact.station = Some(StationWrite {
            station,
            before: version,
            layout_confirmed: true,
            is_maintenance: self.seed.maintenance,
        });
        let coming = added.iter().map(|key| (*key, SlotChange::Add));
        let versions = &self.seed.slot_versions;
        let going = removed.iter().filter_map(|key| {
            versions.get(key).map(|version| (*key, SlotChange::Remove { version: *version }))
        });
        let writes = coming.chain(going).map(|(key, change)| SlotWrite { station, key, change });
        fact.slots = writes.collect();
        if !(added.is_empty() && removed.is_empty()) {
            metrics::ALARMS.inc(["layout_changed"]);
            fact.incidents.push(self.layout_incident(&added, &removed));
        }
        self.write_layout(fact, added, removed);
    }

    fn layout_incident(&self, added: &[SlotKey], removed: &[SlotKey]) -> NewIncident {
        NewIncident {
            id: self.context.new_incident_id(),
            kind: "layout_changed",
            station: Some(self.id()),
            rental: None,
            bank: None,
            evidence: json!({ "added": added, "removed": removed }),
        }
    }

    fn write_layout(&mut self, fact: Fact, added: Vec<SlotKey>, removed: Vec<SlotKey>) {
        for key in added {
            self.seed.slot_versions.insert(key, 1);
        }
        for key in removed {
            self.seed.slot_versions.remove(&key);
        }
        let (context, myself) = (self.context.clone(), self.myself.clone());
        let before = self.seed.version;
        spawn("layout", async move {
            let version = match context.store.commit(fact).await {
                Ok(_) => Some(before + 1),
                Err(error) => {
                    tracing::warn!(%error, "a layout was not written");
                    None
                }
            };
            let _ = myself.cast(Msg::LaidOut { version }); // a new start reads it back
        });
    }

    pub(super) async fn laid_out(&mut self, version: Option<i32>, myself: &ActorRef<Msg>) {
        self.laying_out = false;
        if let Some(version) = version {
            self.seed.version = version;
            self.context.keep_seed(&self.seed);
            return;
        }
        // read back what the database has, and let the next report say it again
        let Some(seed) = self.context.reread_station(self.id()).await else { return };
        self.seed.version = seed.version;
        self.seed.slot_versions = seed.slot_versions;
        self.seed.layout = Layout::new(seed.layout.slots, false);
        let known: Vec<SlotKey> = self.seed.layout.slots.iter().copied().collect();
        for key in known {
            if !self.slots.contains_key(&key) {
                self.raise_slot(key, myself).await;
            }
        }
        self.confirmed = false;
    }
}

//! What a cabinet is built of: when a report shows other slots than were known, the report
//! wins, and a person is told.

use domain::ids::SlotKey;
use domain::station::{Coverage, Layout};
use ractor::ActorRef;
use serde_json::json;

use super::{Msg, Seed, State};
use crate::actors::slot;
use crate::metrics;
use crate::spawn::spawn;
use crate::store::fact::{Fact, NewIncident, SlotChange, SlotWrite, StationWrite};

/// What happens to the station's row in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowWrite {
    #[default]
    Idle,
    /// It is being written, or read again.
    UnderWay,
    /// It is under way, and the layout changed meanwhile.
    AgainAfter,
}

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
                self.lay_out();
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
            self.lay_out();
        }
    }

    /// How the cabinet is built otherwise than its rows say: slots that came, slots that went.
    fn unwritten(&self) -> (Vec<SlotKey>, Vec<SlotKey>) {
        let (built, rows) = (&self.seed.layout.slots, &self.seed.slot_versions);
        let added = built.iter().filter(|key| !rows.contains_key(key)).copied().collect();
        let removed = rows.keys().filter(|key| !built.contains(key)).copied().collect();
        (added, removed)
    }

    /// Writes the slots that are there, once for each change; one that comes while the row is
    /// being written is written next, because no report tells it again.
    fn lay_out(&mut self) {
        if self.row_write != RowWrite::Idle {
            self.row_write = RowWrite::AgainAfter;
            return;
        }
        let (added, removed) = self.unwritten();
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
            subject: None,
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
            self.seed.slots_in_maintenance.remove(&key);
        }
        self.write_row(fact, |_| ());
    }

    /// Writes the station's row beside the mailbox; what was not written, or perhaps not, is
    /// read back until the database answers.
    pub(super) fn write_row(&mut self, fact: Fact, told: impl FnOnce(bool) + Send + 'static) {
        let (context, myself) = (self.context.clone(), self.myself.clone());
        let (id, maintenance) = (self.id(), self.seed.maintenance);
        let maintenance = fact.station.as_ref().map_or(maintenance, |row| row.is_maintenance);
        let slot = fact.slots.iter().find_map(|write| match write.change {
            SlotChange::Maintenance { on, .. } => Some((write.key, on)),
            SlotChange::Add | SlotChange::Remove { .. } => None,
        });
        let version = self.seed.version + 1;
        self.row_write = RowWrite::UnderWay;
        spawn("station_row", async move {
            match context.store.commit(fact).await {
                Ok(_) => {
                    myself.insist(Msg::Written { version, maintenance, slot });
                    told(true); // whoever asks next sees it
                }
                Err(error) => {
                    tracing::warn!(%error, "a station's row was not written");
                    told(false);
                    let row = context.read_station_again(id).await;
                    myself.insist(Msg::Reread(row.map(Box::new)));
                }
            }
        });
    }

    pub(super) fn written(
        &mut self,
        version: i32,
        maintenance: bool,
        slot: Option<(SlotKey, bool)>,
    ) {
        let is_behind = std::mem::take(&mut self.row_write) == RowWrite::AgainAfter;
        self.dirty = true;
        self.seed.version = version;
        self.seed.maintenance = maintenance;
        if let Some((key, on)) = slot {
            self.seed.slot_versions.entry(key).and_modify(|version| *version += 1);
            self.show_maintenance(key, on);
        }
        self.context.keep_seed(&self.seed);
        if is_behind {
            self.lay_out();
        }
    }

    /// The row is what counts, and the next report says again what is not in it.
    pub(super) async fn reread(&mut self, seed: Option<Box<Seed>>, myself: &ActorRef<Msg>) {
        self.row_write = RowWrite::Idle;
        self.dirty = true;
        self.confirmed = false;
        let Some(seed) = seed else { return myself.stop(None) };
        self.seed.version = seed.version;
        self.seed.maintenance = seed.maintenance;
        self.seed.slot_versions = seed.slot_versions;
        let closed = seed.slots_in_maintenance;
        let unlike: Vec<SlotKey> =
            self.seed.slots_in_maintenance.symmetric_difference(&closed).copied().collect();
        for key in unlike {
            self.show_maintenance(key, closed.contains(&key));
        }
        self.seed.layout = Layout::new(seed.layout.slots, false);
        self.keep_slots_of_layout(myself).await;
        self.ask_for_report("reread").await;
    }

    /// Slots that came and are in no row go, and come again with the next report; those that
    /// went come back.
    async fn keep_slots_of_layout(&mut self, myself: &ActorRef<Msg>) {
        let living: Vec<SlotKey> = self.slots.keys().copied().collect();
        for key in living {
            if !self.seed.layout.slots.contains(&key) {
                self.drop_slot(key);
            }
        }
        let known: Vec<SlotKey> = self.seed.layout.slots.iter().copied().collect();
        for key in known {
            if !self.slots.contains_key(&key) {
                self.raise_slot(key, myself).await;
            }
        }
    }
}

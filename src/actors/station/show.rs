//! What riders and operators see of a cabinet.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices::Report;
use domain::slot::Standing;
use domain::station::Snapshot;

use super::State;
use crate::actors::availability::{Kept, SlotView, StationView};
use crate::actors::flusher::{SlotNews, StationNews};

impl State {
    /// Publishes the cabinet as it is, if anything changed.
    pub(super) fn show(&mut self) {
        if !std::mem::take(&mut self.dirty) || self.context.stations.info(self.id()).is_none() {
            return; // nothing new, or taken out of service a moment ago
        }
        let before = self.context.availability.get(self.id());
        let mut view = self.view();
        let same = |before: &Arc<StationView>| {
            StationView { version: before.version, ..view.clone() } == **before
        };
        if before.as_ref().is_some_and(same) {
            return;
        }
        self.shown_version += 1;
        view.version = self.shown_version;
        let view = Arc::new(view);
        self.context.availability.publish(Arc::clone(&view));
        self.context.feed.publish(view);
    }

    pub(super) fn view(&self) -> StationView {
        let slots: Vec<SlotView> = self
            .slots
            .values()
            .map(|child| SlotView {
                key: child.view.key,
                standing: child.view.standing,
                level: child.view.level,
                sn: child.view.sn.clone(),
                rentable: child.view.rentable,
            })
            .collect();
        let count = |matches: &dyn Fn(&SlotView) -> bool| {
            u16::try_from(slots.iter().filter(|slot| matches(slot)).count()).unwrap_or(u16::MAX)
        };
        StationView {
            info: Arc::clone(&self.seed.info),
            shown: self.presence.shown(self.now(), &self.context.settings.presence),
            maintenance: self.seed.maintenance,
            stale: !self.confirmed,
            free_slots: count(&|slot| slot.standing == Standing::Empty),
            banks: count(&|slot| slot.rentable),
            version: self.shown_version,
            slots,
            kept: Kept::default(),
        }
    }

    /// Hands what a report says to the flusher.
    pub(super) fn flush_report(&mut self, snapshot: &Snapshot, report: &Report, at: DateTime<Utc>) {
        self.seq += 1;
        let (station, seq) = (self.id(), self.seq);
        self.context.flusher.station(StationNews {
            station,
            seq,
            heard_at: Some(at),
            reported_at: Some(at),
            whole_at: self.whole_at,
            signal: report.signal.map(|signal| serde_json::json!(signal)),
            backup: None,
        });
        for (key, reading) in &snapshot.slots {
            let reading = reading.clone();
            self.context.flusher.slot(SlotNews { station, key: *key, seq, reading });
        }
    }
}

//! Whether the cabinet is heard, and what that starts: one that comes back is asked at once
//! for a whole report.

use chrono::{DateTime, TimeDelta, Utc};
use devices::Uplink;
use domain::presence::Session;

use super::State;
use crate::actors::flusher::StationNews;

impl State {
    pub(super) fn hear(&mut self, at: DateTime<Utc>, uplink: &Uplink) {
        self.presence.heard(at);
        self.dirty = true;
        let (signal, backup) = match uplink {
            Uplink::Heartbeat(heartbeat) => (heartbeat.signal, heartbeat.backup),
            Uplink::Report(report) => (report.signal, None),
            Uplink::Ejected(_)
            | Uplink::Returned(_)
            | Uplink::Inspected(_)
            | Uplink::WifiList(_)
            | Uplink::Opaque { .. } => (None, None),
        };
        self.seq += 1;
        self.context.flusher.station(StationNews {
            station: self.id(),
            seq: self.seq,
            heard_at: Some(at),
            reported_at: None,
            whole_at: self.whole_at,
            signal: signal.map(|signal| serde_json::json!(signal)),
            backup: backup.map(|backup| serde_json::json!(backup)),
        });
    }

    pub(super) async fn session(&mut self, connected: bool, at: DateTime<Utc>) {
        self.dirty = true;
        if !connected {
            self.presence.session = Session::Down { since: at };
            return;
        }
        self.presence.session = Session::Up;
        self.presence.heard(at);
        if self.lane.eject.is_some() {
            self.resume_eject().await;
        }
        self.ask_for_report("back").await;
    }

    /// Our own outage is no evidence against a cabinet.
    pub(super) async fn link_back(&mut self, down_for: TimeDelta) {
        self.presence.excused += down_for;
        self.dirty = true;
        if self.lane.eject.is_some() {
            self.resume_eject().await;
        }
    }
}

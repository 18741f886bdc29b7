//! Whether the cabinet is heard, and what that starts: one that comes back is asked at once
//! for a whole report.

use chrono::{DateTime, TimeDelta, Utc};
use devices::Uplink;
use domain::presence::Session;
use domain::returns::Source;

use super::State;
use super::inbound::Received;
use crate::actors::flusher::StationNews;
use crate::actors::storm::Ended;
use crate::store::fact::Channel;

/// How long after an outage a cabinet may still repeat what happened in it.
const REPEATS: TimeDelta = TimeDelta::minutes(5);

impl State {
    /// A sign of life is what came over the cabinet's own session: anybody can make its HTTP
    /// calls, and would keep a dead one alive. How strong its signal is said to be is kept.
    pub(super) fn hear(&mut self, received: Received, uplink: &Uplink) {
        let alive = received.channel == Channel::Mqtt;
        if alive {
            self.presence.heard(received.at);
            self.dirty = true;
        }
        let (signal, backup) = match uplink {
            Uplink::Heartbeat(heartbeat) => (heartbeat.signal, heartbeat.backup),
            Uplink::Report(report) => (report.signal, None),
            Uplink::Ejected(_)
            | Uplink::Returned(_)
            | Uplink::Inspected(_)
            | Uplink::WifiList(_)
            | Uplink::Opaque { .. } => (None, None),
        };
        if !alive && signal.is_none() {
            return;
        }
        self.seq += 1;
        self.context.flusher.station(StationNews {
            station: self.id(),
            seq: self.seq,
            heard_at: alive.then_some(received.at),
            reported_at: None,
            whole_at: self.whole_at,
            signal: signal.map(|signal| serde_json::json!(signal)),
            backup: backup.map(|backup| serde_json::json!(backup)),
        });
    }

    /// The broker's word counts though it did not get through to a full mailbox.
    pub(super) async fn mind_session(&mut self) {
        match (self.context.session_of(&self.seed.info.uuid), self.presence.session) {
            (Session::Up, Session::Down { .. }) => self.session_began(self.now()).await,
            (Session::Down { since }, Session::Up) => self.session_ended(since),
            (Session::Untold | Session::Up | Session::Down { .. }, _) => {}
        }
    }

    pub(super) fn session_ended(&mut self, at: DateTime<Utc>) {
        self.dirty = true;
        self.presence.session = Session::Down { since: at };
        self.session_told(false);
        self.leave_line(Ended::Gone);
    }

    pub(super) async fn session_began(&mut self, at: DateTime<Utc>) {
        self.dirty = true;
        self.presence.session = Session::Up;
        self.session_told(true);
        self.up_since = Some(at);
        self.presence.heard(at);
        if self.lane.eject.is_some() {
            self.resume_eject().await;
        }
        self.check.lost();
        self.check.place.is_owed = true;
        self.ask_for_report("back").await;
    }

    /// It says something, and has not said what it holds since it came back or we did.
    pub(super) async fn ask_what_is_owed(&mut self) {
        if !self.confirmed {
            self.check.place.is_owed = true;
            self.ask_for_report("first").await;
        } else if self.check.place.is_owed {
            self.ask_for_report("back").await;
        }
    }

    /// The instant after which a cabinet can have noticed what it says by this source. What it
    /// says soon after an outage may be about the time before: such calls are made again until
    /// they get through.
    pub(super) fn noticed_after(&self, source: Source, received: Received) -> DateTime<Utc> {
        let repeated = matches!(source, Source::HttpReturn | Source::Inspection);
        let just_back = self.up_since.is_some_and(|since| received.at - since < REPEATS);
        let back = just_back || !self.confirmed;
        let away = matches!(self.presence.session, Session::Down { .. });
        let old = back || away || !received.live;
        let told = if repeated && old { DateTime::UNIX_EPOCH } else { received.earliest };
        self.not_before(told, received.at)
    }

    /// When a bank came back at the earliest that is said, at `at`, to have come after `told`:
    /// the last whole report did not show it yet.
    pub(super) fn not_before(&self, told: DateTime<Utc>, at: DateTime<Utc>) -> DateTime<Utc> {
        self.whole_at.unwrap_or(DateTime::UNIX_EPOCH).max(told).min(at)
    }

    /// Our own outage is no evidence against a cabinet.
    pub(super) fn link_lost(&mut self, at: DateTime<Utc>) {
        self.presence.link_lost(at);
        self.forget_callers();
        self.leave_line(Ended::Gone);
        self.dirty = true;
    }

    pub(super) async fn link_back(&mut self, at: DateTime<Utc>) {
        self.presence.link_back(at);
        self.up_since = Some(self.now());
        self.dirty = true;
        if self.lane.eject.is_some() {
            self.resume_eject().await;
        }
        if self.is_reachable() {
            // what it said meanwhile may be lost with the broker
            self.check.lost();
            self.check.place.is_owed = true;
            self.ask_for_report("gap").await;
        }
    }
}

//! How far we have heard everything. A marker that we sent to ourselves comes back behind
//! whatever the broker held for us: what arrives after it was sent after it.
//!
//! Pure: told what happens and when, it only judges.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

#[cfg(test)]
mod tests;

/// A frame that may have waited longer than this is backlog. A few seconds more than a marker
/// takes to come back from a busy broker.
const LIVE_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// Markers on their way that are remembered.
const MARKERS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Tide {
    /// Everything sent before this has arrived.
    complete_until: DateTime<Utc>,
    /// Whether this connection has heard its first marker.
    caught_up: bool,
    /// The markers on their way, the oldest first: their numbers, and when they were sent.
    markers: VecDeque<(u64, DateTime<Utc>)>,
    last_marker: u64,
}

/// When a frame was sent, as far as we can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub live: bool,
    pub earliest: DateTime<Utc>,
}

impl Tide {
    /// `complete_until`: what an earlier process knew. `first_marker` must be another number
    /// in each process that uses the same session.
    pub fn new(complete_until: DateTime<Utc>, first_marker: u64) -> Tide {
        let markers = VecDeque::new();
        Tide { complete_until, caught_up: false, markers, last_marker: first_marker }
    }

    pub fn complete_until(&self) -> DateTime<Utc> {
        self.complete_until
    }

    /// A connection subscribed; the request left at `at`. Without a session at the broker
    /// nothing was held for us, and nothing of before will come.
    pub fn subscribed(&mut self, had_session: bool, at: DateTime<Utc>) {
        self.markers.clear();
        self.caught_up = !had_session;
        if !had_session {
            self.complete_until = self.complete_until.max(at);
        }
    }

    /// The marker to send at `at`, unless one is on its way that is younger than `patience`.
    pub fn next_marker(&mut self, at: DateTime<Utc>, patience: TimeDelta) -> Option<u64> {
        if self.markers.back().is_some_and(|(_, sent)| at - *sent < patience) {
            return None;
        }
        self.last_marker = self.last_marker.wrapping_add(1);
        self.markers.push_back((self.last_marker, at));
        if self.markers.len() > MARKERS_MAX {
            self.markers.pop_front();
        }
        Some(self.last_marker)
    }

    /// A marker came back. Those of earlier connections say nothing.
    pub fn heard(&mut self, number: u64) {
        let Some(at) = self.markers.iter().position(|(marker, _)| *marker == number) else {
            return;
        };
        for (_, sent) in self.markers.drain(..=at) {
            self.complete_until = self.complete_until.max(sent);
        }
        self.caught_up = true;
    }

    /// When a frame was sent that arrives at `at`.
    pub fn judge(&self, at: DateTime<Utc>) -> Sent {
        if self.caught_up && at - self.complete_until <= LIVE_WITHIN {
            Sent { live: true, earliest: at }
        } else {
            Sent { live: false, earliest: self.complete_until.min(at) }
        }
    }
}

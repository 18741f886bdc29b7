//! How far we have heard everything. A marker that we sent to ourselves comes back behind
//! whatever the broker held for us: what arrives after it was sent after it.
//!
//! Pure: told what happens and when, it only judges.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

#[cfg(test)]
mod tests;

/// A frame that may have waited longer than this is backlog. A few seconds more than a marker
/// takes to come back from a busy broker.
const LIVE_WITHIN: Duration = Duration::from_secs(10);

/// A frame that can have waited longer than this may be about a moment well before it arrives: it
/// is dated back to the last marker that was heard. Markers leave every two seconds.
const AT_ONCE: Duration = Duration::from_secs(3);

/// The clock is looked at twice as often, whatever happens: after longer, the process stood still,
/// and what arrives may have waited all that time.
const STOOD_STILL: Duration = Duration::from_secs(4);

/// Markers on their way that are remembered.
const MARKERS_MAX: usize = 64;

/// A time, and how long the clock had run by then: how long a frame waited is real time, also
/// in a test that jumps ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub at: DateTime<Utc>,
    pub running: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Watermark {
    /// Everything sent before this has arrived, and what is not acknowledged was sent after it
    /// when a connection begins.
    complete_until: DateTime<Utc>,
    /// The same, once this connection has heard its first marker.
    caught_up: Option<Duration>,
    /// When the clock was looked at last.
    looked: Option<Duration>,
    /// The markers on their way, the oldest first: their numbers, and when they were sent.
    markers: VecDeque<(u64, Moment)>,
    last_marker: u64,
}

/// When a frame was sent, as far as we can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub live: bool,
    pub earliest: DateTime<Utc>,
}

impl Moment {
    pub fn of(clock: &Clock) -> Moment {
        Moment { at: clock.now(), running: clock.running() }
    }
}

impl Watermark {
    /// `complete_until`: what an earlier process knew. `first_marker` must be another number
    /// in each process that uses the same session.
    pub fn new(complete_until: DateTime<Utc>, first_marker: u64) -> Watermark {
        let markers = VecDeque::new();
        let (caught_up, looked) = (None, None);
        Watermark { complete_until, caught_up, looked, markers, last_marker: first_marker }
    }

    pub fn complete_until(&self) -> DateTime<Utc> {
        self.complete_until
    }

    /// A connection goes on with the session of an earlier one: what was held for us comes first.
    pub fn resumed(&mut self) {
        self.markers.clear();
        self.caught_up = None;
        self.looked = None;
    }

    /// The process goes on, as it says every few seconds. After it stood still, what the broker sent
    /// meanwhile comes first, with markers from before: only a new one tells where that ends.
    pub fn goes_on(&mut self, now: Moment) {
        if self.stood_still(now) {
            self.resumed();
        }
        self.looked = Some(now.running);
    }

    fn stood_still(&self, now: Moment) -> bool {
        self.looked.is_some_and(|looked| now.running > looked + STOOD_STILL)
    }

    /// A connection without a session at the broker, at `now`: nothing was held for us, and
    /// nothing of before will come.
    pub fn begun(&mut self, now: Moment) {
        self.resumed();
        self.complete(now);
    }

    /// A connection is gone. What arrived over it and is not acknowledged comes again, and was
    /// sent after `unsettled` as it ever was.
    pub fn ended(&mut self, unsettled: Option<DateTime<Utc>>) {
        self.complete_until = unsettled.unwrap_or(self.complete_until).min(self.complete_until);
    }

    /// The marker to send now, unless one is on its way that is younger than `patience`.
    pub fn next_marker(&mut self, now: Moment, patience: Duration) -> Option<u64> {
        let age = |sent: &Moment| now.running.saturating_sub(sent.running);
        if self.markers.back().is_some_and(|(_, sent)| age(sent) < patience) {
            return None;
        }
        self.last_marker = self.last_marker.wrapping_add(1);
        self.markers.push_back((self.last_marker, now));
        if self.markers.len() > MARKERS_MAX {
            self.markers.pop_front();
        }
        Some(self.last_marker)
    }

    /// A marker came back. Those of earlier connections say nothing.
    pub fn heard(&mut self, number: u64) {
        let found = self.markers.iter().position(|(marker, _)| *marker == number);
        if let Some((_, sent)) = found.and_then(|at| self.markers.drain(..=at).next_back()) {
            self.complete(sent);
        }
    }

    /// When a frame was sent that arrives now.
    pub fn judge(&self, now: Moment) -> Sent {
        let caught_up = self.caught_up.filter(|_| !self.stood_still(now));
        let within = |bound| caught_up.is_some_and(|since| now.running <= since + bound);
        let earliest = if within(AT_ONCE) { now.at } else { self.complete_until.min(now.at) };
        Sent { live: within(LIVE_WITHIN), earliest }
    }

    fn complete(&mut self, sent: Moment) {
        self.complete_until = self.complete_until.max(sent.at);
        self.caught_up = Some(sent.running);
    }
}

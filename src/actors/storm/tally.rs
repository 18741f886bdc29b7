//! How many cabinets came back together, and how many of them have said what they hold. It is
//! a storm from when the first of them has to wait until all that came since are done.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use domain::ids::StationId;

use crate::metrics;

/// How the wait for a cabinet's report ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A report that lists every slot was compared with the books.
    Reconciled,
    /// It did not answer: its next report is compared, whenever it comes.
    Unanswered,
    /// It left before, and comes back later.
    Gone,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Ended::Reconciled => "reconciled",
            Ended::Unanswered => "unanswered",
            Ended::Gone => "gone",
        }
    }
}

/// How far a storm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub since: DateTime<Utc>,
    /// Cabinets that came back in it.
    pub total: u64,
    pub reconciled: u64,
    /// Those, and the ones that left again or said nothing.
    pub ended: u64,
    /// In the line, by rank.
    pub waiting: [u64; 3],
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [commands, returns, rest] = self.waiting;
        write!(f, "{} of {} reconciled, ", self.reconciled, self.total)?;
        write!(f, "waiting: {commands} with commands, {returns} with returns, {rest} others")
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Cabinets that came back and have not reported yet.
    coming: BTreeMap<StationId, Coming>,
    storm: Option<Running>,
}

#[derive(Debug)]
struct Coming {
    since: DateTime<Utc>,
    is_counted: bool,
}

#[derive(Debug)]
struct Running {
    since: DateTime<Utc>,
    total: u64,
    reconciled: u64,
    ended: u64,
    /// Nobody waits any more; who comes back now is not of this storm.
    is_drained: bool,
}

impl Tally {
    pub fn back(&mut self, id: StationId, now: DateTime<Utc>) {
        if self.coming.contains_key(&id) {
            return;
        }
        let storm = self.storm.as_mut().filter(|storm| !storm.is_drained);
        let is_counted = storm.is_some();
        if let Some(storm) = storm {
            storm.total += 1;
        }
        self.coming.insert(id, Coming { since: now, is_counted });
    }

    /// One has to wait: if it came back, this is a storm.
    pub fn waits(&mut self, id: StationId, now: DateTime<Utc>) {
        let is_on = self.storm.as_ref().is_some_and(|storm| !storm.is_drained);
        if is_on || !self.coming.contains_key(&id) {
            return; // all that came since it began are counted
        }
        let mut joined = 0;
        let mut since = now;
        for coming in self.coming.values_mut().filter(|coming| !coming.is_counted) {
            (coming.is_counted, joined, since) = (true, joined + 1, since.min(coming.since));
        }
        let running = Running { since, total: 0, reconciled: 0, ended: 0, is_drained: false };
        let storm = self.storm.get_or_insert(running);
        storm.total += joined;
        storm.is_drained = false;
    }

    /// The wait for one is over; answers the storm that ended with it.
    pub fn over(&mut self, id: StationId, how: Ended, now: DateTime<Utc>) -> Option<Progress> {
        let coming = self.coming.remove(&id)?;
        metrics::RECONCILED.inc([how.as_str()]);
        if how == Ended::Reconciled {
            let took = (now - coming.since).to_std().unwrap_or_default();
            metrics::RECONCILE_SECONDS.observe(took, []);
        }
        let storm = self.storm.as_mut().filter(|_| coming.is_counted)?;
        storm.ended += 1;
        storm.reconciled += u64::from(how == Ended::Reconciled);
        self.end()
    }

    /// Nobody waits in the line; answers the storm that ended with it.
    pub fn line_is_empty(&mut self) -> Option<Progress> {
        self.storm.as_mut()?.is_drained = true;
        self.end()
    }

    pub fn progress(&self, waiting: [u64; 3]) -> Option<Progress> {
        let Running { since, total, reconciled, ended, .. } = self.storm.as_ref()?;
        Some(Progress {
            since: *since,
            total: *total,
            reconciled: *reconciled,
            ended: *ended,
            waiting,
        })
    }

    fn end(&mut self) -> Option<Progress> {
        let ended = self.progress([0; 3])?;
        self.storm.take_if(|storm| storm.is_drained && storm.ended >= storm.total)?;
        Some(ended)
    }
}

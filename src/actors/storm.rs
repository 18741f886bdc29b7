//! Who of the cabinets is asked for a report, and when: the node-wide order and pace of checks.
//! A lone cabinet is asked at once; when thousands come back together, those with an open
//! command come first, then those where a bank may have come back, then the rest. It sends
//! nothing and decides nothing about a report.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::StationId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Context;
use super::station::Msg;
use crate::metrics;

mod line;
mod tally;

#[cfg(test)]
mod tests;

use line::Line;
use tally::Tally;

pub use line::Rank;
pub use tally::{Ended, Progress};

/// How often a storm is told in the log.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Clones are the same storm.
#[derive(Clone, Debug)]
pub struct Storm {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    desk: Mutex<Desk>,
    /// Somebody came into an empty line, or there is room for an answer again.
    stirred: Notify,
}

#[derive(Debug)]
struct Desk {
    line: Line,
    tally: Tally,
}

impl Storm {
    /// `pace` is how many checks may be sent in a second.
    pub fn new(pace: u32, now: DateTime<Utc>) -> Storm {
        let desk = Mutex::new(Desk { line: Line::new(pace, now), tally: Tally::default() });
        Storm { inner: Arc::new(Inner { desk, stirred: Notify::new() }) }
    }

    /// A cabinet came back and has not reported yet.
    pub fn back(&self, id: StationId, now: DateTime<Utc>) {
        self.inner.desk.lock().tally.back(id, now);
    }

    /// Whether a cabinet may be asked now; if not, it has a place in the line and is told
    /// `Msg::Turn` when its turn comes. Who asks again with a better rank moves up.
    #[must_use]
    pub fn ask(&self, id: StationId, rank: Rank, now: DateTime<Utc>) -> bool {
        let mut desk = self.inner.desk.lock();
        let granted = desk.line.ask(id, rank, now);
        if !granted {
            desk.tally.waits(id, now);
            drop(desk);
            self.inner.stirred.notify_one();
        }
        granted
    }

    /// A check that must not wait is sent now, whatever waits; the others wait the longer.
    pub fn hurry(&self, id: StationId, now: DateTime<Utc>) {
        self.inner.desk.lock().line.hurry(id, now);
    }

    /// Its check needs no answer any more, or will get none: there is room for another.
    pub fn spare(&self, id: StationId) {
        self.inner.desk.lock().line.spare(id);
        self.inner.stirred.notify_one();
    }

    /// It is asked no more for now: it has said what it holds, says nothing, or is gone.
    pub fn over(&self, id: StationId, how: Ended, now: DateTime<Utc>) {
        let mut desk = self.inner.desk.lock();
        desk.line.leave(id);
        let ended = desk.tally.over(id, how, now);
        let is_empty = desk.line.is_empty();
        let ended = if is_empty { desk.tally.line_is_empty().or(ended) } else { ended };
        drop(desk);
        self.inner.stirred.notify_one();
        if let Some(ended) = ended {
            tell_end(&ended, now);
        }
    }

    /// How far the cabinets that came back together are; none while nobody has to wait.
    pub fn progress(&self) -> Option<Progress> {
        let desk = self.inner.desk.lock();
        desk.tally.progress(desk.line.waiting())
    }

    /// What waits, for the figures.
    pub fn note(&self, now: DateTime<Utc>) {
        let (waiting, progress) = {
            let desk = self.inner.desk.lock();
            let waiting = desk.line.waiting();
            (waiting, desk.tally.progress(waiting))
        };
        for (rank, count) in Rank::ALL.into_iter().zip(waiting) {
            metrics::CHECKS_WAITING.set(count, [rank.as_str()]);
        }
        let since = progress.as_ref().map_or(now, |progress| progress.since);
        let age = (now - since).to_std().unwrap_or_default();
        metrics::STORM_SECONDS.set(age.as_secs(), []);
        let left = progress.map_or(0, |progress| progress.total - progress.ended);
        metrics::STORM_LEFT.set(left, []);
    }

    fn take_turns(&self, now: DateTime<Utc>) -> Vec<StationId> {
        let mut desk = self.inner.desk.lock();
        let turns = desk.line.take_turns(now);
        let is_empty = desk.line.is_empty();
        let ended = if is_empty { desk.tally.line_is_empty() } else { None };
        drop(desk);
        if let Some(ended) = ended {
            tell_end(&ended, now);
        }
        turns
    }

    fn next_turn(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.inner.desk.lock().line.next_turn(now)
    }
}

/// Gives out the turns, as long as the node lives.
pub async fn run(context: Arc<Context>) {
    let storm = context.storm.clone();
    let every = TimeDelta::from_std(TOLD_EVERY).unwrap_or_default();
    let mut told_at = context.clock.now();
    loop {
        match storm.next_turn(context.clock.now()) {
            // an answer may make room before
            Some(at) => tokio::select! {
                biased;
                () = storm.inner.stirred.notified() => {}
                () = context.clock.sleep_until(at) => {}
            },
            None => storm.inner.stirred.notified().await,
        }
        let now = context.clock.now();
        for id in storm.take_turns(now) {
            context.stations.insist(id, Msg::Turn);
        }
        if now - told_at >= every
            && let Some(progress) = storm.progress()
        {
            told_at = now;
            tracing::info!(%progress, "cabinets came back together");
        }
    }
}

fn tell_end(ended: &Progress, now: DateTime<Utc>) {
    let took = (now - ended.since).to_std().unwrap_or_default();
    metrics::STORMS.observe(took, []);
    tracing::info!(progress = %ended, ?took, "the cabinets that came back together are reconciled");
}

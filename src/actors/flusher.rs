//! Telemetry on its way to the database: kept in memory, newest wins, written in batches every
//! few seconds. What waits here may be lost in a crash, and nothing else is.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::ids::{SlotKey, StationId};
use parking_lot::Mutex;

use super::Context;
use crate::metrics;
use crate::store::fact::RawFrame;
pub use crate::store::telemetry::{SlotNews, StationNews};

/// Everything that waits, taken at once.
#[derive(Debug, Default)]
pub struct Batch {
    pub stations: BTreeMap<StationId, StationNews>,
    pub slots: BTreeMap<(StationId, SlotKey), SlotNews>,
    pub frames: Vec<RawFrame>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.stations.is_empty() && self.slots.is_empty() && self.frames.is_empty()
    }
}

/// Writes what waits every few seconds; what cannot be written waits on.
pub async fn run(context: Arc<Context>) {
    loop {
        context.clock.sleep(context.settings.flush_every).await;
        flush(&context).await;
    }
}

/// Writes what waits at this moment.
pub async fn flush(context: &Context) {
    let batch = context.flusher.take();
    if batch.is_empty() {
        return;
    }
    let stations = batch.stations.values().cloned().collect();
    let slots = batch.slots.values().cloned().collect();
    if let Err(error) = context.store.flush(stations, slots, batch.frames.clone()).await {
        tracing::warn!(%error, "telemetry was not written, it waits");
        context.flusher.put_back(batch);
    }
}

/// Clones share one batch.
#[derive(Clone, Debug)]
pub struct Flusher {
    waiting: Arc<Mutex<Batch>>,
    frames_max: usize,
}

impl Flusher {
    /// `frames_max` raw frames may wait; more are dropped and counted.
    pub fn new(frames_max: usize) -> Flusher {
        Flusher { waiting: Arc::default(), frames_max }
    }

    pub fn station(&self, news: StationNews) {
        let mut waiting = self.waiting.lock();
        let known = waiting.stations.entry(news.station).or_insert_with(|| news.clone());
        if known.seq <= news.seq {
            let before = known.clone();
            *known = StationNews {
                heard_at: news.heard_at.or(before.heard_at),
                reported_at: news.reported_at.or(before.reported_at),
                whole_at: news.whole_at.or(before.whole_at),
                signal: news.signal.or(before.signal),
                backup: news.backup.or(before.backup),
                ..news
            };
        }
    }

    pub fn slot(&self, news: SlotNews) {
        self.waiting.lock().slots.insert((news.station, news.key), news);
    }

    pub fn frame(&self, frame: RawFrame) {
        let mut waiting = self.waiting.lock();
        if waiting.frames.len() < self.frames_max {
            waiting.frames.push(frame);
        } else {
            metrics::FLUSH_DROPPED.inc(["raw_frames"]);
        }
    }

    /// Takes everything that waits.
    pub fn take(&self) -> Batch {
        std::mem::take(&mut *self.waiting.lock())
    }

    /// Puts a batch back that could not be written; what came since wins.
    pub fn put_back(&self, batch: Batch) {
        let mut waiting = self.waiting.lock();
        for (station, news) in batch.stations {
            waiting.stations.entry(station).or_insert(news);
        }
        for (slot, news) in batch.slots {
            waiting.slots.entry(slot).or_insert(news);
        }
        let room = self.frames_max.saturating_sub(waiting.frames.len());
        let lost = batch.frames.len().saturating_sub(room);
        metrics::FLUSH_DROPPED.add(u64::try_from(lost).unwrap_or(u64::MAX), ["raw_frames"]);
        waiting.frames.extend(batch.frames.into_iter().take(room));
    }
}

//! Live updates for apps and dashboards: lossy by contract. A listener that was too slow, or
//! that knew another epoch, begins again from a snapshot; nothing here ever waits for one.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use super::availability::StationView;

#[cfg(test)]
mod tests;

/// Updates kept for listeners that come back.
const KEPT: usize = 1024;

/// One change, with its place in the stream.
#[derive(Clone, Debug)]
pub struct Update {
    /// Counts from 1 in each epoch.
    pub seq: u64,
    pub view: Arc<StationView>,
}

/// Clones share one stream.
#[derive(Clone, Debug)]
pub struct Feed {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    epoch: i64,
    kept: Mutex<Kept>,
    live: broadcast::Sender<Update>,
}

#[derive(Debug, Default)]
struct Kept {
    seq: u64,
    updates: VecDeque<Update>,
}

/// How a listener begins.
#[derive(Debug)]
pub enum Beginning {
    /// It missed only these.
    Resume(Vec<Update>),
    /// It has to forget all it knew; the next update has a number above this one.
    Reset { seq: u64 },
}

impl Feed {
    /// `epoch` is that of the lease: another instance is another stream.
    pub fn new(epoch: i64) -> Feed {
        let (live, _) = broadcast::channel(KEPT);
        Feed { inner: Arc::new(Inner { epoch, kept: Mutex::default(), live }) }
    }

    pub fn epoch(&self) -> i64 {
        self.inner.epoch
    }

    pub fn publish(&self, view: Arc<StationView>) {
        let mut kept = self.inner.kept.lock();
        kept.seq += 1;
        let update = Update { seq: kept.seq, view };
        if kept.updates.len() == KEPT {
            kept.updates.pop_front();
        }
        kept.updates.push_back(update.clone());
        // sent under the lock, so that updates are sent in their order; nobody may listen
        let _ = self.inner.live.send(update);
    }

    /// Listens from now on, after what was missed since `last` (epoch and number).
    pub fn subscribe(&self, last: Option<(i64, u64)>) -> (Beginning, broadcast::Receiver<Update>) {
        let kept = self.inner.kept.lock();
        let live = self.inner.live.subscribe();
        let oldest = kept.updates.front().map_or(kept.seq + 1, |update| update.seq);
        let beginning = match last {
            Some((epoch, seq)) if epoch == self.inner.epoch && seq + 1 >= oldest => {
                let missed = kept.updates.iter().filter(|update| update.seq > seq);
                Beginning::Resume(missed.cloned().collect())
            }
            Some(_) | None => Beginning::Reset { seq: kept.seq },
        };
        (beginning, live)
    }
}

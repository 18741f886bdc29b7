//! Cabinets that call without being enrolled: counted in memory, written every few seconds, so
//! that an operator finds them as pending. A crash may lose a few seconds of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::DeviceUuid;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::metrics;
use crate::store::Store;
pub use crate::store::telemetry::Stranger;

/// Cabinets that may wait to be written.
const WAITING_MAX: usize = 1_000;

/// Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Strangers {
    waiting: Arc<Mutex<BTreeMap<DeviceUuid, Stranger>>>,
}

impl Strangers {
    /// The newest call counts, and how many there were.
    pub fn note(&self, uuid: &DeviceUuid, call: Stranger) {
        let mut waiting = self.waiting.lock();
        if let Some(known) = waiting.get_mut(uuid) {
            known.calls += call.calls;
            known.at = known.at.max(call.at);
            known.address = call.address.or(known.address.take());
            known.hardware = call.hardware.or(known.hardware.take());
        } else if waiting.len() < WAITING_MAX {
            waiting.insert(uuid.clone(), call);
        } else {
            metrics::FLUSH_DROPPED.inc(["pending_cabinets"]);
        }
    }

    /// Writes what waits every `every`, as long as the node runs. `keep` rows are kept, the
    /// latest callers.
    pub async fn run(self, store: Store, clock: Clock, every: Duration, keep: usize) {
        loop {
            clock.sleep(every).await;
            self.flush(&store, keep).await;
        }
    }

    /// Writes what waits at this moment; what cannot be written waits on.
    pub async fn flush(&self, store: &Store, keep: usize) {
        let calls = std::mem::take(&mut *self.waiting.lock());
        if calls.is_empty() {
            return;
        }
        if let Err(error) = store.note_strangers(calls.clone(), keep).await {
            tracing::warn!(%error, "pending cabinets were not written, they wait");
            for (uuid, call) in calls {
                self.note(&uuid, call);
            }
        }
    }
}

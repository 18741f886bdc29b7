//! What the broker has counted since it started. Counts only; never decides.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Totals since the start of the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// CONNECT packets read. Those neither accepted nor refused found the broker full, were cut
    /// off, or are still being answered.
    pub attempted_connect: u64,
    /// Connections that became sessions.
    pub accepted_connect: u64,
    /// Connections refused: unknown client id, wrong user name or password, broker closing.
    pub refused_connect: u64,
    /// Connections that took the place of a live one with the same client id.
    pub taken_over: u64,
    /// Publishes (and last wills) refused by role, topic, retain flag or quality of service.
    pub denied_publish: u64,
    /// Publishes refused because the client's budget was spent.
    pub rate_limited: u64,
    /// Filters refused in a SUBSCRIBE.
    pub denied_subscribe: u64,
    /// Messages lost because a subscriber's queue was full.
    pub dropped_queue_full: u64,
    /// Messages for a cabinet that had become too old before they could be sent.
    pub dropped_expired: u64,
    /// Messages for a subscriber that was gone.
    pub dropped_gone: u64,
    /// Publishes nobody was subscribed to.
    pub unrouted: u64,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub attempted_connect: AtomicU64,
    pub accepted_connect: AtomicU64,
    pub refused_connect: AtomicU64,
    pub taken_over: AtomicU64,
    pub denied_publish: AtomicU64,
    pub rate_limited: AtomicU64,
    pub denied_subscribe: AtomicU64,
    pub dropped_queue_full: AtomicU64,
    pub dropped_expired: AtomicU64,
    pub dropped_gone: AtomicU64,
    pub unrouted: AtomicU64,
}

impl Tally {
    pub fn read(&self) -> Counters {
        Counters {
            attempted_connect: self.attempted_connect.load(Relaxed),
            accepted_connect: self.accepted_connect.load(Relaxed),
            refused_connect: self.refused_connect.load(Relaxed),
            taken_over: self.taken_over.load(Relaxed),
            denied_publish: self.denied_publish.load(Relaxed),
            rate_limited: self.rate_limited.load(Relaxed),
            denied_subscribe: self.denied_subscribe.load(Relaxed),
            dropped_queue_full: self.dropped_queue_full.load(Relaxed),
            dropped_expired: self.dropped_expired.load(Relaxed),
            dropped_gone: self.dropped_gone.load(Relaxed),
            unrouted: self.unrouted.load(Relaxed),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

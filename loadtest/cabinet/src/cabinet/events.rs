//! What happened to a cabinet, read one by one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::NotInTime;
use crate::clock::instant;
use crate::events::{Event, Seen};
use crate::shared::Shared;

/// Reads a cabinet's events in order. Events that were dropped before they were read are
/// skipped; see `Seen::seq`.
pub struct Events {
    shared: Arc<Shared>,
    news: watch::Receiver<u64>,
    next: u64,
}

impl Events {
    /// From now on.
    pub(super) fn of(shared: &Arc<Shared>) -> Events {
        let next = shared.look(|machine| machine.log().next_seq());
        Events { shared: Arc::clone(shared), news: shared.watch(), next }
    }

    /// From the oldest kept one on.
    pub(super) fn from_start(shared: &Arc<Shared>) -> Events {
        Events { next: 0, ..Events::of(shared) }
    }

    /// The next event; `None` when the cabinet has stopped and there are no more.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            self.news.mark_unchanged();
            if let Some(seen) = self.ready() {
                return Some(seen);
            }
            if self.shared.has_ended() {
                return None;
            }
            // the sender lives in `shared`
            let _ = self.news.changed().await;
        }
    }

    /// The next event if it has happened already.
    pub fn ready(&mut self) -> Option<Seen> {
        let seen = self.shared.look(|machine| machine.log().from(self.next).cloned())?;
        self.next = seen.seq + 1;
        Some(seen)
    }

    /// Reads on until `found` finds what it looks for.
    pub async fn until<R>(
        &mut self,
        what: &str,
        within: Duration,
        mut found: impl FnMut(&Event) -> Option<R>,
    ) -> Result<R, NotInTime> {
        let deadline = instant() + within;
        loop {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(seen)) => {
                    if let Some(result) = found(&seen.event) {
                        return Ok(result);
                    }
                }
                Ok(None) | Err(_) => return Err(self.shared.not_in_time(what, within)),
            }
        }
    }
}

//! One bound for the whole end of a node: every step gets a part of what is left, so that a part
//! that hangs costs the others some of their time, and the end none of its own.

use std::time::Duration;

use crate::clock::Clock;

/// An instant at which everything has ended.
#[derive(Clone, Debug)]
pub struct Deadline {
    clock: Clock,
    at: Duration,
}

impl Deadline {
    pub fn after(clock: &Clock, bound: Duration) -> Deadline {
        Deadline { clock: clock.clone(), at: clock.running() + bound }
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.at.saturating_sub(self.clock.running())
    }

    /// Waits for a step, at most for its part of what is left: `parts` steps of its length would
    /// fit. Warns of one that does not end.
    pub async fn step<F: Future>(&self, name: &str, parts: u32, step: F) -> Option<F::Output> {
        let bound = self.left() / parts.max(1);
        let done = tokio::time::timeout(bound, step).await.ok();
        if done.is_none() {
            tracing::warn!(step = name, ?bound, "this did not end in time and is left behind");
        }
        done
    }
}

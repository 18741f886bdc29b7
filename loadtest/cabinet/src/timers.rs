//! What is due when: an ordered queue without a clock of its own.

use std::collections::BTreeMap;
use std::time::Duration;

/// Things due at a time; of two due at the same time the one set first comes first.
#[derive(Debug)]
pub struct Timers<T> {
    queue: BTreeMap<(Duration, u64), T>,
    next: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers { queue: BTreeMap::new(), next: 0 }
    }
}

impl<T> Timers<T> {
    pub fn set(&mut self, due: Duration, thing: T) {
        self.queue.insert((due, self.next), thing);
        self.next += 1;
    }

    /// When the next thing is due.
    pub fn due(&self) -> Option<Duration> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes one thing that is due.
    pub fn pop(&mut self, now: Duration) -> Option<T> {
        let first = self.queue.first_entry()?;
        if first.key().0 <= now { Some(first.remove()) } else { None }
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.queue.retain(|_, thing| keep(thing));
    }
}

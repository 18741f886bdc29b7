//! The receipt that travels with a frame: it says when the broker may forget the frame. Never
//! acknowledges anything itself; it only tells the line how the frame ended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

#[cfg(test)]
mod tests;

/// One share of a frame's receipt. Every clone is a share of its own, and the frame is
/// acknowledged when all of them are confirmed. One that is dropped without confirmation (a
/// panic, an actor that stopped) makes the whole frame come again.
pub struct Ack {
    shares: Arc<Shares>,
    outcome: Outcome,
}

/// How a frame ended, the worst of its shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All of it is committed, or there was nothing to commit.
    Confirmed,
    /// The world was in the way (no database, no room); the frame itself is sound.
    Postponed,
    /// Somebody dropped it, perhaps because of the frame itself.
    Lost,
}

struct Shares {
    worst: AtomicU8,
    tell: Option<Box<dyn FnOnce(Outcome) + Send + Sync>>,
}

impl Ack {
    /// A receipt with one share. `tell` is called once, when the last share is gone, by the
    /// thread that had it: it must not block.
    pub fn new(tell: impl FnOnce(Outcome) + Send + Sync + 'static) -> Ack {
        let worst = AtomicU8::new(Outcome::Confirmed as u8);
        Ack {
            shares: Arc::new(Shares { worst, tell: Some(Box::new(tell)) }),
            outcome: Outcome::Lost,
        }
    }

    /// What this share stood for is committed, or changes nothing.
    pub fn confirm(mut self) {
        self.outcome = Outcome::Confirmed;
    }

    /// What this share stands for cannot be committed now, for reasons that pass: the frame
    /// comes again after a pause, as often as it takes.
    pub fn postpone(mut self) {
        self.outcome = Outcome::Postponed;
    }
}

impl Clone for Ack {
    fn clone(&self) -> Ack {
        Ack { shares: Arc::clone(&self.shares), outcome: Outcome::Lost }
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ack")
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        self.shares.worst.fetch_max(self.outcome as u8, Ordering::AcqRel);
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        let worst = match *self.worst.get_mut() {
            0 => Outcome::Confirmed,
            1 => Outcome::Postponed,
            _ => Outcome::Lost,
        };
        if let Some(tell) = self.tell.take() {
            tell(worst);
        }
    }
}

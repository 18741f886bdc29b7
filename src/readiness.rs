//! What a node still lacks before it may be used. Whoever owns a part says when it is up; the
//! HTTP server tells the outside, the node waits for it.

use std::sync::Arc;

use tokio::sync::watch;

#[cfg(test)]
mod tests;

/// A part that the service does not work without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What the database knows is in memory.
    Loaded,
    /// This node may write and eject.
    Lease,
    Database,
    Broker,
}

impl Part {
    pub const ALL: [Part; 4] = [Part::Loaded, Part::Lease, Part::Database, Part::Broker];

    pub fn as_str(self) -> &'static str {
        match self {
            Part::Loaded => "loaded",
            Part::Lease => "lease",
            Part::Database => "database",
            Part::Broker => "broker",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Part::Loaded => 1,
            Part::Lease => 2,
            Part::Database => 4,
            Part::Broker => 8,
        }
    }
}

/// Clones share one answer. At first every part is missing.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    up: Arc<watch::Sender<u8>>,
}

impl Readiness {
    pub fn new() -> Readiness {
        Readiness::default()
    }

    pub fn set(&self, part: Part, is_up: bool) {
        self.up.send_if_modified(|up| {
            let next = if is_up { *up | part.bit() } else { *up & !part.bit() };
            let changed = next != *up;
            *up = next;
            changed
        });
    }

    pub fn missing(&self) -> Vec<Part> {
        let up = *self.up.borrow();
        Part::ALL.into_iter().filter(|part| up & part.bit() == 0).collect()
    }

    pub fn is_ready(&self) -> bool {
        self.missing().is_empty()
    }

    /// Waits until every part is up.
    pub async fn ready(&self) {
        let mut up = self.up.subscribe();
        let all = Part::ALL.into_iter().fold(0, |bits, part| bits | part.bit());
        // the sender lives as long as this handle
        let _ = up.wait_for(|up| *up == all).await;
    }
}

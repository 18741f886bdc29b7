//! What waits between the broker and whoever reads the events. Putting something in never
//! waits: at a bound heartbeats are dropped, updates are refused and stay with the broker.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::ids::DeviceUuid;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Incoming, LinkEvent};
use crate::metrics;

#[cfg(test)]
mod tests;

/// Heartbeats that wait. One comes every ten minutes from each cabinet.
const HEARTS_MAX: usize = 4_096;

/// Session events that wait; whoever has more waits.
const SESSIONS_MAX: usize = 4_096;

/// The writing end. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    shared: Arc<Shared>,
}

/// The reading end. Ends when the link is closed and everything was read.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    /// What the reader was told: the number of the connection, if it is up.
    told: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    queues: Mutex<Queues>,
    updates_max: usize,
    /// Something to read.
    filled: Notify,
    /// Room for session events.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    /// The number of the connection that is up.
    up: Option<u64>,
    /// How many connections there were.
    ups: u64,
    ordered: VecDeque<Ordered>,
    updates: usize,
    sessions: usize,
    hearts: VecDeque<Incoming>,
    is_closed: bool,
}

#[derive(Debug)]
enum Ordered {
    Update(Incoming),
    Session { uuid: DeviceUuid, connected: bool },
}

/// An inbox that holds at most `updates_max` updates, and its reading end.
pub(super) fn inbox(updates_max: usize) -> (Inbox, Events) {
    let shared = Arc::new(Shared {
        queues: Mutex::default(),
        updates_max,
        filled: Notify::new(),
        emptied: Notify::new(),
    });
    (Inbox { shared: Arc::clone(&shared) }, Events { shared, told: None })
}

impl Inbox {
    pub fn up(&self) {
        let mut queues = self.shared.queues.lock();
        queues.ups += 1;
        queues.up = Some(queues.ups);
        drop(queues);
        self.shared.filled.notify_one();
    }

    pub fn down(&self) {
        self.shared.queues.lock().up = None;
        self.shared.filled.notify_one();
    }

    /// Gives the update back when there is no room.
    pub fn update(&self, update: Incoming) -> Result<(), Incoming> {
        let mut queues = self.shared.queues.lock();
        if queues.updates >= self.shared.updates_max || queues.is_closed {
            return Err(update);
        }
        queues.updates += 1;
        queues.ordered.push_back(Ordered::Update(update));
        drop(queues);
        self.shared.filled.notify_one();
        Ok(())
    }

    pub fn updates_waiting(&self) -> usize {
        self.shared.queues.lock().updates
    }

    /// Dropped and counted when there is no room.
    pub fn heart(&self, heart: Incoming) {
        let mut queues = self.shared.queues.lock();
        if queues.hearts.len() >= HEARTS_MAX || queues.is_closed {
            metrics::SHED.inc(["heartbeat"]);
            return;
        }
        queues.hearts.push_back(heart);
        drop(queues);
        self.shared.filled.notify_one();
    }

    /// Waits for room.
    pub async fn session(&self, uuid: DeviceUuid, connected: bool) {
        loop {
            let room = self.shared.emptied.notified();
            {
                let mut queues = self.shared.queues.lock();
                if queues.is_closed {
                    return;
                }
                if queues.sessions < SESSIONS_MAX {
                    queues.sessions += 1;
                    queues.ordered.push_back(Ordered::Session { uuid, connected });
                    break;
                }
            }
            room.await;
        }
        self.shared.filled.notify_one();
    }

    /// Nothing more goes in; `Down` and what is in can still be read.
    pub fn close(&self) {
        let mut queues = self.shared.queues.lock();
        queues.up = None;
        queues.is_closed = true;
        drop(queues);
        self.shared.filled.notify_one();
        self.shared.emptied.notify_waiters();
    }
}

impl Events {
    /// The next event: first whether the link is up, then updates and sessions in the order they
    /// came, then heartbeats. May be dropped without losing one. None when the link is closed.
    pub async fn next(&mut self) -> Option<LinkEvent> {
        loop {
            if let Some(event) = self.take() {
                return Some(event);
            }
            if self.shared.queues.lock().is_closed {
                return None;
            }
            self.shared.filled.notified().await;
        }
    }

    fn take(&mut self) -> Option<LinkEvent> {
        let mut queues = self.shared.queues.lock();
        if self.told != queues.up {
            if self.told.is_some() {
                self.told = None;
                return Some(LinkEvent::Down);
            }
            self.told = queues.up;
            return Some(LinkEvent::Up);
        }
        match queues.ordered.pop_front() {
            Some(Ordered::Update(update)) => {
                queues.updates -= 1;
                Some(LinkEvent::Message(update))
            }
            Some(Ordered::Session { uuid, connected }) => {
                queues.sessions -= 1;
                self.shared.emptied.notify_one();
                Some(LinkEvent::Session { uuid, connected })
            }
            None => queues.hearts.pop_front().map(LinkEvent::Message),
        }
    }
}

impl Drop for Events {
    /// Without a reader nothing more goes in, and what is in is not acknowledged.
    fn drop(&mut self) {
        let mut queues = self.shared.queues.lock();
        queues.is_closed = true;
        let unread = std::mem::take(&mut queues.ordered);
        queues.hearts.clear();
        drop(queues);
        drop(unread);
        self.shared.emptied.notify_waiters();
    }
}

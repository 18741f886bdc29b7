//! Where commands leave. A command goes to the connection that is up or nowhere: it is never
//! kept for the next one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use devices::topic::{Channel, Topics};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire::Sender;
use crate::clock::{Clock, Moment};
use crate::link::{Publish, PublishError};
use crate::metrics;

#[cfg(test)]
mod tests;

/// Commands handed to the connection and not written yet. Few, so that none becomes old there.
const UNWRITTEN_MAX: usize = 16;

/// Commands that wait for their turn.
const WAITING_MAX: usize = 1_024;

pub(super) struct Outlet {
    current: Mutex<Option<Current>>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    topics: Topics,
    clock: Clock,
}

struct Current {
    sender: Sender,
    /// The turns of the commands that are not written yet.
    unwritten: VecDeque<OwnedSemaphorePermit>,
}

impl Outlet {
    pub fn new(topics: Topics, clock: Clock) -> Outlet {
        let turns = Arc::new(Semaphore::new(UNWRITTEN_MAX));
        let waiting = AtomicUsize::new(0);
        Outlet { current: Mutex::new(None), turns, waiting, topics, clock }
    }

    pub fn open(&self, sender: Sender) {
        *self.current.lock() = Some(Current { sender, unwritten: VecDeque::new() });
    }

    /// The connection is gone, and what it did not write with it.
    pub fn shut(&self) {
        let current = self.current.lock().take();
        drop(current); // gives the turns back
    }

    pub fn is_open(&self) -> bool {
        self.current.lock().is_some()
    }

    /// The connection has written one command.
    pub fn written(&self) {
        let turn = self.current.lock().as_mut().and_then(|current| current.unwritten.pop_front());
        drop(turn);
    }

    pub async fn publish(&self, publish: Publish) -> Result<(), PublishError> {
        let command = publish.command;
        let result = self.send(publish).await;
        match result {
            Ok(()) => metrics::PUBLISHED.inc([command]),
            Err(_) => metrics::PUBLISH_FAILED.inc([command]),
        }
        result
    }

    async fn send(&self, publish: Publish) -> Result<(), PublishError> {
        if !self.is_open() {
            return Err(PublishError::Down);
        }
        let left = (publish.deadline - self.clock.now()).to_std();
        let left = left.map_err(|_| PublishError::TooLate)?;
        // whoever waits through a pause of the machine finds it on the wall alone
        let asked = Moment::of(&self.clock);
        let turn = self.turn(left).await?;
        self.hand_over(publish, asked.after(left), turn)
    }

    async fn turn(&self, left: Duration) -> Result<OwnedSemaphorePermit, PublishError> {
        let _waiting = Waiting::enter(&self.waiting).ok_or(PublishError::Full)?;
        let turn = self.clock.within(left, Arc::clone(&self.turns).acquire_owned()).await;
        turn.and_then(Result::ok).ok_or(PublishError::TooLate)
    }

    fn hand_over(
        &self,
        publish: Publish,
        until: Moment,
        turn: OwnedSemaphorePermit,
    ) -> Result<(), PublishError> {
        let mut current = self.current.lock();
        let current = current.as_mut().ok_or(PublishError::Down)?;
        let is_over = until.left(Moment::of(&self.clock)).is_zero();
        if is_over || self.clock.now() >= publish.deadline {
            return Err(PublishError::TooLate);
        }
        let topic = self.topics.format(&publish.uuid, Channel::Get);
        let handed = current.sender.publish_at_most_once(topic, publish.payload);
        handed.map_err(|_| PublishError::Full)?;
        current.unwritten.push_back(turn);
        Ok(())
    }
}

/// One of those who wait, as long as it lives.
struct Waiting<'o>(&'o AtomicUsize);

impl Waiting<'_> {
    fn enter(count: &AtomicUsize) -> Option<Waiting<'_>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::AcqRel) < WAITING_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

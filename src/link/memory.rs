//! A link without a broker, for simulations and tests: whoever holds it plays the broker and
//! the cabinets. Delivers what it is told to, keeps nothing, repeats nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::ids::DeviceUuid;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::ack::{Ack, Outcome};
use super::inbox::{Inbox, inbox};
use super::{Events, Incoming, Link, Publish, PublishError, TopicKind};
use crate::clock::Clock;

#[cfg(test)]
mod tests;

/// Commands that wait to be looked at; more are refused as `Full`.
const COMMANDS_MAX: usize = 1_024;

/// Updates that wait to be read.
const UPDATES_MAX: usize = 100_000;

/// A link that does what it is told. Starts down.
pub struct Memory {
    clock: Clock,
    inbox: Inbox,
    is_up: AtomicBool,
    commands: mpsc::Sender<Publish>,
    refusals: Mutex<VecDeque<PublishError>>,
}

/// The commands in the order they were published.
pub type Commands = mpsc::Receiver<Publish>;

/// A delivered update: tells how it ended.
pub struct Delivery(oneshot::Receiver<Outcome>);

impl Memory {
    pub fn new(clock: Clock) -> (Arc<Memory>, Events, Commands) {
        let (inbox, events) = inbox(UPDATES_MAX);
        let (commands, published) = mpsc::channel(COMMANDS_MAX);
        let refusals = Mutex::default();
        let is_up = AtomicBool::new(false);
        let memory = Memory { clock, inbox, is_up, commands, refusals };
        (Arc::new(memory), events, published)
    }

    /// The broker is there.
    pub fn raise(&self) {
        if !self.is_up.swap(true, Ordering::AcqRel) {
            self.inbox.up();
        }
    }

    /// The broker is gone.
    pub fn cut(&self) {
        self.is_up.store(false, Ordering::Release);
        self.inbox.down();
    }

    /// A cabinet comes or goes.
    pub async fn session(&self, uuid: &DeviceUuid, connected: bool) {
        self.inbox.session(uuid.clone(), connected).await;
    }

    /// A cabinet sends an update now.
    pub fn update(&self, uuid: &DeviceUuid, payload: impl Into<Bytes>) -> Delivery {
        let now = self.clock.now();
        self.deliver(uuid, payload.into(), true, now)
    }

    /// An update arrives now that was sent some time after `earliest`.
    pub fn backlog(
        &self,
        uuid: &DeviceUuid,
        payload: impl Into<Bytes>,
        earliest: DateTime<Utc>,
    ) -> Delivery {
        self.deliver(uuid, payload.into(), false, earliest)
    }

    /// A cabinet sends a heartbeat now.
    pub fn heart(&self, uuid: &DeviceUuid, payload: impl Into<Bytes>) {
        let (kind, payload, at) = (TopicKind::Heart, payload.into(), self.clock.now());
        let uuid = uuid.clone();
        self.inbox.heart(Incoming { uuid, kind, payload, at, live: true, earliest: at, ack: None });
    }

    /// The next command is refused for this reason, whether the link is up or not.
    pub fn refuse_next(&self, reason: PublishError) {
        self.refusals.lock().push_back(reason);
    }

    fn deliver(
        &self,
        uuid: &DeviceUuid,
        payload: Bytes,
        live: bool,
        earliest: DateTime<Utc>,
    ) -> Delivery {
        let (tell, told) = oneshot::channel();
        let ack = Ack::new(move |outcome| {
            let _ = tell.send(outcome); // nobody asks
        });
        let (uuid, kind, at) = (uuid.clone(), TopicKind::Update, self.clock.now());
        let update = Incoming { uuid, kind, payload, at, live, earliest, ack: Some(ack) };
        drop(self.inbox.update(update)); // without room it is lost, which the delivery tells
        Delivery(told)
    }
}

impl Delivery {
    /// Waits until the last share of the receipt is gone.
    pub async fn outcome(self) -> Outcome {
        self.0.await.unwrap_or(Outcome::Lost)
    }
}

#[async_trait]
impl Link for Memory {
    async fn publish(&self, publish: Publish) -> Result<(), PublishError> {
        if let Some(reason) = self.refusals.lock().pop_front() {
            return Err(reason);
        }
        if !self.is_up() {
            return Err(PublishError::Down);
        }
        if self.clock.now() >= publish.deadline {
            return Err(PublishError::TooLate);
        }
        self.commands.try_send(publish).map_err(|_| PublishError::Full)
    }

    fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    fn tells_sessions(&self) -> bool {
        true
    }

    fn complete_until(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn close(&self) {
        self.is_up.store(false, Ordering::Release);
        self.inbox.close();
    }
}

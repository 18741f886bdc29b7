//! The updates that are not acknowledged yet, in the order they came. Acknowledges from the
//! front only, and delivers again what failed.
//!
//! A frame that failed is delivered again from here: the broker keeps its copy and learns
//! nothing. Never waits for whoever reads.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::ids::DeviceUuid;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ack::{Ack, Outcome};
use super::inbox::Inbox;
use super::tide::Sent;
use super::{Incoming, TopicKind};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::metrics;
use crate::telemetry::Hush;
use held::{Held, Next, Receipt};

mod held;
#[cfg(test)]
mod tests;

/// How often the front is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Sends the acknowledgement of one packet.
pub(super) type Acknowledge = Box<dyn Fn(u16) + Send>;

pub(super) struct Line {
    state: Mutex<State>,
    inbox: Inbox,
    clock: Clock,
    entropy: Entropy,
    hush: Hush,
    frames_max: usize,
    /// There is something to repeat, sooner than before.
    scheduled: Notify,
    /// The front is a frame that was not kept.
    blocked: Notify,
    open: ::metrics::Gauge,
}

#[derive(Default)]
struct State {
    held: Held,
    acknowledge: Option<Acknowledge>,
}

/// What a cabinet sent, and when.
#[derive(Clone)]
pub(super) struct Frame {
    pub uuid: DeviceUuid,
    pub payload: Bytes,
    pub at: DateTime<Utc>,
    pub sent: Sent,
}

impl Line {
    /// Holds at most `frames_max` frames.
    pub fn new(inbox: Inbox, frames_max: usize, clock: Clock, entropy: Entropy) -> Arc<Line> {
        Arc::new(Line {
            state: Mutex::default(),
            inbox,
            hush: Hush::new(clock.clone()),
            clock,
            entropy,
            frames_max,
            scheduled: Notify::new(),
            blocked: Notify::new(),
            open: metrics::ACKS_OPEN.handle([]),
        })
    }

    /// A new connection: the broker repeats what was not acknowledged.
    pub fn begin(&self, acknowledge: Acknowledge) {
        self.restart(Some(acknowledge));
    }

    /// The connection is gone.
    pub fn end(&self) {
        self.restart(None);
    }

    /// A packet that needs nobody: acknowledged in its turn.
    pub fn settled(&self, packet_id: u16) {
        let mut state = self.state.lock();
        state.held.add_settled(packet_id);
        self.flush(&mut state);
    }

    /// Delivers a frame; it is acknowledged when its receipt is confirmed. Packet id 0: nobody
    /// waits for an acknowledgement, the rest is the same.
    pub fn enter(self: &Arc<Line>, packet_id: u16, frame: Frame) {
        let receipt = {
            let mut state = self.state.lock();
            let has_room = state.held.len() < self.frames_max;
            let now = self.clock.now();
            has_room.then(|| state.held.add(packet_id, frame.clone(), now))
        };
        let Some(receipt) = receipt else { return self.shed(packet_id, None) };
        if let Err(refused) = self.inbox.update(self.incoming(frame, receipt)) {
            self.shed(packet_id, Some((receipt, refused)));
        }
    }

    /// Delivers again what is due, for as long as the connection lives.
    pub async fn repeat(self: &Arc<Line>) {
        loop {
            let now = self.clock.now();
            for incoming in self.due(now) {
                if let Err(Incoming { ack: Some(ack), .. }) = self.inbox.update(incoming) {
                    ack.postpone();
                }
            }
            let next = self.state.lock().held.next_due();
            let look_at = now + LOOK_EVERY;
            tokio::select! {
                biased;
                () = self.scheduled.notified() => {}
                () = self.clock.sleep_until(next.unwrap_or(look_at).min(look_at)) => {}
            }
        }
    }

    /// Waits until nothing can be acknowledged without a new connection.
    pub async fn blocked(&self) {
        loop {
            self.blocked.notified().await;
            if self.state.lock().held.is_blocked() {
                return;
            }
        }
    }

    fn restart(&self, acknowledge: Option<Acknowledge>) {
        let mut state = self.state.lock();
        state.acknowledge = acknowledge;
        state.held.restart();
        self.open.set(0.0);
    }

    /// There is no room for a frame: it stays with the broker, or is gone if it was sent at
    /// most once.
    fn shed(&self, packet_id: u16, refused: Option<(Receipt, Incoming)>) {
        metrics::SHED.inc(["update"]);
        if let Some(held) = self.hush.pass("updates_wait_at_broker") {
            tracing::warn!(held, "too many updates wait here, the rest waits at the broker");
        }
        let mut state = self.state.lock();
        let receipt = refused.as_ref().map(|(receipt, _)| *receipt);
        state.held.give_up(packet_id, receipt);
        self.flush(&mut state);
        drop(state);
        drop(refused); // tells its outcome, which nobody waits for any more
    }

    fn incoming(self: &Arc<Line>, frame: Frame, receipt: Receipt) -> Incoming {
        let line: Weak<Line> = Arc::downgrade(self);
        let ack = Ack::new(move |outcome| {
            if let Some(line) = line.upgrade() {
                line.ended(receipt, outcome);
            }
        });
        let Frame { uuid, payload, at, sent: Sent { live, earliest } } = frame;
        Incoming { uuid, kind: TopicKind::Update, payload, at, live, earliest, ack: Some(ack) }
    }

    /// The last share of a receipt is gone.
    fn ended(&self, receipt: Receipt, outcome: Outcome) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        match state.held.ended(receipt, outcome, now, &self.entropy) {
            Next::Nothing => {}
            Next::Settled => self.flush(&mut state),
            Next::Again => self.scheduled.notify_one(),
        }
    }

    /// Acknowledges from the front as far as everything is settled.
    fn flush(&self, state: &mut State) {
        while let Some(packet_id) = state.held.take_settled() {
            if let Some(acknowledge) = &state.acknowledge
                && packet_id != 0
            {
                acknowledge(packet_id);
            }
        }
        if state.held.is_blocked() {
            self.blocked.notify_one();
        }
        self.open.set(u32::try_from(state.held.len()).map_or(f64::MAX, f64::from));
    }

    /// The frames whose time has come, with new receipts.
    fn due(self: &Arc<Line>, now: DateTime<Utc>) -> Vec<Incoming> {
        let is_read = self.inbox.updates_waiting() == 0;
        let again = self.state.lock().held.due(now, is_read);
        again.into_iter().map(|(frame, receipt)| self.incoming(frame, receipt)).collect()
    }
}

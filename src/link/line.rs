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
use super::watermark::Sent;
use super::{Incoming, TopicKind};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::metrics;
use crate::telemetry::LogLimit;
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
    warnings: LogLimit,
    bounds: Bounds,
    /// There is something to deliver, sooner than before.
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

/// How much a line holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Frames delivered and not confirmed; further ones wait here.
    pub out_max: usize,
    /// Bytes of all payloads; further frames stay with the broker.
    pub bytes_max: usize,
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
    pub fn new(inbox: Inbox, bounds: Bounds, clock: Clock, entropy: Entropy) -> Arc<Line> {
        Arc::new(Line {
            state: Mutex::default(),
            inbox,
            warnings: LogLimit::new(clock.clone()),
            clock,
            entropy,
            bounds,
            scheduled: Notify::new(),
            blocked: Notify::new(),
            open: metrics::ACKS_OPEN.handle([]),
        })
    }

    /// A new connection: the broker repeats what was not acknowledged.
    pub fn begin(&self, acknowledge: Acknowledge) {
        self.restart(Some(acknowledge));
    }

    /// The connection is gone. Of what the broker will send again: the earliest instant after
    /// which any of it was sent.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        let unsettled = self.state.lock().held.sent_after();
        self.restart(None);
        unsettled
    }

    /// A packet that needs nobody: acknowledged in its turn.
    pub fn settled(&self, packet_id: u16) {
        let mut state = self.state.lock();
        state.held.add_settled(packet_id);
        self.flush(&mut state);
    }

    /// Delivers a frame as soon as there is room; it is acknowledged when its receipt is
    /// confirmed. Packet id 0: nobody waits for an acknowledgement, the rest is the same.
    pub fn enter(self: &Arc<Line>, packet_id: u16, frame: Frame) {
        let mut state = self.state.lock();
        if state.held.bytes() + frame.payload.len() > self.bounds.bytes_max {
            state.held.add_unkept(packet_id, frame.sent.earliest);
            self.flush(&mut state);
            drop(state);
            return self.tell_shed();
        }
        state.held.add(packet_id, frame);
        drop(state);
        self.deliver();
    }

    /// Delivers what waits and what is due again, for as long as the connection lives.
    pub async fn repeat(self: &Arc<Line>) {
        loop {
            let is_read = self.inbox.updates_waiting() == 0;
            let now = self.clock.now();
            let due = self.state.lock().held.due(now, is_read);
            for (frame, receipt) in due {
                self.hand_out(frame, receipt);
            }
            self.deliver();
            let next = self.state.lock().held.next_due();
            let look_at = now + LOOK_EVERY;
            tokio::select! {
                biased;
                () = self.scheduled.notified() => {}
                () = self.clock.sleep_until(next.unwrap_or(look_at).min(look_at)) => {}
            }
        }
    }

    /// Delivers in the order of arrival as long as there is room. Only ever called by the task
    /// of the connection.
    fn deliver(self: &Arc<Line>) {
        loop {
            let next = self.state.lock().held.next_waiting(self.bounds.out_max, self.clock.now());
            let Some((frame, receipt)) = next else { return };
            self.hand_out(frame, receipt);
        }
    }

    fn hand_out(self: &Arc<Line>, frame: Frame, receipt: Receipt) {
        if let Err(Incoming { ack: Some(ack), .. }) =
            self.inbox.update(self.incoming(frame, receipt))
        {
            ack.postpone(); // the reader is far behind, perhaps with those of an old connection
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

    fn tell_shed(&self) {
        metrics::SHED.inc(["update"]);
        if let Some(held) = self.warnings.pass("updates_wait_at_broker") {
            tracing::warn!(held, "too many updates wait here, the rest waits at the broker");
        }
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
            Next::Again => self.scheduled.notify_one(),
            Next::Settled => {
                self.flush(&mut state);
                if state.held.has_waiting() {
                    self.scheduled.notify_one();
                }
            }
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
}

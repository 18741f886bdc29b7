//! The updates that are not acknowledged yet, in the order they came. Acknowledges from the
//! front only, delivers again what failed, and lets go of what fails for itself.
//!
//! A frame that failed is delivered again from here: the broker keeps its copy and learns
//! nothing. Never waits for whoever reads.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
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

#[cfg(test)]
mod tests;

/// A frame that was dropped this often is acknowledged all the same: it would hold up every
/// other cabinet for ever. The whole reports that follow tell what it said.
const LOSSES_MAX: u32 = 6;

/// The first pause before a frame comes again; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// A frame at the front that nobody answers for comes again after this; it doubles.
const STUCK_AFTER: TimeDelta = TimeDelta::seconds(60);
const STUCK_DOUBLINGS_MAX: u32 = 4;

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
    entries_max: usize,
    /// There is something to repeat, sooner than before.
    scheduled: Notify,
    /// The front is a frame that was not kept.
    blocked: Notify,
    open: ::metrics::Gauge,
}

#[derive(Default)]
struct State {
    /// Receipts of earlier connections are worth nothing.
    connection: u64,
    acknowledge: Option<Acknowledge>,
    /// The number of the front entry; numbers are never used twice.
    front: u64,
    entries: VecDeque<Entry>,
    /// What is delivered again, and when.
    due: BTreeSet<(DateTime<Utc>, u64)>,
}

struct Entry {
    /// 0: sent at most once, nobody waits for an acknowledgement.
    packet_id: u16,
    standing: Standing,
}

enum Standing {
    Open(Open),
    /// To be acknowledged as soon as it is at the front.
    Settled,
    /// Too much was waiting: only the broker has it. A new connection brings it again.
    Unkept,
}

struct Open {
    frame: Frame,
    /// Which delivery is the last one.
    delivery: u32,
    since: DateTime<Utc>,
    losses: u32,
    postponed: u32,
    stuck: u32,
}

/// What a cabinet sent, and when.
#[derive(Clone)]
pub(super) struct Frame {
    pub uuid: DeviceUuid,
    pub payload: Bytes,
    pub at: DateTime<Utc>,
    pub sent: Sent,
}

/// Which delivery a receipt belongs to.
#[derive(Clone, Copy)]
struct Receipt {
    connection: u64,
    number: u64,
    delivery: u32,
}

impl Line {
    /// Holds at most `entries_max` frames.
    pub fn new(inbox: Inbox, entries_max: usize, clock: Clock, entropy: Entropy) -> Arc<Line> {
        Arc::new(Line {
            state: Mutex::default(),
            inbox,
            hush: Hush::new(clock.clone()),
            clock,
            entropy,
            entries_max,
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
        state.entries.push_back(Entry { packet_id, standing: Standing::Settled });
        self.flush(&mut state);
    }

    /// Delivers a frame; it is acknowledged when its receipt is confirmed.
    pub fn enter(self: &Arc<Line>, packet_id: u16, frame: Frame) {
        let incoming = {
            let mut state = self.state.lock();
            let is_full = state.entries.len() >= self.entries_max;
            let standing = if is_full {
                Standing::unkept(packet_id)
            } else {
                Standing::Open(Open::new(frame.clone(), self.clock.now()))
            };
            let number = state.front + state.entries.len() as u64;
            state.entries.push_back(Entry { packet_id, standing });
            self.flush(&mut state);
            let receipt = Receipt { connection: state.connection, number, delivery: 0 };
            (!is_full).then(|| self.incoming(frame, receipt))
        };
        let Some(incoming) = incoming else { return self.shed(None) };
        if let Err(refused) = self.inbox.update(incoming) {
            self.shed(Some(refused));
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
            let next = self.state.lock().due.first().map(|(at, _)| *at);
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
            if self.state.lock().is_blocked() {
                return;
            }
        }
    }

    fn restart(&self, acknowledge: Option<Acknowledge>) {
        let mut state = self.state.lock();
        state.connection += 1;
        state.acknowledge = acknowledge;
        state.front += state.entries.len() as u64;
        state.entries.clear();
        state.due.clear();
        self.open.set(0.0);
    }

    /// The frame that was entered last finds no room: it stays with the broker.
    fn shed(&self, refused: Option<Incoming>) {
        metrics::SHED.inc(["update"]);
        if let Some(held) = self.hush.pass("updates_wait_at_broker") {
            tracing::warn!(held, "too many updates wait here, the rest waits at the broker");
        }
        let mut state = self.state.lock();
        if let Some(last) = state.entries.back_mut() {
            last.standing = Standing::unkept(last.packet_id);
        }
        self.flush(&mut state);
        drop(state);
        drop(refused); // tells its outcome, which nobody waits for any more
    }

    fn incoming(self: &Arc<Line>, frame: Frame, receipt: Receipt) -> Incoming {
        let weak: Weak<Line> = Arc::downgrade(self);
        let ack = Ack::new(move |outcome| {
            if let Some(line) = weak.upgrade() {
                line.ended(receipt, outcome);
            }
        });
        let Frame { uuid, payload, at, sent } = frame;
        let (live, earliest) = (sent.live, sent.earliest);
        Incoming { uuid, kind: TopicKind::Update, payload, at, live, earliest, ack: Some(ack) }
    }

    /// The last share of a receipt is gone.
    fn ended(&self, receipt: Receipt, outcome: Outcome) {
        let mut state = self.state.lock();
        if state.connection != receipt.connection || receipt.number < state.front {
            return;
        }
        let (front, now) = (state.front, self.clock.now());
        let at = usize::try_from(receipt.number - front).unwrap_or(usize::MAX);
        let Some(entry) = state.entries.get_mut(at) else { return };
        let Standing::Open(open) = &mut entry.standing else { return };
        let again = match outcome {
            Outcome::Confirmed => None,
            _ if open.delivery != receipt.delivery => return,
            Outcome::Postponed => Some(open.postpone(&self.entropy)),
            Outcome::Lost => open.lose(&self.entropy),
        };
        let Some(pause) = again else {
            if outcome == Outcome::Lost {
                open.set_aside();
            }
            entry.standing = Standing::Settled;
            self.flush(&mut state);
            return;
        };
        state.due.insert((now + pause, receipt.number));
        self.scheduled.notify_one();
    }

    /// Acknowledges from the front as far as everything is settled.
    fn flush(&self, state: &mut State) {
        while let Some(entry) = state.entries.front() {
            match entry.standing {
                Standing::Open(_) => break,
                Standing::Unkept => {
                    self.blocked.notify_one();
                    break;
                }
                Standing::Settled => {
                    if let Some(acknowledge) = &state.acknowledge
                        && entry.packet_id != 0
                    {
                        acknowledge(entry.packet_id);
                    }
                }
            }
            state.entries.pop_front();
            state.front += 1;
        }
        self.open.set(u32::try_from(state.entries.len()).map_or(f64::MAX, f64::from));
    }

    /// The frames whose time has come, with new receipts.
    fn due(self: &Arc<Line>, now: DateTime<Utc>) -> Vec<Incoming> {
        let is_read = self.inbox.updates_waiting() == 0;
        let mut state = self.state.lock();
        let mut numbers = Vec::new();
        while state.due.first().is_some_and(|(at, _)| *at <= now) {
            numbers.extend(state.due.pop_first().map(|(_, number)| number));
        }
        numbers.extend(state.stuck(now).filter(|_| is_read));
        let again = |number| {
            let (frame, receipt) = state.deliver_again(number, now)?;
            Some(self.incoming(frame, receipt))
        };
        numbers.into_iter().filter_map(again).collect()
    }
}

impl State {
    fn is_blocked(&self) -> bool {
        self.entries.front().is_some_and(|front| matches!(front.standing, Standing::Unkept))
    }

    /// The front, if nobody has answered for it for long.
    fn stuck(&mut self, now: DateTime<Utc>) -> Option<u64> {
        let is_due = self.due.iter().any(|(_, number)| *number == self.front);
        let Standing::Open(open) = &mut self.entries.front_mut()?.standing else { return None };
        metrics::OLDEST_UNACKED_SECONDS
            .set((now - open.frame.at).num_seconds().try_into().unwrap_or(0), []);
        if is_due || !open.is_stuck(now) {
            return None;
        }
        open.stuck += 1;
        metrics::REPEATED.inc(["stuck"]);
        let cabinet = &open.frame.uuid;
        tracing::warn!(
            cabinet.uuid = %cabinet, repeats = open.stuck,
            "nobody answers for a frame of cabinet {cabinet}, which holds up the acknowledgements"
        );
        Some(self.front)
    }

    fn deliver_again(&mut self, number: u64, now: DateTime<Utc>) -> Option<(Frame, Receipt)> {
        let at = usize::try_from(number.checked_sub(self.front)?).ok()?;
        let Standing::Open(open) = &mut self.entries.get_mut(at)?.standing else { return None };
        open.delivery += 1;
        open.since = now;
        let (connection, delivery) = (self.connection, open.delivery);
        Some((open.frame.clone(), Receipt { connection, number, delivery }))
    }
}

impl Standing {
    /// Without room. What was sent at most once is gone.
    fn unkept(packet_id: u16) -> Standing {
        if packet_id == 0 { Standing::Settled } else { Standing::Unkept }
    }
}

impl Open {
    fn new(frame: Frame, now: DateTime<Utc>) -> Open {
        Open { frame, delivery: 0, since: now, losses: 0, postponed: 0, stuck: 0 }
    }

    fn is_stuck(&self, now: DateTime<Utc>) -> bool {
        now - self.since >= STUCK_AFTER * (1 << self.stuck.min(STUCK_DOUBLINGS_MAX))
    }

    /// The pause before it comes again.
    fn postpone(&mut self, entropy: &Entropy) -> Duration {
        metrics::REPEATED.inc(["postponed"]);
        self.postponed += 1;
        entropy.backoff(self.postponed - 1, PAUSE_MIN, PAUSE_MAX)
    }

    /// The pause before it comes again; none when it was lost too often.
    fn lose(&mut self, entropy: &Entropy) -> Option<Duration> {
        self.losses += 1;
        if self.losses >= LOSSES_MAX {
            return None;
        }
        metrics::REPEATED.inc(["lost"]);
        Some(entropy.backoff(self.losses - 1, PAUSE_MIN, PAUSE_MAX))
    }

    fn set_aside(&self) {
        metrics::FRAMES_REFUSED.inc(["set_aside"]);
        let (cabinet, losses) = (&self.frame.uuid, self.losses);
        tracing::error!(
            cabinet.uuid = %cabinet, losses,
            "a frame of cabinet {cabinet} failed {losses} times and is set aside"
        );
    }
}

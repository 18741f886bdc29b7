//! The frames of one connection that are not acknowledged, and what becomes of each. Pure but
//! for counting and telling: it is told the time and decides.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Frame;
use crate::entropy::Entropy;
use crate::link::ack::Outcome;
use crate::metrics;

/// The first pause before a frame comes again; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(250);
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(8);

/// A frame that fails for itself is set aside, else it would hold up all other cabinets for
/// ever: it was dropped so often, for so long, while so many others were confirmed, and no
/// other cabinet's frame fails. The whole reports that follow tell what it said.
const LOSSES_MIN: u32 = 8;
const LOST_FOR_MIN: TimeDelta = TimeDelta::minutes(2);
const CONFIRMED_MIN: u64 = 8;

/// A frame at the front that nobody answers for comes again after this; it doubles.
const STUCK_AFTER: TimeDelta = TimeDelta::seconds(60);
const STUCK_DOUBLINGS_MAX: u32 = 4;

#[derive(Default)]
pub(super) struct Held {
    /// Receipts of earlier connections are worth nothing.
    connection: u64,
    /// The number of the front entry; numbers are never used twice.
    front: u64,
    entries: VecDeque<Entry>,
    /// The first that may not have been delivered.
    waiting_from: u64,
    /// How many are delivered and not settled.
    out: usize,
    /// Of all payloads.
    bytes: usize,
    /// What is delivered again, and when.
    due: BTreeSet<(DateTime<Utc>, u64)>,
    /// Frames confirmed so far.
    confirmed: u64,
}

/// Which delivery of which frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    connection: u64,
    number: u64,
    delivery: u32,
}

/// What follows from the end of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    Settled,
    Again,
}

struct Entry {
    /// 0: sent at most once, nobody waits for an acknowledgement.
    packet_id: u16,
    standing: Standing,
}

enum Standing {
    /// Not delivered yet.
    Waiting(Frame),
    Open(Open),
    /// To be acknowledged as soon as it is at the front.
    Settled,
    /// Too much was waiting: only the broker has it. A new connection brings it again, and it
    /// was sent after this.
    Unkept(DateTime<Utc>),
}

struct Open {
    frame: Frame,
    /// Which delivery is the last one.
    delivery: u32,
    since: DateTime<Utc>,
    losses: u32,
    postponed: u32,
    stuck: u32,
    /// When it was dropped first, and how many had been confirmed by then.
    lost: Option<(DateTime<Utc>, u64)>,
}

impl Held {
    /// Another connection: nothing is held.
    pub fn restart(&mut self) {
        let front = self.end();
        let (connection, confirmed) = (self.connection + 1, self.confirmed);
        *self = Held { connection, front, waiting_from: front, confirmed, ..Held::default() };
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Of all payloads that are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn add(&mut self, packet_id: u16, frame: Frame) {
        self.bytes += frame.payload.len();
        self.entries.push_back(Entry { packet_id, standing: Standing::Waiting(frame) });
    }

    pub fn add_settled(&mut self, packet_id: u16) {
        self.entries.push_back(Entry { packet_id, standing: Standing::Settled });
    }

    /// A frame there is no room for. What was sent at most once is gone.
    pub fn add_unkept(&mut self, packet_id: u16, sent_after: DateTime<Utc>) {
        let unkept = Standing::Unkept(sent_after);
        let standing = if packet_id == 0 { Standing::Settled } else { unkept };
        self.entries.push_back(Entry { packet_id, standing });
    }

    /// All that is not settled was sent after this.
    pub fn sent_after(&self) -> Option<DateTime<Utc>> {
        let unsettled = self.entries.iter().filter_map(|entry| match &entry.standing {
            Standing::Waiting(frame) => Some(frame.sent.earliest),
            Standing::Open(open) => Some(open.frame.sent.earliest),
            Standing::Unkept(sent_after) => Some(*sent_after),
            Standing::Settled => None,
        });
        unsettled.min()
    }

    pub fn has_waiting(&self) -> bool {
        self.waiting_from < self.end()
    }

    /// The next frame to deliver, if fewer than `out_max` are out.
    pub fn next_waiting(&mut self, out_max: usize, now: DateTime<Utc>) -> Option<(Frame, Receipt)> {
        self.waiting_from = self.waiting_from.max(self.front);
        while self.has_waiting() && self.out < out_max {
            let number = self.waiting_from;
            self.waiting_from += 1;
            let connection = self.connection;
            let Some(entry) = self.entry(number) else { continue };
            let Standing::Waiting(frame) = &entry.standing else { continue };
            let frame = frame.clone();
            entry.standing = Standing::Open(Open::new(frame.clone(), now));
            self.out += 1;
            return Some((frame, Receipt { connection, number, delivery: 0 }));
        }
        None
    }

    fn end(&self) -> u64 {
        self.front + self.entries.len() as u64
    }

    /// Takes the front if it is settled.
    pub fn take_settled(&mut self) -> Option<u16> {
        let front = self.entries.front()?;
        if !matches!(front.standing, Standing::Settled) {
            return None;
        }
        self.front += 1;
        self.entries.pop_front().map(|entry| entry.packet_id)
    }

    /// Whether the front is something only the broker has.
    pub fn is_blocked(&self) -> bool {
        self.entries.front().is_some_and(|front| matches!(front.standing, Standing::Unkept(_)))
    }

    pub fn ended(
        &mut self,
        receipt: Receipt,
        outcome: Outcome,
        now: DateTime<Utc>,
        entropy: &Entropy,
    ) -> Next {
        let confirmed = self.confirmed;
        if self.connection != receipt.connection {
            return Next::Nothing;
        }
        let Some(open) = self.open(receipt.number) else { return Next::Nothing };
        let pause = match outcome {
            Outcome::Confirmed => return self.settle(receipt.number),
            _ if open.delivery != receipt.delivery => return Next::Nothing,
            Outcome::Postponed => open.postpone(entropy),
            Outcome::Lost => open.lose(now, confirmed, entropy),
        };
        if self.fails_for_itself(receipt.number, now) {
            return self.set_aside(receipt.number);
        }
        self.due.insert((now + pause, receipt.number));
        Next::Again
    }

    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is to be delivered at `now`, and the front if nobody answers for it although
    /// everything `is_read`.
    pub fn due(&mut self, now: DateTime<Utc>, is_read: bool) -> Vec<(Frame, Receipt)> {
        let mut numbers = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) {
            numbers.extend(self.due.pop_first().map(|(_, number)| number));
        }
        numbers.extend(self.stuck(now).filter(|_| is_read));
        numbers.into_iter().filter_map(|number| self.deliver_again(number, now)).collect()
    }

    fn deliver_again(&mut self, number: u64, now: DateTime<Utc>) -> Option<(Frame, Receipt)> {
        let connection = self.connection;
        let open = self.open(number)?;
        open.delivery += 1;
        open.since = now;
        Some((open.frame.clone(), Receipt { connection, number, delivery: open.delivery }))
    }

    /// The front, if nobody has answered for it for long.
    fn stuck(&mut self, now: DateTime<Utc>) -> Option<u64> {
        let front = self.front;
        let is_due = self.due.iter().any(|(_, number)| *number == front);
        let Some(open) = self.open(front) else {
            metrics::OLDEST_UNACKED_SECONDS.set(0, []);
            return None;
        };
        let age_s = (now - open.frame.at).num_seconds();
        metrics::OLDEST_UNACKED_SECONDS.set(age_s.try_into().unwrap_or(0), []);
        let patience = STUCK_AFTER * (1 << open.stuck.min(STUCK_DOUBLINGS_MAX));
        if is_due || now - open.since < patience {
            return None;
        }
        open.stuck += 1;
        metrics::REPEATED.inc(["stuck"]);
        let cabinet = &open.frame.uuid;
        tracing::warn!(
            cabinet.uuid = %cabinet, age_s,
            "nobody answers for a frame of cabinet {cabinet}, which holds up the acknowledgements"
        );
        Some(front)
    }

    /// Whether it is this frame, and not the world, that makes it fail.
    fn fails_for_itself(&mut self, number: u64, now: DateTime<Utc>) -> bool {
        let confirmed = self.confirmed;
        let Some(open) = self.open(number) else { return false };
        let Some((first, confirmed_then)) = open.lost else { return false };
        let often = open.losses >= LOSSES_MIN && now - first >= LOST_FOR_MIN;
        if !often || confirmed - confirmed_then < CONFIRMED_MIN {
            return false;
        }
        let uuid = open.frame.uuid.clone();
        !self.entries.iter().any(|entry| match &entry.standing {
            Standing::Open(other) => other.frame.uuid != uuid && other.has_failed(),
            Standing::Waiting(_) | Standing::Settled | Standing::Unkept(_) => false,
        })
    }

    fn set_aside(&mut self, number: u64) -> Next {
        if let Some(open) = self.open(number) {
            metrics::FRAMES_REFUSED.inc(["set_aside"]);
            let (cabinet, losses) = (&open.frame.uuid, open.losses);
            tracing::error!(
                cabinet.uuid = %cabinet, losses,
                "a frame of cabinet {cabinet} failed {losses} times and is set aside"
            );
        }
        self.settle(number)
    }

    fn settle(&mut self, number: u64) -> Next {
        let Some(entry) = self.entry(number) else { return Next::Nothing };
        let before = std::mem::replace(&mut entry.standing, Standing::Settled);
        if let Standing::Open(open) = before {
            self.bytes -= open.frame.payload.len();
            self.out -= 1;
            self.confirmed += 1;
        }
        Next::Settled
    }

    fn open(&mut self, number: u64) -> Option<&mut Open> {
        match &mut self.entry(number)?.standing {
            Standing::Open(open) => Some(open),
            Standing::Waiting(_) | Standing::Settled | Standing::Unkept(_) => None,
        }
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let at = usize::try_from(number.checked_sub(self.front)?).ok()?;
        self.entries.get_mut(at)
    }
}

impl Open {
    fn new(frame: Frame, now: DateTime<Utc>) -> Open {
        let (delivery, losses, postponed, stuck) = (0, 0, 0, 0);
        Open { frame, delivery, since: now, losses, postponed, stuck, lost: None }
    }

    fn has_failed(&self) -> bool {
        self.losses > 0 || self.postponed > 0
    }

    /// The pause before it comes again.
    fn postpone(&mut self, entropy: &Entropy) -> Duration {
        metrics::REPEATED.inc(["postponed"]);
        self.postponed += 1;
        entropy.backoff(self.postponed - 1, PAUSE_MIN, PAUSE_MAX)
    }

    /// The pause before it comes again.
    fn lose(&mut self, now: DateTime<Utc>, confirmed: u64, entropy: &Entropy) -> Duration {
        metrics::REPEATED.inc(["lost"]);
        self.lost.get_or_insert((now, confirmed));
        self.losses += 1;
        entropy.backoff(self.losses - 1, PAUSE_MIN, PAUSE_MAX)
    }
}

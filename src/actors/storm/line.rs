//! The line of cabinets that wait for a check: by rank, then by who came first, each at most
//! once. Checks are paid from a credit that grows with time; the last of it is kept for those
//! before the rest.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::StationId;

/// A second, in the unit of the credit.
const SECOND: i64 = 1_000_000;
/// Kept for commands and returns: a quarter of a second's checks, however many of the rest wait.
const KEPT: i64 = SECOND / 4;
/// A line that was idle sends a second's checks at once.
const CREDIT_MAX: i64 = SECOND + KEPT;
/// Turns are given out together, so often at most.
const STEP: TimeDelta = TimeDelta::milliseconds(20);
/// The rest waits while so many seconds' checks have no answer: the cabinets, or we, are slow.
const UNANSWERED_S: u32 = 2;
/// Longer than a station waits for an answer: whose end is told by nobody, because its actor fell
/// over or was taken away, holds nobody up after this.
const UNANSWERED_MAX: TimeDelta = TimeDelta::seconds(30);

/// Who is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// An eject has no end, or a rider or an operator waits.
    Command,
    /// A bank is said to have come back.
    Return,
    Rest,
}

impl Rank {
    pub const ALL: [Rank; 3] = [Rank::Command, Rank::Return, Rank::Rest];

    pub fn as_str(self) -> &'static str {
        match self {
            Rank::Command => "command",
            Rank::Return => "return",
            Rank::Rest => "rest",
        }
    }
}

type Place = (Rank, u64);

#[derive(Debug)]
pub(super) struct Line {
    /// What one check costs.
    cost: i64,
    credit: i64,
    credited_at: DateTime<Utc>,
    waiting: BTreeMap<Place, StationId>,
    places: BTreeMap<StationId, Place>,
    arrived: u64,
    /// Since when.
    unanswered: BTreeMap<StationId, DateTime<Utc>>,
    unanswered_max: usize,
}

impl Line {
    pub fn new(pace: u32, now: DateTime<Utc>) -> Line {
        let pace = pace.clamp(1, 1_000_000);
        Line {
            cost: SECOND / i64::from(pace),
            credit: CREDIT_MAX,
            credited_at: now,
            waiting: BTreeMap::new(),
            places: BTreeMap::new(),
            arrived: 0,
            unanswered: BTreeMap::new(),
            unanswered_max: usize::try_from(pace * UNANSWERED_S).unwrap_or(usize::MAX),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait, by rank.
    pub fn waiting(&self) -> [u64; 3] {
        Rank::ALL.map(|rank| {
            let places = self.waiting.range((rank, 0)..=(rank, u64::MAX));
            u64::try_from(places.count()).unwrap_or(u64::MAX)
        })
    }

    pub fn ask(&mut self, id: StationId, rank: Rank, now: DateTime<Utc>) -> bool {
        self.earn(now);
        let before = self.take_place(id);
        let rank = before.map_or(rank, |(held, _)| held.min(rank));
        let is_first = self.waiting.first_key_value().is_none_or(|((first, _), _)| *first > rank);
        if is_first && self.affords(rank) {
            self.pay(id, now);
            return true;
        }
        let number = before.map_or_else(|| self.next_number(), |(_, number)| number);
        self.waiting.insert((rank, number), id);
        self.places.insert(id, (rank, number));
        false
    }

    pub fn hurry(&mut self, id: StationId, now: DateTime<Utc>) {
        self.earn(now);
        self.take_place(id);
        self.pay(id, now);
    }

    pub fn spare(&mut self, id: StationId) {
        self.unanswered.remove(&id);
    }

    pub fn leave(&mut self, id: StationId) {
        self.take_place(id);
        self.spare(id);
    }

    /// Those whose turn it is.
    pub fn take_turns(&mut self, now: DateTime<Utc>) -> Vec<StationId> {
        self.earn(now);
        let mut turns = Vec::new();
        while let Some(first) = self.waiting.first_entry() {
            let ((rank, _), id) = (*first.key(), *first.get());
            if !self.affords(rank) {
                break;
            }
            self.take_place(id);
            self.pay(id, now);
            turns.push(id);
        }
        turns
    }

    /// When the first in the line has its turn, or those that do not answer are given up; none
    /// while nobody waits.
    pub fn next_turn(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ((rank, _), _) = self.waiting.first_key_value()?;
        if self.is_held_up(*rank) {
            let oldest = self.unanswered.values().min()?;
            return Some((*oldest + UNANSWERED_MAX).max(now + STEP));
        }
        let earned = (now - self.credited_at).num_microseconds()?.max(0);
        let missing = self.price(*rank) - self.credit - earned;
        Some(now + TimeDelta::microseconds(missing).max(STEP))
    }

    fn earn(&mut self, now: DateTime<Utc>) {
        let passed = (now - self.credited_at).num_microseconds().unwrap_or(CREDIT_MAX).max(0);
        self.credit = self.credit.saturating_add(passed).min(CREDIT_MAX);
        self.credited_at = now;
        if self.unanswered.len() >= self.unanswered_max {
            self.unanswered.retain(|_, since| now - *since < UNANSWERED_MAX);
        }
    }

    fn price(&self, rank: Rank) -> i64 {
        match rank {
            Rank::Command | Rank::Return => self.cost,
            Rank::Rest => self.cost + KEPT,
        }
    }

    fn is_held_up(&self, rank: Rank) -> bool {
        rank == Rank::Rest && self.unanswered.len() >= self.unanswered_max
    }

    fn affords(&self, rank: Rank) -> bool {
        self.credit >= self.price(rank) && !self.is_held_up(rank)
    }

    /// Debts are bounded: one second after the last hurry the line moves again.
    fn pay(&mut self, id: StationId, now: DateTime<Utc>) {
        self.credit = (self.credit - self.cost).max(-SECOND);
        self.unanswered.insert(id, now);
    }

    fn take_place(&mut self, id: StationId) -> Option<Place> {
        let place = self.places.remove(&id)?;
        self.waiting.remove(&place);
        Some(place)
    }

    fn next_number(&mut self) -> u64 {
        self.arrived += 1;
        self.arrived
    }
}

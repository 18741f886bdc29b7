//! Facts that wait for a writer, and which of them may be written together.
//!
//! A fact claims the rows it writes. No two facts in work claim the same row, whichever writer
//! has them, and a fact never overtakes another one with which it shares a row. So two writers
//! neither wait for each other's rows nor reorder two facts of one row. Accounts of a rider may
//! repeat within one batch, where they are computed in order, and nowhere else.
//!
//! Batches begin a little apart. A fact that comes alone waits for nothing; of those that keep
//! coming, the ones of a few milliseconds share a transaction, which costs little more than one.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::ids::{IntentId, RentalId, RiderId, SlotKey, Sn, StationId, WithdrawalId};
use domain::refund::Purpose;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::metrics;
use crate::store::fact::{CommitError, Committed, Fact};

#[cfg(test)]
mod tests;

/// How many facts are looked at for one batch: those behind a claimed row stay behind it.
const LOOK: usize = 4;

pub type Answer = Result<Committed, CommitError>;

/// A fact and who waits for it.
pub struct Job {
    pub fact: Fact,
    claims: Claims,
    /// As `Clock::running` counts.
    pub queued: Duration,
    answer: oneshot::Sender<Answer>,
}

impl Job {
    /// A caller that went away is not told.
    pub fn reply(self, answer: Answer) {
        metrics::FACTS.inc([outcome(&answer)]);
        let _ = self.answer.send(answer);
    }
}

fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Ok(_) => "committed",
        Err(CommitError::NotSent) => "not_sent",
        Err(CommitError::Ambiguous) => "ambiguous",
        Err(CommitError::Stale(_)) => "stale",
        Err(CommitError::Conflict(_)) => "conflict",
        Err(CommitError::Short { .. }) => "short",
        Err(CommitError::Fenced) => "fenced",
        Err(CommitError::Busy) => "busy",
        Err(CommitError::Corrupt(_)) => "corrupt",
    }
}

/// A row, or a place in a unique index, that one fact at a time may write.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Rental(RentalId),
    /// The one open rental of a rider.
    OpenRental(RiderId),
    Bank(Sn),
    Slot(StationId, SlotKey),
    Station(StationId),
    Intent(IntentId),
    Withdrawal(WithdrawalId),
    /// What is left of it is given back by one fact at a time.
    Refund(Purpose),
    /// What a rider asked for in a day and a month is counted for one wish at a time.
    Withdrawals(RiderId),
    Key(String, String),
}

#[derive(Debug, Default)]
struct Claims {
    rows: Vec<Claim>,
    /// Riders whose accounts move.
    riders: Vec<RiderId>,
}

impl Claims {
    fn of(fact: &Fact) -> Claims {
        let mut rows = Vec::new();
        if let Some(write) = &fact.rental {
            let rental = &write.after;
            rows.push(Claim::Rental(rental.id));
            if rental.is_open() {
                rows.push(Claim::OpenRental(rental.rider));
            }
            if write.before.is_none() {
                rows.push(Claim::Bank(rental.bank.clone()));
                rows.push(Claim::Slot(rental.station, rental.key));
            }
        }
        rows.extend(fact.banks.iter().map(|bank| Claim::Bank(bank.sn.clone())));
        rows.extend(fact.slots.iter().map(|slot| Claim::Slot(slot.station, slot.key)));
        rows.extend(fact.station.iter().map(|station| Claim::Station(station.station)));
        rows.extend(fact.intent.iter().map(|intent| Claim::Intent(intent.intent())));
        if let Some(write) = &fact.withdrawal {
            rows.push(Claim::Withdrawal(write.id()));
            rows.extend(write.request().map(|new| Claim::Withdrawals(new.rider)));
        }
        rows.extend(fact.refund.iter().map(|write| Claim::Refund(write.purpose())));
        rows.extend(fact.key.iter().map(|k| Claim::Key(k.actor.clone(), k.key.clone())));
        let entries = fact.movements.iter().flat_map(domain::ledger::Movement::entries);
        let riders = entries.filter_map(|entry| entry.account.rider()).collect();
        Claims { rows, riders }
    }
}

/// Rows that are taken.
#[derive(Debug, Default)]
struct Taken {
    rows: HashSet<Claim>,
    riders: HashSet<RiderId>,
}

impl Taken {
    fn has_row_of(&self, claims: &Claims) -> bool {
        claims.rows.iter().any(|row| self.rows.contains(row))
    }

    fn has_any_of(&self, claims: &Claims) -> bool {
        self.has_row_of(claims) || claims.riders.iter().any(|rider| self.riders.contains(rider))
    }

    fn add(&mut self, claims: &Claims) {
        self.rows.extend(claims.rows.iter().cloned());
        self.riders.extend(claims.riders.iter().copied());
    }

    fn remove(&mut self, claims: &Claims) {
        for row in &claims.rows {
            self.rows.remove(row);
        }
        for rider in &claims.riders {
            self.riders.remove(rider);
        }
    }
}

/// Bounded: what does not fit is answered `Busy`.
pub struct Queue {
    state: Mutex<State>,
    wake: Notify,
    bound: usize,
    /// How far apart batches begin at least, unless one is full.
    apart: Duration,
    clock: Clock,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// By batches in work.
    taken: Taken,
    /// What newcomers are answered.
    closed: Option<CommitError>,
    /// When the last batch began, as `Clock::running` counts.
    began: Option<Duration>,
    /// A writer waits for the time of the next batch; it is for nobody else meanwhile.
    is_awaited: bool,
}

/// When a batch may begin.
struct Pace {
    /// This writer is the one that waited.
    has_waited: bool,
    apart: Duration,
    now: Duration,
}

/// What there is for a writer.
enum Next {
    /// They are claimed; whether others wait still.
    Jobs {
        jobs: Vec<Job>,
        more: bool,
    },
    /// A batch may begin after this.
    Soon(Duration),
    Nothing,
    Ended,
}

impl Queue {
    pub fn new(bound: usize, apart: Duration, clock: Clock) -> Queue {
        Queue { state: Mutex::default(), wake: Notify::new(), bound, apart, clock }
    }

    /// Takes a fact in; `now` as `Clock::running` counts.
    pub fn push(
        &self,
        fact: Fact,
        now: Duration,
    ) -> Result<oneshot::Receiver<Answer>, CommitError> {
        let claims = Claims::of(&fact);
        let (answer, answered) = oneshot::channel();
        let job = Job { fact, claims, queued: now, answer };
        let refused = {
            let mut state = self.state.lock();
            match &state.closed {
                Some(error) => Some(error.clone()),
                None if state.waiting.len() >= self.bound => Some(CommitError::Busy),
                None => {
                    state.waiting.push_back(job);
                    told(&state);
                    self.wake.notify_one();
                    return Ok(answered);
                }
            }
        };
        let error = refused.unwrap_or(CommitError::Busy);
        metrics::FACTS.inc([outcome(&Err(error.clone()))]);
        Err(error)
    }

    pub fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// The next facts that may be written together, at most `max`; `None` when the queue is
    /// closed and empty.
    pub async fn next(self: &Arc<Queue>, max: usize) -> Option<Batch> {
        let mut has_waited = false;
        loop {
            let woken = self.wake.notified();
            let pace = Pace { has_waited, apart: self.apart, now: self.clock.running() };
            let next = self.state.lock().next(max, pace);
            has_waited = false;
            match next {
                Next::Jobs { jobs, more } => {
                    if more {
                        self.wake.notify_one();
                    }
                    return Some(Batch { queue: Arc::clone(self), jobs, taken: Vec::new() });
                }
                Next::Soon(wait) => {
                    self.clock.sleep(wait).await;
                    has_waited = true;
                }
                Next::Nothing => woken.await,
                Next::Ended => {
                    self.wake.notify_one();
                    return None;
                }
            }
        }
    }

    /// Answers `NotSent` to facts that wait since before `queued`.
    pub fn expire(&self, queued: Duration) {
        let expired: Vec<Job> = {
            let mut state = self.state.lock();
            let young = state.waiting.iter().position(|job| job.queued > queued);
            let count = young.unwrap_or(state.waiting.len());
            let expired = state.waiting.drain(..count).collect();
            told(&state);
            expired
        };
        for job in expired {
            job.reply(Err(CommitError::NotSent));
        }
    }

    /// Takes no more facts in; those that wait are still written.
    pub fn finish(&self) {
        self.state.lock().closed.get_or_insert(CommitError::NotSent);
        self.wake.notify_one();
    }

    /// Takes no more facts in and answers `error` to all that wait.
    pub fn close(&self, error: &CommitError) {
        let waiting = {
            let mut state = self.state.lock();
            state.closed = Some(error.clone());
            let waiting = std::mem::take(&mut state.waiting);
            told(&state);
            waiting
        };
        for job in waiting {
            job.reply(Err(error.clone()));
        }
        self.wake.notify_one();
    }
}

fn told(state: &State) {
    let waiting = u64::try_from(state.waiting.len()).unwrap_or(u64::MAX);
    metrics::WRITER_BACKLOG.set(waiting, []);
}

impl State {
    fn next(&mut self, max: usize, pace: Pace) -> Next {
        if self.is_awaited && !pace.has_waited {
            return Next::Nothing;
        }
        self.is_awaited = false;
        let since = self.began.map_or(pace.apart, |began| pace.now.saturating_sub(began));
        let wait = pace.apart.saturating_sub(since);
        let may_wait = !self.waiting.is_empty() && self.waiting.len() < max;
        if may_wait && !wait.is_zero() && !pace.has_waited && self.closed.is_none() {
            self.is_awaited = true;
            return Next::Soon(wait);
        }
        let jobs = self.gather(max);
        if !jobs.is_empty() {
            self.began = Some(pace.now);
            told(self);
            return Next::Jobs { jobs, more: !self.waiting.is_empty() };
        }
        match &self.closed {
            Some(_) if self.waiting.is_empty() => Next::Ended,
            _ => Next::Nothing,
        }
    }

    fn gather(&mut self, max: usize) -> Vec<Job> {
        let mut batch = Taken::default();
        let mut behind = Taken::default();
        let mut jobs = Vec::new();
        let mut skipped = Vec::new();
        for _ in 0..max.saturating_mul(LOOK) {
            if jobs.len() >= max {
                break;
            }
            let Some(job) = self.waiting.pop_front() else { break };
            let claims = &job.claims;
            let waits = self.taken.has_any_of(claims)
                || behind.has_any_of(claims)
                || batch.has_row_of(claims);
            if waits {
                behind.add(claims);
                skipped.push(job);
            } else {
                batch.add(claims);
                jobs.push(job);
            }
        }
        for job in skipped.into_iter().rev() {
            self.waiting.push_front(job);
        }
        self.taken.rows.extend(batch.rows);
        self.taken.riders.extend(batch.riders);
        jobs
    }
}

/// Facts in work. Their rows are free again when it is dropped.
pub struct Batch {
    queue: Arc<Queue>,
    jobs: Vec<Job>,
    taken: Vec<Claims>,
}

impl Batch {
    /// The facts, in the order in which they came. Their rows stay claimed by the batch.
    pub fn take(&mut self) -> Vec<Job> {
        let mut jobs = std::mem::take(&mut self.jobs);
        self.taken.extend(jobs.iter_mut().map(|job| std::mem::take(&mut job.claims)));
        jobs
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut state = self.queue.state.lock();
        for claims in self.taken.iter().chain(self.jobs.iter().map(|job| &job.claims)) {
            state.taken.remove(claims);
        }
        drop(state);
        self.queue.wake.notify_one();
    }
}

//! One actor per open rental, and the only writer of that rental. It decides nothing:
//! `domain::rental` decides; this file asks, commits, and tells. A cancelled rental's actor
//! stays for as long as a late answer of the cabinet may reopen it.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RentalId};
use domain::rental::{Command, Phase, Refusal};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::Context;
use super::directory::Stored;
use super::go_ahead::GoAhead;
use super::mailbox::{Depth, Mailbox};
use super::timers::{Alarm, Generation};
use crate::link::Ack;
use crate::store::fact::{AuditEntry, CommitError, KeyWrite, RawFrame, Row};

mod aftermath;
mod commit;

/// Messages that may wait for one rental.
pub const MAILBOX_MAX: usize = 64;
/// Commands kept while the database is away.
const WAITING_MAX: usize = 32;

pub struct RentalActor;

pub enum Msg {
    Execute(Box<Job>),
    /// The row as the database has it, after doubt about a commit.
    Reread(Option<Box<Stored>>),
    Tick(Generation),
}

/// A command with everything that goes with it.
pub struct Job {
    pub command: Command,
    pub cause: Cause,
    pub key: Option<KeyWrite>,
    pub audit: Option<AuditEntry>,
    /// The payment that this is done with, once.
    pub resumes: Option<IntentId>,
    pub reply: Option<RpcReplyPort<Result<Arc<Stored>, Error>>>,
}

/// The message of a cabinet that a command comes from.
#[derive(Debug, Default)]
pub struct Cause {
    /// Stored with the fact; without a fact by the flusher.
    pub frame: Option<RawFrame>,
    pub ack: Option<Ack>,
}

impl Cause {
    /// A further holder's part of the receipt, without the frame.
    #[must_use]
    pub fn part(&self) -> Cause {
        Cause { frame: None, ack: self.ack.clone() }
    }
}

impl Msg {
    /// A command that comes from the service itself.
    pub fn internal(command: Command) -> Msg {
        Msg::caused(command, Cause::default())
    }

    pub fn caused(command: Command, cause: Cause) -> Msg {
        let (key, audit, resumes, reply) = (None, None, None, None);
        Msg::Execute(Box::new(Job { command, cause, key, audit, resumes, reply }))
    }
}

/// Why a command changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another request with the same key was first.
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("the rental cannot be changed at this moment")]
    Unavailable,
}

pub struct Args {
    pub stored: Arc<Stored>,
    /// Start the eject: only for a rental that was committed by this process a moment ago.
    pub publish: bool,
    pub depth: Depth,
    pub context: Arc<Context>,
}

pub struct State {
    current: Arc<Stored>,
    /// Of the eject; none where it may have been sent before the service started.
    go_ahead: Option<GoAhead>,
    mode: Mode,
    /// Commands that wait for the database; the first one is the next.
    waiting: VecDeque<Job>,
    retry_at: Option<DateTime<Utc>>,
    retries: u32,
    over: bool,
    /// Its door is struck: who comes now meets another actor.
    left: bool,
    alarm: Alarm,
    myself: Mailbox<Msg>,
    depth: Depth,
    context: Arc<Context>,
}

enum Mode {
    Ready,
    /// A commit may have been written or not; the row is being read.
    Rereading(Box<commit::Prepared>),
}

impl Actor for RentalActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let Args { stored, publish, depth, context } = args;
        let myself = Mailbox::new(myself, depth.clone(), MAILBOX_MAX, "rental");
        context.rentals.open(stored.rental.id, myself.clone());
        context.rentals.learn(Arc::clone(&stored));
        let mut state = State {
            current: stored,
            go_ahead: None,
            mode: Mode::Ready,
            waiting: VecDeque::new(),
            retry_at: None,
            retries: 0,
            over: false,
            left: false,
            alarm: Alarm::default(),
            myself,
            depth,
            context,
        };
        if publish {
            state.ask_for_eject();
        } else {
            state.ask_after_eject();
        }
        state.raise_doubts();
        state.arm();
        Ok(state)
    }

    #[tracing::instrument(name = "rental", level = "debug", skip_all,
        fields(rental.id = %state.id()))]
    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.depth.taken();
        match message {
            Msg::Execute(job) => state.execute(*job).await?,
            Msg::Reread(stored) => state.reread(stored.map(|stored| *stored)).await?,
            Msg::Tick(generation) => state.tick(generation).await?,
        }
        state.arm();
        if state.is_over() && !state.left {
            state.left = true;
            let station = state.current.rental.station;
            state.context.forget_unsettled(station, state.id());
            state.context.rentals.strike(state.id());
            state.leave(&myself);
        }
        Ok(())
    }
}

impl State {
    fn id(&self) -> RentalId {
        self.current.rental.id
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    async fn execute(&mut self, job: Job) -> Result<(), ActorProcessingErr> {
        if matches!(self.mode, Mode::Ready) && self.waiting.is_empty() {
            return self.run(job).await;
        }
        self.wait(job);
        Ok(())
    }

    /// Keeps what the service itself wants until the database answers; whoever waits for an
    /// answer is told to come back.
    fn wait(&mut self, job: Job) {
        match job.reply {
            Some(reply) => drop(reply.send(Err(Error::Unavailable))),
            None if self.waiting.len() < WAITING_MAX => self.waiting.push_back(job),
            // the cabinet's word comes again when there is room
            None => job.cause.ack.map_or((), crate::link::Ack::postpone),
        }
    }

    async fn run_waiting(&mut self) -> Result<(), ActorProcessingErr> {
        while matches!(self.mode, Mode::Ready) && self.retry_at.is_none() {
            let Some(job) = self.waiting.pop_front() else { break };
            self.run(job).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, generation: Generation) -> Result<(), ActorProcessingErr> {
        if !self.alarm.is_due(generation) {
            return Ok(());
        }
        let now = self.now();
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            self.run_waiting().await?;
        }
        let command = match self.current.rental.phase {
            Phase::Dispensing if self.current.settle_until <= now => Command::GiveUp,
            Phase::Active { due_at, .. } if due_at <= now => Command::FallDue,
            Phase::Cancelled { .. } if self.current.settle_until <= now => {
                // a late answer that waits to be stored may reopen it
                self.over = self.waiting.is_empty();
                return Ok(());
            }
            Phase::Dispensing
            | Phase::Active { .. }
            | Phase::Overdue { .. }
            | Phase::Completed { .. }
            | Phase::Cancelled { .. } => return Ok(()),
        };
        let Msg::Execute(job) = Msg::internal(command) else { return Ok(()) };
        self.execute(*job).await
    }

    /// Sets the alarm to what is due next.
    fn arm(&mut self) {
        let stored = &self.current;
        let phase_due = match stored.rental.phase {
            Phase::Dispensing | Phase::Cancelled { .. } => Some(stored.settle_until),
            Phase::Active { due_at, .. } => Some(due_at),
            Phase::Overdue { .. } | Phase::Completed { .. } => None,
        };
        // while commands wait, only their retry is due
        let phase_due = phase_due.filter(|_| self.waiting.is_empty());
        let rereading = matches!(self.mode, Mode::Rereading(_));
        let due = [phase_due, self.retry_at].into_iter().flatten().min().filter(|_| !rereading);
        self.alarm.set(due, &self.context.clock, &self.myself, Msg::Tick);
    }

    fn is_over(&self) -> bool {
        let completed = matches!(self.current.rental.phase, Phase::Completed { .. });
        let over = self.over && !self.current.rental.is_open();
        (over || completed) && self.waiting.is_empty() && matches!(self.mode, Mode::Ready)
    }

    /// What waits for a rental that is completed is heard and changes nothing. A cancelled one
    /// could still be reopened by it: that comes again, to whoever looks after the bank then.
    fn leave(&self, myself: &ActorRef<Msg>) {
        if self.over {
            myself.stop(None);
        } else {
            let _ = myself.drain(); // one that has stopped hears nothing more
        }
    }

    fn later(&mut self) {
        let pause = self.context.backoff(self.retries);
        self.retries = self.retries.saturating_add(1);
        self.retry_at = Some(self.now() + pause);
    }
}

/// What became of a commit.
enum Outcome {
    Done,
    /// Decide again with what the database has.
    Again,
    /// Nothing was written; try later.
    Later,
    /// Nobody knows yet.
    Doubt,
    KeyUsed,
}

impl From<&CommitError> for Outcome {
    fn from(error: &CommitError) -> Outcome {
        use crate::store::fact::Conflict;
        match error {
            CommitError::Conflict(Conflict::KeyUsed) | CommitError::Stale(Row::Intent) => {
                Outcome::KeyUsed
            }
            CommitError::NotSent | CommitError::Busy | CommitError::Fenced => Outcome::Later,
            // an older commit in doubt was written after all, perhaps
            CommitError::Ambiguous | CommitError::Stale(Row::Rental) => Outcome::Doubt,
            CommitError::Stale(_)
            | CommitError::Short { .. }
            | CommitError::Conflict(_)
            | CommitError::Corrupt(_) => Outcome::Again,
        }
    }
}

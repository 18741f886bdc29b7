//! Writes facts: one task per connection, one batch in flight while the next gathers.
//!
//! A batch is one transaction: one statement locks and reads, and one writes all tables. What is
//! known to be refused (stale, short of money, a key that was used) is left out before anything
//! is written; what the database refuses, or what a writer panics over, rolls the batch back, and
//! its facts run again singly, so that each gets its own answer. Nothing is sent twice once COMMIT
//! was sent.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::error::{Failure, Fault};
use super::fact::{CommitError, Fact};
use super::lease::Gate;
use super::session::Session;
use super::settings::Settings;
use super::{Inner, connect};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::{failpoint, metrics, spawn};

mod admission;
mod banks;
mod intents;
mod invoices;
mod ledger;
mod notes;
mod queue;
mod refunds;
pub(super) mod rentals;
pub(super) mod script;
mod stations;
mod withdrawals;

pub(super) use queue::Queue;
use queue::{Answer, Batch, Job};
use script::Script;

/// How often one fact is tried again after a deadlock, a lock timeout or a full disk.
const TRIES: u32 = 4;

/// What a writer works with.
#[derive(Clone)]
pub(super) struct Args {
    queue: Arc<Queue>,
    gate: Arc<Gate>,
    owed: Arc<Notify>,
    options: PgConnectOptions,
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
}

impl Args {
    pub fn of(inner: &Inner) -> Args {
        Args {
            queue: Arc::clone(&inner.queue),
            gate: Arc::clone(&inner.gate),
            owed: Arc::clone(&inner.owed),
            options: connect::for_facts(&inner.options, &inner.settings),
            settings: inner.settings.clone(),
            clock: inner.clock.clone(),
            entropy: inner.entropy.clone(),
        }
    }
}

/// Writes until the queue is closed. A panic before the commit costs the one fact that causes it;
/// behind that point, what a writer has in work when it panics is answered `Ambiguous`.
pub(super) async fn run(args: Args) {
    Writer { args, session: None }.run().await;
}

struct Writer {
    args: Args,
    session: Option<Session>,
}

impl Writer {
    async fn run(mut self) {
        let queue = Arc::clone(&self.args.queue);
        while let Some(mut batch) = queue.next(self.args.settings.batch_max.max(1)).await {
            self.write(&mut batch).await;
        }
    }

    async fn write(&mut self, batch: &mut Batch) {
        let together = self.settle(batch.take()).await;
        if together.len() > 1 {
            metrics::BATCHES_SPLIT.inc([]);
        }
        for job in together {
            self.settle(vec![job]).await;
        }
    }

    /// Answers all `jobs`, or gives them back when they have to be run singly.
    async fn settle(&mut self, mut jobs: Vec<Job>) -> Vec<Job> {
        let mut tries = 0;
        while !jobs.is_empty() {
            let facts: Vec<&Fact> = jobs.iter().map(|job| &job.fact).collect();
            let failure = match self.attempt(&facts).await {
                Ok(answers) => return self.answer(jobs, answers),
                Err(failure) => failure,
            };
            match failure {
                Failure::Refused(_) | Failure::Transient if jobs.len() > 1 => return jobs,
                Failure::Refused(error) => reply(jobs, &error),
                Failure::Ambiguous => reply(jobs, &CommitError::Ambiguous),
                Failure::Fenced => self.fenced(jobs),
                Failure::Transient if tries < TRIES => {
                    self.pause(tries).await;
                    tries += 1;
                    continue;
                }
                Failure::Transient => reply(jobs, &CommitError::NotSent),
                Failure::Lost => {
                    jobs = self.young(jobs);
                    self.pause(tries).await;
                    tries += 1;
                    continue;
                }
            }
            return Vec::new();
        }
        jobs
    }

    /// One transaction: for each fact its answer, if it was committed.
    async fn attempt(&mut self, facts: &[&Fact]) -> Result<Vec<Answer>, Failure> {
        let args = &self.args;
        let (bound, began) = (args.settings.silence_max(), args.clock.running());
        let epoch = args.gate.epoch().ok_or(Failure::Fenced)?;
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::connect(&args.options, &args.settings).await?,
        };
        // Time on the wire is the runtime's: a test that jumps ahead is no silence.
        let written = transaction(&mut session, epoch, facts, &args.entropy);
        let answers = match timeout(bound, AssertUnwindSafe(written).catch_unwind()).await {
            // the session goes with whatever it was in the middle of
            Ok(Err(panic)) => return Err(fell_over(&*panic)),
            Err(_) | Ok(Ok(Err(Failure::Lost))) => return Err(Failure::Lost),
            Ok(Ok(Err(failure))) => {
                session.rollback().await;
                self.session = Some(session);
                return Err(failure);
            }
            Ok(Ok(Ok(answers))) => answers,
        };
        if !answers.iter().any(Result::is_ok) {
            session.rollback().await;
            self.session = Some(session);
            return Ok(answers);
        }
        match timeout(bound, session.commit()).await {
            Ok(Ok(())) => self.session = Some(session),
            Ok(Err(error)) => return Err(at_commit(&error)),
            Err(_) => return Err(Failure::Ambiguous),
        }
        metrics::COMMIT_SECONDS.observe(args.clock.running().saturating_sub(began), []);
        metrics::COMMIT_ROWS.record(u32::try_from(facts.len()).unwrap_or(u32::MAX), []);
        Ok(answers)
    }

    fn answer(&self, jobs: Vec<Job>, answers: Vec<Answer>) -> Vec<Job> {
        for (job, answer) in jobs.into_iter().zip(answers) {
            if answer.is_ok() && !job.fact.effects.is_empty() {
                self.args.owed.notify_one();
            }
            job.reply(answer);
        }
        Vec::new()
    }

    fn fenced(&self, jobs: Vec<Job>) {
        self.args.gate.lose();
        self.args.queue.close(&CommitError::Fenced);
        reply(jobs, &CommitError::Fenced);
    }

    /// Answers what has waited too long for a database that is away, here and in the queue.
    fn young(&self, jobs: Vec<Job>) -> Vec<Job> {
        let now = self.args.clock.running();
        let Some(limit) = now.checked_sub(self.args.settings.patience) else { return jobs };
        self.args.queue.expire(limit);
        let (old, young): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.queued <= limit);
        reply(old, &CommitError::NotSent);
        young
    }

    async fn pause(&self, attempt: u32) {
        if attempt > 0 {
            self.args.clock.sleep(connect::pause(&self.args.entropy, attempt)).await;
        }
    }
}

fn reply(jobs: Vec<Job>, error: &CommitError) {
    for job in jobs {
        job.reply(Err(error.clone()));
    }
}

/// A fact that a writer falls over is refused for good, as one that the database cannot take:
/// its actor fails alone. Were it answered as in doubt it would come again at once, and take
/// down one writer after the other, and then the node.
fn fell_over(panic: &(dyn Any + Send)) -> Failure {
    spawn::note("store.writer", panic);
    let text = format!("a writer panicked: {}", spawn::message(panic));
    Failure::Refused(CommitError::Corrupt(text))
}

/// Whatever is no clear refusal may have been committed.
fn at_commit(error: &sqlx::Error) -> Failure {
    match Fault::from(error) {
        Fault::Conflict(conflict) => Failure::Refused(CommitError::Conflict(conflict)),
        Fault::Lost | Fault::Transient | Fault::Corrupt(_) | Fault::Missing => Failure::Ambiguous,
    }
}

/// Everything up to the commit.
async fn transaction(
    session: &mut Session,
    epoch: i64,
    facts: &[&Fact],
    entropy: &Entropy,
) -> Result<Vec<Answer>, Failure> {
    session.begin_locked().await?;
    let keys = facts.iter().filter_map(|fact| fact.key.as_ref());
    failpoint::fall_over("write", keys.map(|key| key.key.as_str()));
    let (answers, book) = admission::admit(session, epoch, facts).await?;
    let admitted: Vec<&Fact> =
        facts.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(f, _)| *f).collect();
    if !admitted.is_empty() {
        let mut script = Script::default();
        rentals::write(&mut script, &admitted);
        banks::write(&mut script, &admitted);
        stations::write(&mut script, &admitted);
        intents::write(&mut script, &admitted);
        withdrawals::write(&mut script, &admitted);
        refunds::write(&mut script, &admitted);
        ledger::write(&mut script, &admitted, book, entropy);
        notes::write(&mut script, &admitted, entropy);
        script.run(session).await?;
        invoices::write(session, &admitted).await?;
    }
    Ok(answers)
}

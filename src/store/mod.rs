//! The only SQL: makes facts durable and reads them back. Knows nothing of actors or HTTP.
//!
//! Facts go through `commit`, one batch per writer connection; every other write through
//! `transact`, in a task of its own, so that no caller can cancel a transaction. Both are
//! fenced by the lease. Reads have connections of their own and do not wait for writes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::spawn::{Tasks, spawn};

pub mod audit;
pub mod backup;
mod connect;
pub mod errands;
mod error;
pub mod fact;
pub mod frames;
pub mod gateway_events;
pub mod idempotency;
pub mod incidents;
pub mod invoices;
pub mod lease;
pub mod ledger;
pub mod load;
mod migrations;
pub mod outbox;
pub mod payments;
pub mod refunds;
pub mod riders;
pub mod seal;
mod session;
pub mod sessions;
mod settings;
pub mod stations;
mod tariff;
pub mod telemetry;
pub mod verify;
pub mod versions;
pub mod views;
pub mod wallets;
pub mod withdrawals;
mod writer;

pub use error::Error;
pub use lease::Lease;
pub use settings::Settings;

use fact::{CommitError, Committed, Fact};
use lease::Gate;
use session::Session;
use writer::Queue;

/// One statement with its parameters.
type Query = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// A handle on the database. Clones share everything.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    options: PgConnectOptions,
    /// For reads.
    reads: PgPool,
    /// For writes that are no facts: telemetry, owed effects, what operators do.
    chores: PgPool,
    clock: Clock,
    entropy: Entropy,
    gate: Arc<Gate>,
    queue: Arc<Queue>,
    /// Woken when a commit owes effects.
    owed: Arc<Notify>,
    /// The writers.
    tasks: Tasks,
    /// The one that renews the lease; it outlives the writers.
    keeper: Tasks,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close(&CommitError::NotSent);
        self.gate.retire();
    }
}

impl Store {
    /// Connects, waiting a bounded time for a database that is starting, and brings its tables
    /// up to date. Nothing can be committed before the lease is acquired.
    pub async fn open(settings: Settings, clock: Clock, entropy: Entropy) -> Result<Store, Error> {
        let options = connect::options(&settings)?;
        let mut first = connect::first(&options, &settings, &clock, &entropy).await?;
        migrations::run(&mut first, &settings, &clock).await?;
        drop(first);
        let inner = Inner {
            reads: connect::pool(&options, &settings, settings.connections),
            chores: connect::pool(&options, &settings, settings.chores),
            queue: Arc::new(Queue::new(settings.queue_max, settings.batch_apart, clock.clone())),
            gate: Arc::new(Gate::new(clock.clone())),
            owed: Arc::new(Notify::new()),
            tasks: Tasks::new(),
            keeper: Tasks::new(),
            options,
            settings,
            clock,
            entropy,
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Writes a fact, whole or not at all. The answer comes after the commit. Dropping the
    /// future gives up the answer, not the fact.
    pub async fn commit(&self, fact: Fact) -> Result<Committed, CommitError> {
        if self.inner.gate.is_free() {
            return Err(CommitError::Fenced);
        }
        let answer = self.inner.queue.push(fact, self.inner.clock.running())?;
        // A writer that fell over does not say how far it got.
        answer.await.unwrap_or(Err(CommitError::Ambiguous))
    }

    /// Resolves when a writer or the keeper of the lease has panicked for good: nothing can be
    /// written before long. Answers its name.
    pub async fn lost(&self) -> &'static str {
        tokio::select! {
            biased;
            task = self.inner.keeper.lost() => task,
            task = self.inner.tasks.lost() => task,
        }
    }

    /// How many facts wait for a writer.
    pub fn backlog(&self) -> usize {
        self.inner.queue.len()
    }

    /// Waits until a commit owes effects since the last call returned.
    pub async fn effects_owed(&self) {
        self.inner.owed.notified().await;
    }

    /// The database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut session = self.read().await?;
        session.run("select 1").await?;
        Ok(())
    }

    /// Writes what is queued, then ends the writers, gives the lease back and closes all
    /// connections. Facts that are not written within `bound` are answered `NotSent`; connections
    /// that still wait for an answer then are left behind.
    pub async fn close(&self, bound: Duration) {
        let inner = &self.inner;
        inner.queue.finish();
        let left = inner.tasks.drain(&inner.clock, bound).await;
        if !left.is_empty() {
            tracing::warn!(tasks = ?left, "writers were ended before their work was done");
        }
        inner.queue.close(&CommitError::NotSent);
        inner.gate.retire();
        let rest = async {
            inner.keeper.ended().await; // it has given the lease back, or could not
            inner.chores.close().await;
            inner.reads.close().await;
        };
        if tokio::time::timeout(bound, rest).await.is_err() {
            tracing::warn!("the database does not answer: the lease expires by itself");
        }
    }

    /// A connection for reads.
    pub(in crate::store) async fn read(&self) -> Result<Session, Error> {
        let connection = self.inner.reads.acquire().await?;
        let mut session = Session::pooled(connection, &self.inner.settings);
        session.begin_read().await?;
        Ok(session)
    }

    /// Runs `work` in one fenced transaction, in a task of its own: a caller that goes away
    /// cancels nothing. An error of `work` rolls back.
    pub(in crate::store) async fn transact<T, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Session) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    {
        let epoch = self.inner.gate.epoch().ok_or(Error::Fenced)?;
        let store = self.clone();
        let task = spawn(name, async move {
            let connection = store.inner.chores.acquire().await?;
            let mut session = Session::pooled(connection, &store.inner.settings);
            if !session.begin_fenced(epoch).await? {
                store.inner.gate.lose();
                return Err(Error::Fenced);
            }
            let done = work(&mut session).await;
            match done {
                Ok(_) => session.commit().await.map_err(at_commit)?,
                Err(_) => session.rollback().await,
            }
            done
        });
        task.await.unwrap_or(Err(Error::Unsure))
    }

    /// One statement in a transaction of its own; answers how many rows it wrote.
    async fn write_one(
        &self,
        name: &'static str,
        query: impl FnOnce() -> Query + Send + 'static,
    ) -> Result<u64, Error> {
        self.transact(name, move |session| {
            Box::pin(async move { Ok(query().execute(session).await?.rows_affected()) })
        })
        .await
    }
}

/// Rows that one call forgets at most: it locks no table for long, whoever has more calls again.
pub const PURGE_MAX: i64 = 5_000;

/// Whatever is no clear refusal may have been committed.
fn at_commit(error: sqlx::Error) -> Error {
    let error = Error::from(error);
    if matches!(error, Error::Conflict(_)) { error } else { Error::Unsure }
}

//! The lease: one instance owns the database, and the others are fenced off.
//!
//! Owns the `node` row. Time is the database's where instances are compared, and this
//! process's own, never moved by a test, for the deadline that is held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use sqlx::Row;
use tokio::sync::watch;

use super::error::Error;
use super::session::{FENCE, Session};
use super::{Inner, Store, writer};
use crate::clock::{Clock, Moment};
use crate::metrics;

#[cfg(test)]
mod tests;

/// Beyond the expiry: the row is looked at again only after it.
const MARGIN: Duration = Duration::from_millis(20);

/// Whether this instance may write and eject. Clones share it.
#[derive(Clone)]
pub struct Lease {
    gate: Arc<Gate>,
    epoch: i64,
}

impl Lease {
    /// Grows by one with every take-over.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How long the lease holds if it is not renewed. Nothing is published to a cabinet once
    /// that is nothing.
    pub fn left(&self) -> Duration {
        self.gate.left()
    }

    /// The lease holds at this moment, also if the machine has just slept or stood still.
    pub fn is_held(&self) -> bool {
        self.gate.clock.follow_wall();
        self.gate.epoch() == Some(self.epoch) && !self.left().is_zero()
    }

    /// Waits until another instance has taken over. The process must end then.
    pub async fn lost(&self) {
        if self.gate.ended().await != Standing::Lost {
            std::future::pending::<()>().await;
        }
    }
}

/// The state of the lease in memory, shared with the writers.
pub(super) struct Gate {
    clock: Clock,
    /// 0: none.
    epoch: AtomicI64,
    /// None before it is acquired and after its end.
    deadline: RwLock<Option<Moment>>,
    standing: watch::Sender<Standing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Free,
    Held,
    Lost,
    /// Given back, or the store is closed.
    Retired,
}

impl Gate {
    pub fn new(clock: Clock) -> Gate {
        let (standing, _) = watch::channel(Standing::Free);
        Gate { clock, epoch: AtomicI64::new(0), deadline: RwLock::new(None), standing }
    }

    /// The epoch to write under; none before the lease is acquired or after it is lost.
    pub fn epoch(&self) -> Option<i64> {
        let held = *self.standing.borrow() == Standing::Held;
        held.then(|| self.epoch.load(Ordering::Acquire))
    }

    /// The lease was never acquired.
    pub fn is_free(&self) -> bool {
        *self.standing.borrow() == Standing::Free
    }

    fn left(&self) -> Duration {
        let deadline = *self.deadline.read();
        deadline.map(|deadline| deadline.left(Moment::of(&self.clock))).unwrap_or_default()
    }

    fn hold(&self, epoch: i64, deadline: Moment) {
        self.epoch.store(epoch, Ordering::Release);
        self.extend(deadline);
        self.standing.send_replace(Standing::Held);
    }

    fn extend(&self, deadline: Moment) {
        *self.deadline.write() = Some(deadline);
        metrics::LEASE_HELD.set(1, []);
    }

    /// Waits until the lease is lost or given back.
    async fn ended(&self) -> Standing {
        let mut standing = self.standing.subscribe();
        let over = |standing: &Standing| matches!(standing, Standing::Lost | Standing::Retired);
        standing.wait_for(over).await.map_or(Standing::Retired, |standing| *standing)
    }

    /// Another instance has taken over.
    pub fn lose(&self) {
        self.end(Standing::Lost);
    }

    pub fn retire(&self) {
        self.end(Standing::Retired);
    }

    fn end(&self, end: Standing) {
        *self.deadline.write() = None;
        self.standing.send_if_modified(|standing| {
            let running = matches!(standing, Standing::Free | Standing::Held);
            if running {
                *standing = end;
                metrics::LEASE_HELD.set(0, []);
            }
            running
        });
    }
}

/// What another instance's row says.
struct Owner {
    holder: String,
    /// Zero: it has expired.
    left: Duration,
}

impl Store {
    /// Takes the lease and starts the writers. Waits at most `wait` for the lease of an
    /// instance that died to expire; one that renews its lease meanwhile is alive, and the
    /// answer is `Held`.
    pub async fn acquire(&self, holder: &str, wait: Duration) -> Result<Lease, Error> {
        let inner = &self.inner;
        let until = inner.clock.running() + wait;
        let mut session = Session::connect(&inner.options, &inner.settings).await?;
        let mut seen: Option<Owner> = None;
        let (epoch, deadline) = loop {
            let began = Moment::of(&inner.clock);
            let owner = owner(&mut session).await?;
            if let Some(owner) = owner.filter(|owner| !owner.left.is_zero()) {
                let wakes = inner.clock.running() + owner.left + MARGIN;
                if seen.is_some() || wakes > until {
                    return Err(Error::Held { by: owner.holder });
                }
                tracing::info!(holder = owner.holder, "waiting for the lease of another instance");
                tokio::time::sleep(owner.left + MARGIN).await;
                seen = Some(owner);
                continue;
            }
            if let Some(epoch) = take(&mut session, holder, inner.settings.lease_expiry).await? {
                break (epoch, began.after(inner.settings.lease_expiry));
            }
        };
        inner.gate.hold(epoch, deadline);
        tracing::info!(epoch, holder, "the lease is held");
        self.start(session, epoch);
        Ok(Lease { gate: Arc::clone(&inner.gate), epoch })
    }

    fn start(&self, session: Session, epoch: i64) {
        let inner = &self.inner;
        let keeper = Keeper {
            gate: Arc::clone(&inner.gate),
            epoch,
            session: Some(session),
            inner: Arc::downgrade(inner),
        };
        inner.keeper.spawn("store.lease", async move {
            crate::failpoint::fall("lease_keeper");
            keeper.run().await;
        });
        for _ in 0..inner.settings.writers.max(1) {
            let args = writer::Args::of(inner);
            inner
                .tasks
                .keep("store.writer", inner.clock.clone(), move || writer::run(args.clone()));
        }
    }
}

async fn owner(session: &mut Session) -> Result<Option<Owner>, Error> {
    let rows = session
        .run(
            "select holder,
                greatest(0, extract(epoch from expires_at - clock_timestamp()) * 1000)::bigint
            from node",
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let left: i64 = row.try_get(1)?;
    Ok(Some(Owner {
        holder: row.try_get(0)?,
        left: Duration::from_millis(u64::try_from(left).unwrap_or(0)),
    }))
}

/// Waits for facts in flight, then makes this instance the owner; none when another one was
/// faster.
async fn take(session: &mut Session, holder: &str, expiry: Duration) -> Result<Option<i64>, Error> {
    const SQL: &str = "
        insert into node (id, epoch, holder, expires_at)
        values (1, 1, $1, clock_timestamp() + $2 * interval '1 microsecond')
        on conflict (id) do update
        set epoch = node.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
        where node.expires_at <= clock_timestamp()
        returning epoch";

    session.begin().await?;
    session.run(format!("select pg_advisory_xact_lock({FENCE})")).await?;
    let micros = i64::try_from(expiry.as_micros()).unwrap_or(i64::MAX);
    let taken = sqlx::query_scalar(SQL).bind(holder).bind(micros).fetch_optional(&mut *session);
    let taken = taken.await?;
    session.commit().await?;
    Ok(taken)
}

/// Renews the lease until it is lost, or gives it back when the store is closed.
struct Keeper {
    gate: Arc<Gate>,
    epoch: i64,
    session: Option<Session>,
    inner: std::sync::Weak<Inner>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let Some(inner) = self.inner.upgrade() else { return self.release().await };
            let (renewal, clock) = (inner.settings.lease_renewal, inner.clock.clone());
            drop(inner);
            match clock.within(renewal, self.gate.ended()).await {
                Some(Standing::Retired) => return self.release().await,
                Some(_) => return,
                None => {}
            }
            if let Some(inner) = self.inner.upgrade() {
                self.renew(&inner).await;
            }
        }
    }

    /// Lets the next instance start at once. Without a connection the lease expires.
    async fn release(self) {
        let Some(mut session) = self.session else { return };
        let epoch = self.epoch;
        let sql = format!("update node set expires_at = clock_timestamp() where epoch = {epoch}");
        let _ = tokio::time::timeout(Duration::from_secs(1), session.write(sql)).await;
    }

    async fn renew(&mut self, inner: &Inner) {
        let began = Moment::of(&inner.clock);
        let expiry = inner.settings.lease_expiry;
        // An answer that comes after the expiry is worth nothing.
        match tokio::time::timeout(expiry, self.extend(inner, expiry)).await {
            Ok(Ok(true)) => self.gate.extend(began.after(expiry)),
            Ok(Ok(false)) => {
                tracing::error!(epoch = self.epoch, "another instance has taken the lease");
                self.gate.lose();
            }
            Ok(Err(error)) => {
                self.session = None;
                tracing::warn!(%error, "the lease could not be renewed");
            }
            Err(_) => {
                self.session = None;
                tracing::warn!("the lease could not be renewed: no answer");
            }
        }
        if self.gate.left().is_zero() {
            metrics::LEASE_HELD.set(0, []);
        }
        metrics::POOL.set(u64::from(inner.reads.size()), ["open"]);
        metrics::POOL.set(u64::try_from(inner.reads.num_idle()).unwrap_or(0), ["idle"]);
    }

    async fn extend(&mut self, inner: &Inner, expiry: Duration) -> Result<bool, sqlx::Error> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::connect(&inner.options, &inner.settings).await?),
        };
        let (epoch, micros) = (self.epoch, expiry.as_micros());
        let renewed = session
            .write(format!(
                "update node
                set expires_at = clock_timestamp() + {micros} * interval '1 microsecond'
                where epoch = {epoch}"
            ))
            .await?;
        Ok(renewed == 1)
    }
}

//! Proves the ledger from its rows: every movement balances, every balance is the sum of its
//! entries, holds and dues are those of rentals, payments are those that were settled, and the
//! chain is whole; and that banks and rentals are what their events led to. Set by set, never a
//! query for each row; reads only, in one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::money::Money;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use tokio::time::timeout;

use super::session::Session;
use super::{Error, Store};

mod checks;
mod copied;
mod given;
mod kind;
mod places;
mod replay;
mod standing;
mod walk;

#[cfg(test)]
mod tests;

pub use kind::Kind;
pub use standing::Mark;

/// How many stages a whole look has.
pub const STAGES_COUNT: usize = 1 + checks::STAGES.len();

/// Findings that are told one by one; the others are only counted.
pub const TOLD_MAX: usize = 100;

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Whole,
    /// What came since an earlier look, and what it touched.
    Since(Mark),
}

/// One thing that does not add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    /// A transfer, an account, a rental, a bank, a payment, a place in the chain.
    pub subject: String,
    pub expected: String,
    pub found: String,
}

/// What a look at the ledger found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Transfers that were looked at.
    pub transfers: i64,
    /// How much money is not where it should be.
    pub imbalance: Money,
    /// How many findings there are, by kind; kinds without any are left out.
    pub counts: BTreeMap<Kind, i64>,
    /// At most `TOLD_MAX` of each check.
    pub findings: Vec<Finding>,
    pub took_ms: u64,
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.counts.is_empty()
    }

    /// What one question found. Each of its rows says how many there are of its kind.
    fn add(&mut self, rows: Vec<Row>) {
        let mut counted = BTreeSet::new();
        for Row { kind, subject, expected, found, total, off_total } in rows {
            if counted.insert(kind) {
                let off = Money::rounded(off_total).unwrap_or_default();
                self.imbalance = self.imbalance.plus(off);
                *self.counts.entry(kind).or_default() += total;
            }
            self.findings.push(Finding { kind, subject, expected, found });
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: Kind,
    subject: String,
    expected: String,
    found: String,
    total: i64,
    off_total: Decimal,
}

impl Row {
    fn unread(question: &str, found: String) -> Row {
        Row {
            kind: Kind::Unreadable,
            subject: question.to_owned(),
            expected: "rows that can be read".to_owned(),
            found,
            total: 1,
            off_total: Decimal::ZERO,
        }
    }
}

impl Store {
    /// Looks at the ledger and answers what it found, and where a later look may go on. `told`
    /// hears the name of each stage before it begins.
    pub async fn verify(
        &self,
        scope: &Scope,
        mut told: impl FnMut(&'static str) + Send,
    ) -> Result<(Report, Mark), Error> {
        let clock = &self.inner.clock;
        let began = clock.running();
        // of its own, as those of the walk: one that died takes none of the pool with it
        let mut session = Session::connect(&self.inner.options, &self.inner.settings).await?;
        let (mut report, mark) = look(self, &mut session, scope, clock.now(), &mut told).await?;
        session.rollback().await;
        let took: Duration = clock.running().saturating_sub(began);
        report.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok((report, mark))
    }
}

/// A whole look may be long, and sorts much.
const ROOM: &str = "
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;
    set local work_mem = '192MB'";

/// Longest wait for one answer in a whole look: it may sort all there is, but a connection that
/// died without a word must not be waited for until somebody wonders.
const WHOLE_PATIENCE: Duration = Duration::from_mins(30);

fn patience(store: &Store, whole: bool) -> Duration {
    if whole { WHOLE_PATIENCE } else { store.inner.settings.silence_max() }
}

/// What the database says within the bound.
async fn answered<T, E: Into<Error>>(
    bound: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    // Time on the wire is the runtime's: a test that jumps ahead is no silence.
    match timeout(bound, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Error::Unavailable("it says nothing".to_owned())),
    }
}

async fn look(
    store: &Store,
    session: &mut Session,
    scope: &Scope,
    now: DateTime<Utc>,
    told: &mut (dyn FnMut(&'static str) + Send),
) -> Result<(Report, Mark), Error> {
    let nothing = Mark::default();
    let (whole, from) = match scope {
        Scope::Whole => (true, &nothing),
        Scope::Since(mark) => (false, mark),
    };
    let bound = patience(store, whole);
    let kept = TimeDelta::from_std(store.inner.settings.gateway_events).unwrap_or_default();
    let kept_since = now - kept;
    let (mark, snapshot) = answered(bound, begin(session, whole, now)).await?;
    told(walk::NAME);
    let walk = walk::walk(store, &snapshot, (!whole).then_some(from));
    let asked = asked(session, whole, (from, kept_since), bound, told);
    let (walked, (transfers, found)) = futures::try_join!(walk, asked)?;
    let mut report = Report { transfers, ..Report::default() };
    report.counts = walked.counts;
    report.imbalance = Money::rounded(walked.off).unwrap_or_default();
    report.findings = walked.findings;
    for rows in found {
        report.add(rows);
    }
    if whole {
        replay::look(session, bound, &mut report).await?;
    }
    Ok((report, mark))
}

/// Begins the snapshot that all connections of a look see.
async fn begin(
    session: &mut Session,
    whole: bool,
    now: DateTime<Utc>,
) -> Result<(Mark, String), Error> {
    session.begin_snapshot().await?;
    if whole {
        session.run(ROOM).await?;
    }
    let mark = Mark::read(session, now).await?;
    let snapshot = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(session).await?;
    Ok((mark, snapshot))
}

/// How many transfers are looked at, and what each question found.
async fn asked(
    session: &mut Session,
    whole: bool,
    from: (&Mark, DateTime<Utc>),
    bound: Duration,
    told: &mut (dyn FnMut(&'static str) + Send),
) -> Result<(i64, Vec<Vec<Row>>), Error> {
    let transfers = sqlx::query_scalar(checks::count(whole)).bind(&from.0.below);
    let transfers = answered(bound, transfers.fetch_one(&mut *session)).await?;
    let mut found = Vec::new();
    for stage in checks::STAGES.iter().filter(|stage| whole || !stage.only_whole) {
        told(stage.name);
        found.push(answered(bound, ask(session, stage, whole, from)).await?);
    }
    Ok((transfers, found))
}

/// A question that meets something it cannot read finds just that, and the others go on.
async fn ask(
    session: &mut Session,
    stage: &checks::Stage,
    whole: bool,
    (from, kept_since): (&Mark, DateTime<Utc>),
) -> Result<Vec<Row>, Error> {
    session.run("savepoint question").await?;
    let rows = sqlx::query_as(AssertSqlSafe(stage.sql(whole)))
        .bind(&from.below)
        .bind(from.checked_at)
        .bind(kept_since)
        .fetch_all(&mut *session);
    match rows.await.map_err(Error::from) {
        Err(Error::Corrupt(found)) => {
            session.run("rollback to question").await?;
            Ok(vec![Row::unread(stage.name, found)])
        }
        rows => rows,
    }
}

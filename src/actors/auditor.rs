//! Looks at the ledger again and again: what is new every time, all of it once a day. Repairs
//! nothing; what does not add up is logged, counted, and a person's to look at, and so is a ledger
//! that could not be looked at for some time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Context;
use crate::metrics;
use crate::store::Error;
use crate::store::verify::{Kind, Report, Scope};

/// After a whole look that found something, the next one is not later than this.
const AGAIN: TimeDelta = TimeDelta::hours(1);

/// Looks that may fail in a row before a person is told.
const FAILED_MAX: u32 = 5;

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks at what is new.
    pub every: Duration,
    /// Between two looks at everything.
    pub whole: TimeDelta,
}

pub async fn run(context: Arc<Context>, pace: Pace) {
    let mut auditor = Auditor::default();
    loop {
        match auditor.look(&context, pace).await {
            Ok(()) => auditor.failed = 0,
            Err(error) => auditor.failed(&context, &error).await,
        }
        context.clock.sleep(pace.every).await;
    }
}

/// What the last looks found.
#[derive(Debug, Default)]
struct Auditor {
    /// The last whole look that found something, and what.
    crooked: Option<(DateTime<Utc>, Report)>,
    /// Looks that failed since the last one that did not.
    failed: u32,
}

impl Auditor {
    async fn look(&mut self, context: &Context, pace: Pace) -> Result<(), Error> {
        let (mark, whole_at) = context.store.verified().await?;
        let now = context.clock.now();
        let due = whole_at.is_none_or(|at| now - at >= pace.whole);
        let rests = self.crooked.as_ref().is_some_and(|(at, _)| now - *at < AGAIN);
        let scope = if due && !rests { Scope::Whole } else { Scope::Since(mark) };
        let (report, mark) = context.store.verify(&scope, |_| ()).await?;
        if report.is_sound() {
            context.store.note_verified(&scope, mark).await?;
        } else {
            self.tell(context, &report).await?;
        }
        if scope == Scope::Whole {
            self.crooked = (!report.is_sound()).then(|| (now, report.clone()));
        }
        self.show(&report, now);
        Ok(())
    }

    /// A database that is away for a moment is nobody's concern here; a ledger that nobody looks
    /// at is.
    async fn failed(&mut self, context: &Context, error: &Error) {
        self.failed = self.failed.saturating_add(1);
        tracing::warn!(%error, failed = self.failed, "the ledger was not verified, it is later");
        if self.failed < FAILED_MAX {
            return;
        }
        match context.store.open_unverified(self.failed, &error.to_string()).await {
            Ok(opened) => metrics::INCIDENTS.add(opened, ["ledger_unverified"]),
            Err(error) => tracing::warn!(%error, "nobody was told of it, it is tried again"),
        }
    }

    /// A finding is told every time it is found, and is one incident until that is resolved.
    async fn tell(&self, context: &Context, report: &Report) -> Result<(), Error> {
        for finding in &report.findings {
            tracing::error!(
                ledger.finding = finding.kind.as_str(),
                ledger.subject = finding.subject,
                ledger.expected = finding.expected,
                ledger.found = finding.found,
                "the ledger does not add up",
            );
        }
        let opened = context.store.open_findings(report).await?;
        metrics::INCIDENTS.add(opened, ["ledger_finding"]);
        Ok(())
    }

    /// What a whole look found counts until the next one; what is new is in it or beside it.
    fn show(&self, report: &Report, now: DateTime<Utc>) {
        let standing = self.crooked.as_ref().map_or(report, |(_, whole)| whole);
        let worse = standing.imbalance.max(report.imbalance);
        metrics::LEDGER_IMBALANCE.set(worse.to_paisa().unsigned_abs(), []);
        for kind in Kind::ALL {
            let count = |report: &Report| report.counts.get(kind).copied().unwrap_or_default();
            let count = count(standing).max(count(report));
            metrics::LEDGER_FINDINGS.set(count.unsigned_abs(), [kind.as_str()]);
        }
        metrics::LEDGER_VERIFIED_SECONDS.set(now.timestamp().unsigned_abs(), []);
    }
}

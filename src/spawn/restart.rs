//! How often a child may fail: pure. A child that fails too often is set aside and tried again
//! much later, so that it cannot take its siblings with it.

use chrono::{DateTime, TimeDelta, Utc};

#[cfg(test)]
mod tests;

const WINDOW: TimeDelta = TimeDelta::seconds(60);
const FAILURES_MAX: usize = 5;
const FIRST_PAUSE: TimeDelta = TimeDelta::milliseconds(100);
/// How long a child that failed too often is left alone.
pub const ISOLATION: TimeDelta = TimeDelta::minutes(5);

/// The failures of one child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    failures: Vec<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Restart { after: TimeDelta },
    Isolate { until: DateTime<Utc> },
}

impl Budget {
    pub fn failed(&mut self, now: DateTime<Utc>) -> Verdict {
        self.failures.retain(|at| now - *at < WINDOW);
        self.failures.push(now);
        let failures = self.failures.len();
        if failures > FAILURES_MAX {
            self.failures.clear();
            return Verdict::Isolate { until: now + ISOLATION };
        }
        let doubled = 1 << (failures - 1).min(8);
        Verdict::Restart { after: FIRST_PAUSE * doubled }
    }
}

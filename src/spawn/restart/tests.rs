//! Failures are forgiven, but not for ever.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Budget, ISOLATION, Verdict};

#[test]
fn pauses_double_and_the_sixth_failure_in_a_minute_isolates() {
    let mut budget = Budget::default();

    for milliseconds in [100, 200, 400, 800, 1600] {
        let after = TimeDelta::milliseconds(milliseconds);
        assert_eq!(budget.failed(now()), Verdict::Restart { after });
    }
    assert_eq!(budget.failed(now()), Verdict::Isolate { until: now() + ISOLATION });
}

#[test]
fn failures_far_apart_are_forgotten() {
    let mut budget = Budget::default();

    for minute in 0..20 {
        let verdict = budget.failed(now() + TimeDelta::minutes(minute));
        assert_eq!(verdict, Verdict::Restart { after: TimeDelta::milliseconds(100) });
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

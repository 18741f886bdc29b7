//! Checks are counted, and one that fails fails the whole.

use super::*;

#[test]
fn one_failed_check_fails_the_story() {
    let mut timeline = Timeline::new(Clock::manual(), true);
    timeline.check(true, "a", "1");
    assert!(timeline.end());

    timeline.check(false, "b", "2");
    assert!(!timeline.end());
}

#[test]
fn a_time_of_the_timeline_is_told_in_tenths_of_a_second() {
    assert_eq!(seconds(TimeDelta::milliseconds(12_345)), "12.3 s");
    assert_eq!(seconds(TimeDelta::milliseconds(90)), "0.0 s");
}

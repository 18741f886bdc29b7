//! Times read well at every size.

use super::*;

#[test]
fn times_are_nepals() {
    let at: DateTime<Utc> = "2025-11-22T20:30:07.045Z".parse().unwrap();

    assert_eq!(stamp(at), "2025-11-23 02:15:07");
}

#[test]
fn distances_have_one_unit() {
    let now: DateTime<Utc> = "2025-11-22T12:00:00Z".parse().unwrap();
    let after = |seconds| distance(now + TimeDelta::seconds(seconds), now);

    assert_eq!([after(0), after(-40), after(-200)], ["now", "40 s ago", "3 min ago"]);
    assert_eq!([after(7_200), after(600_000)], ["in 2 h", "in 6 d"]);
}

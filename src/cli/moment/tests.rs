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

#[test]
fn spans_are_as_exact_as_they_are_short() {
    let of = |millis| span(TimeDelta::milliseconds(millis));

    assert_eq!([of(420), of(1_000), of(12_340)], ["0.42 s", "1.00 s", "12.3 s"]);
    assert_eq!([of(185_000), of(7_800_000)], ["3 min 05 s", "2 h 10 min"]);
}

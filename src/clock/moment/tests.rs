//! Whichever clock of the machine says that a time is over is believed.

use super::*;

const EXPIRY: Duration = Duration::from_secs(5);

#[test]
fn a_lease_runs_out_with_the_time_that_the_machine_counts() {
    let renewed = at(100, 0);
    let deadline = renewed.after(EXPIRY);

    assert_eq!(deadline.left(at(102, 2)), Duration::from_secs(3));
    assert_eq!(deadline.left(at(105, 5)), Duration::ZERO);
    assert_eq!(deadline.left(at(105, -60)), Duration::ZERO, "a wall set back gives no time");
}

#[test]
fn an_owner_whose_machine_was_paused_owns_nothing_until_it_has_renewed() {
    let deadline = at(100, 0).after(EXPIRY);
    let resumed = at(101, 31); // it counted nothing, and its wall was set right

    assert_eq!(deadline.left(resumed), Duration::ZERO);
    assert_eq!(resumed.after(EXPIRY).left(at(102, 32)), Duration::from_secs(4));
}

/// Seconds that were counted, and what the wall shows.
fn at(running: u64, wall: i64) -> Moment {
    let wall = DateTime::UNIX_EPOCH + TimeDelta::seconds(wall);
    Moment { running: Duration::from_secs(running), wall }
}

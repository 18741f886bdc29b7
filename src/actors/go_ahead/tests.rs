//! One of the two comes first.

use super::GoAhead;

#[test]
fn an_eject_that_is_not_wanted_any_more_is_not_sent() {
    let go_ahead = GoAhead::default();
    let stations = go_ahead.clone();
    assert!(!go_ahead.is_taken());

    go_ahead.withdraw();

    assert!(!stations.take());
    assert!(!go_ahead.is_taken());
}

#[test]
fn an_eject_that_was_sent_stays_sent() {
    let go_ahead = GoAhead::default();

    assert!(go_ahead.clone().take());
    go_ahead.withdraw();

    assert!(go_ahead.is_taken());
}

//! Speeding up divides what a cabinet does, not what the network needs.

use super::*;

#[test]
fn a_faster_cabinet_keeps_its_network_limits() {
    let fast = Timing::sped_up(600);

    assert_eq!(fast.heartbeat, Some(secs(1)));
    assert_eq!(fast.report, Some(secs(2)));
    assert_eq!(fast.keep_alive, secs(1));
    assert_eq!(fast.http_timeout, Timing::real().http_timeout);
}

#[test]
fn what_a_cabinet_never_does_it_does_not_do_faster_either() {
    let quick = Timing::quick().faster(10);

    assert_eq!(quick.heartbeat, None);
    assert_eq!(quick.report, None);
}

#[test]
fn a_speed_of_zero_changes_nothing() {
    assert_eq!(Timing::real().faster(0), Timing::real());
}

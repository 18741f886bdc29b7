//! Reachable is not online.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Presence, Session, Shown, Timing};

#[test]
fn a_disconnect_ends_reachability_at_once_and_online_after_ninety_seconds() {
    let timing = Timing::default();
    let presence = Presence { session: Session::Down { since: at(100) }, ..heard(90) };

    assert!(!presence.is_reachable(at(100), &timing));
    assert_eq!(presence.shown(at(189), &timing), Shown::Online);
    assert_eq!(presence.shown(at(190), &timing), Shown::Offline);
    assert_eq!(presence.next_change(at(100), &timing), Some(at(190)));
}

#[test]
fn silence_is_suspect_after_twelve_minutes_and_offline_after_twenty_two() {
    let timing = Timing::default();
    let presence = Presence { session: Session::Up, ..heard(0) };

    assert_eq!(presence.shown(at(12 * 60 - 1), &timing), Shown::Online);
    assert_eq!(presence.shown(at(12 * 60), &timing), Shown::Suspect);
    assert_eq!(presence.shown(at(22 * 60), &timing), Shown::Offline);
}

#[test]
fn without_session_events_any_frame_within_twelve_minutes_makes_it_reachable() {
    let timing = Timing::default();

    assert!(heard(0).is_reachable(at(12 * 60 - 1), &timing));
    assert!(!heard(0).is_reachable(at(12 * 60), &timing));
    assert!(!Presence::default().is_reachable(at(0), &timing));
}

#[test]
fn a_cabinet_that_was_there_before_our_broker_began_anew_may_come_back_for_two_minutes() {
    let timing = Timing::default();

    assert!(heard(90).may_come_back(at(100), at(100), &timing));
    assert!(heard(90).may_come_back(at(100), at(219), &timing));
    assert!(!heard(90).may_come_back(at(100), at(220), &timing));
    assert!(!heard(0).may_come_back(at(12 * 60), at(12 * 60), &timing), "it was not there");
    assert!(!Presence::default().may_come_back(at(0), at(0), &timing), "it never was");
}

#[test]
fn our_own_outage_is_no_evidence_against_a_cabinet() {
    let timing = Timing::default();
    let presence = Presence { excused: TimeDelta::minutes(30), ..heard(0) };

    assert_eq!(presence.shown(at(40 * 60), &timing), Shown::Online);
    assert_eq!(presence.shown(at(42 * 60), &timing), Shown::Suspect);
}

#[test]
fn while_our_link_is_down_no_silence_grows() {
    let timing = Timing::default();
    let mut presence = heard(0);
    presence.link_lost(at(10 * 60));

    assert_eq!(presence.shown(at(60 * 60), &timing), Shown::Online);
    assert_eq!(presence.next_change(at(60 * 60), &timing), None);
    assert_eq!(presence.unheard_for(at(60 * 60)), Some(TimeDelta::minutes(60)));

    presence.link_back(at(60 * 60));
    assert_eq!(presence.shown(at(62 * 60 - 1), &timing), Shown::Online);
    assert_eq!(presence.shown(at(62 * 60), &timing), Shown::Suspect);
}

#[test]
fn what_was_heard_during_our_outage_by_another_way_counts_from_then() {
    let timing = Timing::default();
    let mut presence = heard(0);
    presence.link_lost(at(0));
    presence.link_lost(at(30 * 60));
    presence.heard(at(50 * 60));
    presence.link_back(at(60 * 60));

    assert_eq!(presence.excused, TimeDelta::minutes(10));
    assert_eq!(presence.shown(at(72 * 60), &timing), Shown::Suspect);
}

fn heard(second: i64) -> Presence {
    Presence { heard_at: Some(at(second)), ..Presence::default() }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

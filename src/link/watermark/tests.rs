//! What is live and what is backlog.

use chrono::TimeDelta;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_new_session_is_live_from_its_subscription() {
    let mut watermark = Watermark::new(at(0), 0);

    watermark.begun(moment(100));

    assert_eq!(watermark.judge(moment(101)), live(101));
    assert_eq!(watermark.complete_until(), at(100));
}

#[test]
fn what_comes_before_the_marker_is_backlog_and_what_comes_after_is_live() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));
    let marker = watermark.next_marker(moment(102), PATIENCE).unwrap();
    watermark.heard(marker);

    watermark.resumed();
    assert_eq!(watermark.judge(moment(501)), backlog(102));
    let marker = watermark.next_marker(moment(501), PATIENCE).unwrap();
    assert_eq!(watermark.judge(moment(502)), backlog(102));
    watermark.heard(marker);

    assert_eq!(watermark.judge(moment(502)), live(502));
    assert_eq!(watermark.complete_until(), at(501));
}

#[test]
fn the_marker_of_an_earlier_connection_says_nothing() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.resumed();
    let old = watermark.next_marker(moment(100), PATIENCE).unwrap();

    watermark.resumed();
    let new = watermark.next_marker(moment(200), PATIENCE).unwrap();
    watermark.heard(old);
    assert_eq!(watermark.judge(moment(201)), backlog(0));
    watermark.heard(new);

    assert_eq!(watermark.judge(moment(201)), live(201));
}

#[test]
fn a_marker_held_up_makes_frames_backlog() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));

    assert!(watermark.next_marker(moment(102), PATIENCE).is_some());

    assert_eq!(watermark.judge(moment(103)), live(103));
    assert_eq!(watermark.judge(moment(104)), live(100), "it may have waited for four seconds");
    assert_eq!(watermark.judge(moment(110)), live(100));
    assert_eq!(watermark.judge(moment(111)), backlog(100));
}

#[test]
fn one_marker_at_a_time_until_patience_ends() {
    let mut watermark = Watermark::new(at(0), 7);
    watermark.resumed();

    let first = watermark.next_marker(moment(100), PATIENCE).unwrap();
    assert_eq!(watermark.next_marker(moment(109), PATIENCE), None);
    let second = watermark.next_marker(moment(110), PATIENCE).unwrap();
    assert_ne!(first, second);

    watermark.heard(first);
    assert_eq!(watermark.complete_until(), at(100));
    watermark.heard(second);
    assert_eq!(watermark.complete_until(), at(110));
    assert!(watermark.next_marker(moment(111), PATIENCE).is_some());
}

#[test]
fn a_marker_stands_for_those_before_it() {
    let mut watermark = Watermark::new(at(0), 7);
    watermark.resumed();
    let first = watermark.next_marker(moment(100), PATIENCE).unwrap();
    let second = watermark.next_marker(moment(110), PATIENCE).unwrap();

    watermark.heard(second);
    watermark.heard(first);

    assert_eq!(watermark.complete_until(), at(110));
}

#[test]
fn a_clock_behind_the_last_process_never_makes_a_negative_interval() {
    let mut watermark = Watermark::new(at(1_000), 0);
    watermark.resumed();

    assert_eq!(watermark.judge(moment(101)), backlog(101));
}

#[test]
fn a_clock_that_jumps_ahead_makes_no_backlog() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));

    let jumped = Moment { at: at(4_000), ..moment(101) };

    assert_eq!(watermark.judge(jumped), live(4_000));
}

#[test]
fn what_was_not_acknowledged_comes_again_no_later_than_it_was_sent() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));
    let marker = watermark.next_marker(moment(300), PATIENCE).unwrap();
    watermark.heard(marker);

    watermark.ended(Some(at(150)));
    watermark.resumed();
    assert_eq!(watermark.judge(moment(401)), backlog(150));
    let marker = watermark.next_marker(moment(402), PATIENCE).unwrap();
    watermark.heard(marker);
    assert_eq!(watermark.complete_until(), at(402));

    watermark.ended(None);
    watermark.resumed();
    assert_eq!(watermark.judge(moment(501)), backlog(402));
}

#[test]
fn what_waited_while_the_process_stood_still_is_backlog_until_a_new_marker() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));
    watermark.goes_on(moment(102));
    let old = watermark.next_marker(moment(102), PATIENCE).unwrap();
    assert_eq!(watermark.judge(moment(106)), live(100));

    // whoever comes first after it: a frame, the marker from before, or the look at the clock
    assert_eq!(watermark.judge(moment(109)), backlog(100));
    watermark.heard(old);
    assert_eq!(watermark.judge(moment(109)), backlog(102));
    watermark.goes_on(moment(109));
    assert_eq!(watermark.judge(moment(109)), backlog(102));
    let new = watermark.next_marker(moment(109), PATIENCE).unwrap();
    watermark.heard(new);

    assert_eq!(watermark.judge(moment(110)), live(110));
}

#[test]
fn a_marker_from_before_a_standstill_says_nothing_after_it() {
    let mut watermark = Watermark::new(at(0), 0);
    watermark.begun(moment(100));
    watermark.goes_on(moment(102));
    let old = watermark.next_marker(moment(102), PATIENCE).unwrap();

    watermark.goes_on(moment(110));
    watermark.heard(old);

    assert_eq!(watermark.judge(moment(110)), backlog(100));
}

fn moment(seconds: i64) -> Moment {
    Moment { at: at(seconds), running: Duration::from_secs(seconds.unsigned_abs()) }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn live(seconds: i64) -> Sent {
    Sent { live: true, earliest: at(seconds) }
}

fn backlog(seconds: i64) -> Sent {
    Sent { live: false, earliest: at(seconds) }
}

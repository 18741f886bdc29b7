//! Reads are turned away before writes, and some requests never.

use axum::http::Method;

use super::{Lane, Lanes, Surface};

#[test]
fn reads_are_turned_away_before_writes_and_returns_never() {
    let lanes = Lanes::new(8);
    let read = || lanes.enter(Lane::Read);
    let mut work: Vec<_> = (0..6).map(|_| read().unwrap()).collect();

    assert!(read().is_none());
    work.extend([lanes.enter(Lane::Write).unwrap(), lanes.enter(Lane::Write).unwrap()]);
    assert!(lanes.enter(Lane::Write).is_none());
    assert!(lanes.enter(Lane::Never).is_some());

    work.clear();
    assert!(read().is_some());
}

#[test]
fn starts_that_wait_for_cabinets_leave_room_for_others() {
    let lanes = Lanes::new(8);
    let mut work: Vec<_> = (0..4).map(|_| lanes.enter(Lane::Start).unwrap()).collect();

    assert!(lanes.enter(Lane::Start).is_none());
    assert!(lanes.enter(Lane::Read).is_some());
    assert!(lanes.enter(Lane::Write).is_some());

    work.pop();
    assert!(lanes.enter(Lane::Start).is_some());
}

#[test]
fn the_return_of_a_bank_is_never_turned_away() {
    let returned = Lane::of(&Method::GET, "/api/rentbox/order/return");

    assert_eq!(returned, Lane::Never);
    assert_eq!(Lane::of(&Method::GET, "/api/stations"), Lane::Read);
    assert_eq!(Lane::of(&Method::POST, "/api/rentals/start"), Lane::Start);
    assert_eq!(Lane::of(&Method::POST, "/api/payments/verify"), Lane::Write);
    assert_eq!(Lane::of(&Method::GET, "/readyz"), Lane::Never);
}

#[test]
fn figures_tell_who_asked() {
    assert_eq!(Surface::of("/api/iot/client/con"), Surface::Device);
    assert_eq!(Surface::of("/api/stations"), Surface::App);
    assert_eq!(Surface::of("/metrics"), Surface::System);
}

//! Failures are limited by address and minute.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use super::Faults;

#[test]
fn an_address_has_room_until_it_failed_too_often_in_one_minute() {
    let (faults, now) = (Faults::new(3), noon());
    let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    for _ in 0..3 {
        assert!(faults.has_room(here, now));
        faults.count(here, now);
    }

    assert!(!faults.has_room(here, now));
    assert!(faults.has_room(there, now));
    assert!(!faults.has_room(here, now + TimeDelta::seconds(59)));
    assert!(faults.has_room(here, now + TimeDelta::minutes(1)));
}

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

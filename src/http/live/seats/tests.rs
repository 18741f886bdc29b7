//! There are only so many streams, for all and for each.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use domain::ids::RiderId;

use super::{Holder, Kind, Pause, Streams};
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::http::address::ClientAddress;
use crate::http::error::Code;

#[test]
fn a_rider_has_only_so_many_and_gets_one_back_when_one_ends() {
    let streams = streams(Clock::manual());
    let first = streams.enter(Kind::Rental, rider(1)).unwrap();
    let _second = streams.enter(Kind::Stations, rider(1)).unwrap();

    let refused = streams.enter(Kind::Stations, rider(1)).unwrap_err();
    assert_eq!(refused.code(), Code::RateLimitExceeded);
    drop(first);
    let _third = streams.enter(Kind::Stations, rider(1)).unwrap();

    assert_eq!(streams.count(), 2);
}

#[test]
fn a_node_has_only_so_many() {
    let streams = streams(Clock::manual());
    let address = Holder::Address(ClientAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let seats: Vec<_> =
        [rider(1), rider(1), rider(2), address].map(|h| streams.enter(Kind::Stations, h)).into();

    let refused = streams.enter(Kind::Stations, rider(3)).unwrap_err();

    assert_eq!(refused.code(), Code::Overloaded);
    drop(seats);
    assert_eq!(streams.count(), 0);
}

#[tokio::test]
async fn a_seat_is_silent_for_fifteen_seconds_and_ends_with_its_token() {
    let clock = Clock::manual();
    let streams = streams(clock.clone());
    let until = clock.now() + Duration::from_secs(20);
    let mut seat = streams.enter(Kind::Rental, rider(1)).unwrap().until(until);

    clock.advance(Duration::from_secs(15));
    assert_eq!(seat.pause().await, Pause::Silence);
    seat.spoke();
    clock.advance(Duration::from_secs(5));
    assert_eq!(seat.pause().await, Pause::End);
}

#[tokio::test]
async fn a_node_that_drains_ends_its_streams_and_begins_no_other() {
    let streams = streams(Clock::manual());
    let mut seat = streams.enter(Kind::Stations, rider(1)).unwrap();

    streams.end();

    assert_eq!(seat.pause().await, Pause::End);
    assert_eq!(streams.enter(Kind::Stations, rider(2)).unwrap_err().code(), Code::Overloaded);
}

fn streams(clock: Clock) -> Streams {
    let mut config = Config::default();
    config.http.streams_max = 4;
    config.limits.streams_per_rider = 2;
    Streams::new(&config, clock, Entropy::seeded(1))
}

fn rider(number: i64) -> Holder {
    Holder::Rider(RiderId(number))
}

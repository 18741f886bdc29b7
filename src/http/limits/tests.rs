//! A limit counts each rider and each address for itself, and says what is left.

use std::time::Duration;

use super::{ClientAddress, Identity, Limits};
use crate::clock::Clock;
use crate::config;

#[test]
fn an_address_has_its_own_bucket_that_fills_again() {
    let clock = Clock::manual();
    let settings = config::Limits { anonymous_per_minute: 2, ..config::Limits::default() };
    let limits = Limits::new(&settings, &clock);
    let ask = |last| limits.count(&Identity::Nobody, address(last));

    assert_eq!(ask(1).unwrap().remaining, 1);
    assert_eq!(ask(1).unwrap().remaining, 0);
    let (left, wait) = ask(1).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(30), "{wait:?}");
    assert_eq!(left.remaining, 0);
    assert!(ask(2).is_ok(), "another address");

    clock.advance(Duration::from_secs(31));
    assert!(ask(1).is_ok());
}

#[test]
fn what_is_left_is_told_in_headers() {
    let limits = Limits::new(&config::Limits::default(), &Clock::manual());

    let left = limits.count(&Identity::Nobody, address(1)).unwrap();

    let [(policy, rule), (limit, state)] = left.headers();
    assert_eq!(
        (policy.as_str(), rule.to_str().unwrap()),
        ("ratelimit-policy", "\"address\";q=1200;w=60")
    );
    assert_eq!((limit.as_str(), state.to_str().unwrap()), ("ratelimit", "\"address\";r=1199;t=1"));
}

#[test]
fn the_number_of_buckets_is_bounded() {
    let limits = Limits::new(&config::Limits::default(), &Clock::manual());
    for network in 0..60_000_u32 {
        let address = std::net::Ipv4Addr::from(network);
        let _ = limits.count(&Identity::Nobody, ClientAddress(address.into()));
    }

    assert!(limits.strangers.len() <= 51_100, "{}", limits.strangers.len());
}

fn address(last: u8) -> ClientAddress {
    ClientAddress([192, 0, 2, last].into())
}

//! Only a trusted proxy may say where a request comes from.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::{block, forwarded};

#[test]
fn a_stranger_who_claims_an_address_is_not_believed() {
    let heard = forwarded(ip("203.0.113.9"), &says(&["198.51.100.1"]), &[ip("10.0.0.1")]);

    assert_eq!(heard, ip("203.0.113.9"));
}

#[test]
fn a_proxy_of_ours_is_believed_and_what_came_before_it_is_not() {
    let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
    let headers = says(&["192.0.2.66, 198.51.100.1", "10.0.0.2"]);

    assert_eq!(forwarded(ip("10.0.0.1"), &headers, &trusted), ip("198.51.100.1"));
    assert_eq!(forwarded(ip("10.0.0.1"), &HeaderMap::new(), &trusted), ip("10.0.0.1"));
    assert_eq!(forwarded(ip("10.0.0.1"), &says(&["unknown"]), &trusted), ip("10.0.0.1"));
}

#[test]
fn a_customer_with_a_whole_network_counts_as_one() {
    assert_eq!(block(ip("2001:db8:1:2:3:4:5:6")), block(ip("2001:db8:1:2::1")));
    assert_ne!(block(ip("2001:db8:1:2::1")), block(ip("2001:db8:1:3::1")));
    assert_eq!(block(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn says(values: &[&str]) -> HeaderMap {
    values
        .iter()
        .map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap()))
        .collect()
}

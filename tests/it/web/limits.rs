//! How often somebody may ask, and what is told about it.

use std::time::Duration;

use crate::harness::app::{Answer, start};
use crate::harness::node::TestNode;

const START: &str = "/api/rentals/start";

#[tokio::test(flavor = "multi_thread")]
async fn starts_are_limited_per_rider_and_only_counted_without_an_open_rental() {
    let node = TestNode::start().await;
    node.cabinet_kept("860000000000017", "CG-1", &["40818048"]).await;
    let (renter, poor) = (node.app(node.rider(100).await), node.app(node.rider(0).await));

    let started = renter.post(START, &start("CG-1")).await;
    assert_eq!(started.status, 201);
    assert_eq!(started.header("ratelimit-policy"), "\"start\";q=10;w=60");
    assert!(started.header("ratelimit").starts_with("\"start\";r=9;"), "{started:?}");
    for _ in 0..15 {
        let refused = renter.post(START, &start("CG-1")).await;
        assert_eq!(refused.refusal(), (409, "active_rental_exists"));
    }

    let mut asked = Vec::new();
    for _ in 0..11 {
        asked.push(poor.post(START, &start("CG-1")).await);
    }
    let last = asked.pop().unwrap();
    let codes: Vec<_> = asked.iter().map(Answer::refusal).collect();
    // the only bank is out: there is nothing to pay for
    assert_eq!(codes, [(400, "no_power_bank_available"); 10]);
    assert_eq!(last.refusal(), (429, "rate_limit_exceeded"));
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(last.header("ratelimit").starts_with("\"start\";r=0;"), "{last:?}");

    node.clock.advance(Duration::from_secs(wait));
    let later = poor.post(START, &start("CG-1")).await;
    assert_eq!(later.refusal(), (400, "no_power_bank_available"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_what_is_left_and_a_bucket_is_a_riders_own() {
    let node = TestNode::with_settings(|config| {
        config.limits.requests_per_minute = 3;
        config.limits.anonymous_per_minute = 2;
    })
    .await;
    let (one, two) = (node.app(node.rider(0).await), node.app(node.rider(0).await));

    let mut left = Vec::new();
    for _ in 0..3 {
        let answer = one.get("/api/users/wallet").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"rider\";q=3;w=60");
        left.push(answer.header("ratelimit").split(';').nth(1).unwrap().to_owned());
    }
    let refused = one.get("/api/users/wallet").await;

    assert_eq!(left, ["r=2", "r=1", "r=0"]);
    assert_eq!(refused.refusal(), (429, "rate_limit_exceeded"));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(two.get("/api/users/wallet").await.status, 200);
    let stranger = node.stranger();
    let codes = [(); 3].map(|()| stranger.get("/api/stations"));
    let mut seen = Vec::new();
    for code in codes {
        seen.push(code.await.status);
    }
    assert_eq!(seen, [200, 200, 429]);
    assert_eq!(stranger.get("/healthz").await.status, 200, "who runs the service is not limited");
    node.clock.advance(Duration::from_mins(1));
    assert_eq!(one.get("/api/users/wallet").await.status, 200);
}

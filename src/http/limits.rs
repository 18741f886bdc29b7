//! How often somebody may ask: a bucket per rider, or per address for those who are not logged
//! in, and the `RateLimit` headers that tell what is left.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method};
use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::address::ClientAddress;
use super::auth::Identity;
use super::devices;
use super::error::{ApiError, Code, whole_seconds};
use super::front::Front;
use crate::clock::Clock;
use crate::config;
use crate::ephemera::{self, Verdict};
use crate::metrics;

#[cfg(test)]
mod tests;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const WINDOW: Duration = Duration::from_mins(1);
/// Buckets that are remembered; beyond, strangers share some.
const BUCKETS_MAX: usize = 50_000;
const SHARED: u64 = 1_024;

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub policy: &'static str,
    pub quota: u32,
    pub window: Duration,
    pub remaining: u32,
    /// Until all of it is there again.
    pub reset: Duration,
}

impl Left {
    /// What short-lived data says of a limit of `quota` in `window` seconds.
    pub fn of(policy: &'static str, quota: u32, window: u64, verdict: Verdict) -> Left {
        Left {
            policy,
            quota,
            window: Duration::from_secs(window),
            remaining: verdict.remaining,
            reset: verdict.reset_after,
        }
    }

    /// The limit could not be asked: nothing is held against anybody.
    pub fn unknown(policy: &'static str, quota: u32, error: ephemera::Error) -> Left {
        tracing::warn!(%error, policy, "a limit could not be asked");
        Left { policy, quota, window: WINDOW, remaining: quota, reset: Duration::ZERO }
    }

    pub fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let Left { policy, quota, window, remaining, reset } = self;
        let rule = format!("\"{policy}\";q={quota};w={}", window.as_secs());
        let left = format!("\"{policy}\";r={remaining};t={}", whole_seconds(*reset));
        [(POLICY, value(&rule)), (LIMIT, value(&left))]
    }

    /// Adds what is left, unless a narrower limit has said so already.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(LIMIT) {
            headers.extend(self.headers());
        }
    }

    /// 429 with what the client has to know.
    pub fn refusal(&self, wait: Duration) -> ApiError {
        metrics::LIMITED.inc([self.policy]);
        let [policy, limit] = self.headers();
        ApiError::new(Code::RateLimitExceeded, "Too many requests, please try again later")
            .retry_after(wait)
            .header(policy.0, policy.1)
            .header(limit.0, limit.1)
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Bucket {
    Rider(RiderId),
    Address(ClientAddress),
    Shared(u64),
}

type Limiter = RateLimiter<Bucket, HashMapStateStore<Bucket>, Beats, StateInformationMiddleware>;

/// The limits that hold for every request of the front.
#[derive(Debug)]
pub struct Limits {
    riders: Limiter,
    strangers: Limiter,
    hasher: RandomState,
}

impl Limits {
    pub fn new(settings: &config::Limits, clock: &Clock) -> Limits {
        let limiter = |per_minute: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
            let beats = Beats { clock: clock.clone(), begun: clock.now() };
            Limiter::new(quota, HashMapStateStore::default(), beats)
        };
        Limits {
            riders: limiter(settings.requests_per_minute),
            strangers: limiter(settings.anonymous_per_minute),
            hasher: RandomState::new(),
        }
    }

    fn count(&self, identity: &Identity, address: ClientAddress) -> Result<Left, (Left, Duration)> {
        match identity {
            Identity::Rider(caller) => self.ask(&self.riders, "rider", Bucket::Rider(caller.rider)),
            Identity::Nobody | Identity::Refused(_) => {
                self.ask(&self.strangers, "address", Bucket::Address(address))
            }
        }
    }

    fn ask(
        &self,
        limiter: &Limiter,
        policy: &'static str,
        bucket: Bucket,
    ) -> Result<Left, (Left, Duration)> {
        let bucket = if is_full(limiter) {
            Bucket::Shared(self.hasher.hash_one(bucket) % SHARED)
        } else {
            bucket
        };
        match limiter.check_key(&bucket) {
            Ok(state) => {
                let quota = state.quota().burst_size().get();
                let remaining = state.remaining_burst_capacity();
                let reset = state.quota().replenish_interval() * quota.saturating_sub(remaining);
                Ok(Left { policy, quota, window: WINDOW, remaining, reset })
            }
            Err(until) => {
                let quota = until.quota().burst_size().get();
                let left = Left { policy, quota, window: WINDOW, remaining: 0, reset: WINDOW };
                Err((left, until.wait_time_from(limiter.clock().now())))
            }
        }
    }
}

/// Forgets buckets that are full again before it says so.
fn is_full(limiter: &Limiter) -> bool {
    if limiter.len() < BUCKETS_MAX {
        return false;
    }
    limiter.retain_recent();
    limiter.len() >= BUCKETS_MAX
}

/// Counts a request of the app, and says what is left to its sender. Nothing is counted of what
/// cabinets and machines ask.
pub fn count(front: &Front, request: &Request) -> Result<Option<Left>, ApiError> {
    let path = request.uri().path();
    if !path.starts_with("/api/")
        || devices::is_device_path(path)
        || request.method() == Method::OPTIONS
    {
        return Ok(None);
    }
    let extensions = request.extensions();
    let identity = extensions.get::<Identity>().unwrap_or(&Identity::Nobody);
    let address = extensions.get::<ClientAddress>().copied();
    let address = address.ok_or_else(|| ApiError::internal("a request has no address", &""))?;
    let counted = front.limits.count(identity, address);
    counted.map(Some).map_err(|(left, wait)| left.refusal(wait))
}

/// The service's clock, as the limiter counts.
#[derive(Clone, Debug)]
struct Beats {
    clock: Clock,
    begun: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Beat(u64);

impl GovernorClock for Beats {
    type Instant = Beat;

    fn now(&self) -> Beat {
        let passed = (self.clock.now() - self.begun).num_nanoseconds().unwrap_or(i64::MAX);
        Beat(u64::try_from(passed).unwrap_or(0))
    }
}

impl Add<Nanos> for Beat {
    type Output = Beat;

    fn add(self, later: Nanos) -> Beat {
        Beat(self.0.saturating_add(later.as_u64()))
    }
}

impl Reference for Beat {
    fn duration_since(&self, earlier: Beat) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Beat {
        Beat(self.0.saturating_sub(duration.as_u64()))
    }
}

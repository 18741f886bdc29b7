//! Data that may be forgotten: login codes, limits. In memory, or in Redis.
//!
//! Everything has an end: no key lives without one. A lost key must never be worth more than a
//! repeated login code or a limit that starts again; facts do not belong here.

use std::time::Duration;

use async_trait::async_trait;

mod memory;
mod redis;

#[cfg(test)]
mod tests;

pub use memory::Memory;
pub use redis::Redis;

/// Longest life of a key: a hundred years, in milliseconds.
const LIFE_MAX_MS: u64 = 100 * 365 * 24 * 3_600 * 1_000;

/// The store did not answer, or not in time. Whether it did what was asked is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("short-lived data cannot be reached: {0}")]
pub struct Error(pub String);

/// How often something may happen: `count` times at once, and `count` times per `per` in the
/// long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub count: u32,
    pub per: Duration,
}

/// What a limit says about one more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub is_allowed: bool,
    /// How many more times it may happen at once after this.
    pub remaining: u32,
    /// When it may happen again; zero if it was allowed.
    pub retry_after: Duration,
    /// When the limit is as if nothing had happened.
    pub reset_after: Duration,
}

/// A counter, after it was increased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub count: u64,
    /// When it begins at zero again.
    pub resets_in: Duration,
}

/// What there is to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys held in this process.
    pub keys: usize,
    /// Keys dropped before their time because there were too many, ever.
    pub evicted: u64,
    /// Operations that failed, ever.
    pub failures: u64,
}

/// A key is text without a prefix of ours, for example `otp:9800000000`. A life shorter than a
/// millisecond counts as one.
#[async_trait]
pub trait Ephemera: Send + Sync + 'static {
    async fn get(&self, key: &str) -> Result<Option<String>, Error>;

    /// Puts a value in place of any other, for `life`.
    async fn set(&self, key: &str, value: &str, life: Duration) -> Result<(), Error>;

    /// Puts a value if there is none. Of many at once, one is told `true`.
    async fn set_if_absent(&self, key: &str, value: &str, life: Duration) -> Result<bool, Error>;

    /// Answers the value and removes it. Of many at once, one gets it.
    async fn take(&self, key: &str) -> Result<Option<String>, Error>;

    /// Adds one to a counter that begins at zero, and ends `window` after its first count.
    async fn count(&self, key: &str, window: Duration) -> Result<Count, Error>;

    /// Asks whether something may happen once more, and if so counts it. What is refused is
    /// not counted.
    async fn limit(&self, key: &str, limit: Limit) -> Result<Verdict, Error>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Error>;

    fn usage(&self) -> Usage;
}

/// A limit as a bucket that leaks: each time adds `cost` to its level, the level falls by
/// itself, and it may not rise above `full`. The level is the remaining life of one key, so
/// that both stores need no clock but their own. All in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    cost: u64,
    full: u64,
}

impl Bucket {
    fn of(limit: Limit) -> Bucket {
        let count = u64::from(limit.count.max(1));
        let cost = (millis(limit.per) / count).max(1);
        Bucket { cost, full: cost * count }
    }

    /// Whether there is room for one more.
    fn has_room(self, level: u64) -> bool {
        level + self.cost <= self.full
    }

    /// The answer, from the level after the decision.
    fn verdict(self, is_allowed: bool, level: u64) -> Verdict {
        let remaining = self.full.saturating_sub(level) / self.cost;
        let wait = (level + self.cost).saturating_sub(self.full);
        Verdict {
            is_allowed,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            retry_after: Duration::from_millis(if is_allowed { 0 } else { wait }),
            reset_after: Duration::from_millis(level),
        }
    }
}

/// Whole milliseconds, at least one.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LIFE_MAX_MS).clamp(1, LIFE_MAX_MS)
}

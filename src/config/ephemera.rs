//! `[ephemera]`: short-lived data: login codes, limits.

use std::path::PathBuf;

use super::section::{Problems, section};
use super::values::{Endpoint, Millis, Secret};

section! {
    /// Short-lived data. Without a URL it is kept in memory and a restart forgets it.
    Ephemera {
        /// For example `redis://redis.internal:6379/0`, or rediss:// with TLS. Empty: memory. A
        /// URL with a password is accepted from the environment only.
        redis_url: Endpoint = Endpoint::default(),
        /// Password for the URL, if the URL has none.
        redis_password: Secret = Secret::default(),
        /// File that holds the password.
        redis_password_file: PathBuf = PathBuf::new(),
        /// Every key begins with this. Two networks on one Redis need two.
        prefix: String = "chargeghar:".into(),
        /// Longest operation, in milliseconds.
        timeout_ms: Millis = Millis(500),
        /// Most keys in memory; beyond, the one that expires soonest is dropped.
        memory_keys_max: usize = 1_000_000,
    }
}

impl Ephemera {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let known = !self.redis_url.is_set() || self.redis_url.has_scheme(&["redis", "rediss"]);
        problems.unless(
            known,
            "redis_url",
            "must begin with redis:// or rediss://, or be empty for memory",
        );
        problems.unless(self.timeout_ms.0 > 0, "timeout_ms", "must be at least 1");
        problems.unless(self.memory_keys_max >= 1_000, "memory_keys_max", "must be at least 1000");
    }
}

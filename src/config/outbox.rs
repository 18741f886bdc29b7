//! `[outbox]`: how owed effects are carried out.

use super::section::{Problems, section};
use super::values::{Days, Millis, Seconds};

section! {
    /// Messages and other effects that the service owes the outside, at least once.
    Outbox {
        /// Effects in work at once.
        workers: u16 = 8,
        /// How often owed effects are looked for without a hint, in milliseconds.
        poll_ms: Millis = Millis(2_000),
        /// How long a new effect waits for others, so that they are taken and marked together,
        /// in milliseconds.
        gather_ms: Millis = Millis(100),
        /// Longest attempt, in seconds.
        attempt_timeout_s: Seconds = Seconds(30),
        /// First pause after a failure, in milliseconds; it doubles.
        backoff_min_ms: Millis = Millis(1_000),
        /// Longest pause after a failure, in seconds.
        backoff_max_s: Seconds = Seconds(900),
        /// Attempts after which an effect waits for an operator.
        attempts_max: u16 = 12,
        /// How long an effect that was carried out is kept, in days.
        done_days: Days = Days(30),
    }
}

impl Outbox {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(self.workers > 0, "workers", "must be at least 1");
        problems.unless(self.attempts_max > 0, "attempts_max", "must be at least 1");
        problems.unless(self.attempt_timeout_s.0 > 0, "attempt_timeout_s", "must be at least 1");
        problems.unless(self.poll_ms.0 >= 100, "poll_ms", "must be at least 100");
        problems.unless(self.gather_ms.0 <= 5_000, "gather_ms", "must be at most 5000");
        let ordered = self.backoff_min_ms.duration() <= self.backoff_max_s.duration();
        problems.unless(ordered, "backoff_min_ms", "must be at most backoff_max_s");
    }
}

//! `[rentals]`: patience of a start, and which returns are believed at once.

use super::section::{Problems, section};
use super::values::{Days, Millis, Seconds};

section! {
    /// Rentals. Prices, packages and late fees are data, kept in the database.
    Rentals {
        /// How long a start waits for the bank to come out before it answers, in milliseconds.
        start_patience_ms: Millis = Millis(8_000),
        /// A return of a rental younger than this is checked before it closes, in seconds.
        return_young_s: Seconds = Seconds(60),
        /// A bank back at the same cabinet within this time cancels the rental, in seconds.
        same_station_s: Seconds = Seconds(60),
        /// How long an idempotency key is remembered, in days.
        idempotency_days: Days = Days(7),
    }
}

impl Rentals {
    pub(super) fn check(&self, mut problems: Problems<'_>, publish_within_ms: Millis) {
        let patience = self.start_patience_ms >= publish_within_ms;
        problems.unless(
            patience,
            "start_patience_ms",
            "must be at least stations.publish_within_ms",
        );
        problems.unless(self.idempotency_days.0 > 0, "idempotency_days", "must be at least 1");
    }
}

//! `[node]`: one instance of the service, its lease and its end.

use super::section::{Problems, section};
use super::values::{Millis, Seconds};

section! {
    /// One running instance: exactly one holds the lease and may write and eject.
    Node {
        /// How long a lease lasts without renewal, in milliseconds. A second instance waits
        /// this long for a dead one.
        lease_expiry_ms: Millis = Millis(5_000),
        /// How often the lease is renewed, in milliseconds; less than half of the expiry.
        lease_renewal_ms: Millis = Millis(1_500),
        /// Longest orderly end after SIGTERM, in seconds.
        drain_s: Seconds = Seconds(10),
        /// How often due work that belongs to no actor is looked for, in seconds.
        sweep_s: Seconds = Seconds(30),
        /// How often what is out of date is forgotten, in seconds: old raw frames, idempotency
        /// keys, logins, delivered effects, unknown cabinets.
        tidy_s: Seconds = Seconds(600),
    }
}

impl Node {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let halved = self.lease_renewal_ms.duration() * 2;
        let holds = self.lease_renewal_ms.0 > 0 && halved < self.lease_expiry_ms.duration();
        problems.unless(
            holds,
            "lease_renewal_ms",
            "must be more than 0 and less than half of lease_expiry_ms, or one slow renewal ends \
             the node",
        );
        problems.unless(self.sweep_s.0 > 0, "sweep_s", "must be at least 1");
        problems.unless(self.tidy_s.0 >= 10, "tidy_s", "must be at least 10");
    }
}

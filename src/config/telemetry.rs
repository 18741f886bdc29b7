//! `[telemetry]`: logs of the service, and what cabinets tell besides facts.

use super::section::{Problems, section};
use super::values::{Days, Millis};

section! {
    /// Logs, and the telemetry of cabinets: heartbeats, levels, raw frames.
    Telemetry {
        /// What is logged, for example info or info,chargeghar=debug.
        log: String = "info".into(),
        /// How often the telemetry of cabinets is written, in milliseconds. A crash loses at
        /// most this.
        flush_ms: Millis = Millis(2_000),
        /// Raw frames kept while the database is away; more are dropped and counted.
        backlog_max: usize = 200_000,
        /// How long raw frames are kept, in days.
        frames_days: Days = Days(90),
    }
}

impl Telemetry {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(self.flush_ms.0 >= 100, "flush_ms", "must be at least 100");
        problems.unless(self.backlog_max >= 1_000, "backlog_max", "must be at least 1000");
        problems.unless(self.frames_days.0 > 0, "frames_days", "must be at least 1");
    }
}

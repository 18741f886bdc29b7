//! `[limits]`: how often somebody may ask.

use super::section::{Problems, section};
use super::values::Days;

section! {
    /// Limits per rider and per address. An enrolled cabinet's return is never limited.
    Limits {
        /// Rental starts per rider and minute.
        starts_per_minute: u32 = 10,
        /// Login codes per rider and hour.
        otp_per_hour: u32 = 10,
        /// Login codes per address and hour; phones of one carrier share an address.
        otp_per_address_hour: u32 = 300,
        /// Requests per rider and minute.
        requests_per_minute: u32 = 300,
        /// Requests without login per address and minute.
        anonymous_per_minute: u32 = 1_200,
        /// Live streams of a rider at once.
        streams_per_rider: u32 = 8,
        /// Live streams without login per address at once; phones of one carrier share an
        /// address.
        streams_per_address: u32 = 1_000,
        /// Calls of unknown or failing cabinets per address and minute.
        device_faults_per_minute: u32 = 60,
        /// Unknown cabinets listed as pending; beyond, the oldest are forgotten.
        pending_devices_max: usize = 1_000,
        /// Unknown cabinets that are silent for so long are forgotten, in days.
        pending_days: Days = Days(30),
    }
}

impl Limits {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let all = [
            ("starts_per_minute", self.starts_per_minute),
            ("otp_per_hour", self.otp_per_hour),
            ("otp_per_address_hour", self.otp_per_address_hour),
            ("requests_per_minute", self.requests_per_minute),
            ("anonymous_per_minute", self.anonymous_per_minute),
            ("streams_per_rider", self.streams_per_rider),
            ("streams_per_address", self.streams_per_address),
            ("device_faults_per_minute", self.device_faults_per_minute),
        ];
        for (key, limit) in all {
            problems.unless(limit > 0, key, "must be at least 1");
        }
        problems.unless(self.pending_days.0 > 0, "pending_days", "must be at least 1");
    }
}

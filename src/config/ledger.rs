//! `[ledger]`: how often it is verified, and what points are worth.

use std::num::NonZeroU32;

use domain::points::PerRupee;

use super::section::{Problems, section};
use super::values::Seconds;

section! {
    /// The books: money and points of riders and of the network.
    Ledger {
        /// How often what is new is verified, in seconds.
        check_s: Seconds = Seconds(60),
        /// How often the whole ledger is verified, in seconds.
        whole_check_s: Seconds = Seconds(86_400),
        /// How many points one rupee is worth.
        points_per_npr: u32 = 10,
        /// Points that a rider earns for each NPR 100 that are topped up; 0 gives none.
        topup_points_per_100_npr: u32 = 0,
    }
}

impl Ledger {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(self.check_s.0 > 0, "check_s", "must be at least 1");
        let ordered = self.whole_check_s >= self.check_s;
        problems.unless(ordered, "whole_check_s", "must be at least check_s");
        problems.unless(self.points_per_npr > 0, "points_per_npr", "must be at least 1");
    }

    pub fn points(&self) -> PerRupee {
        NonZeroU32::new(self.points_per_npr).map_or_else(PerRupee::default, PerRupee)
    }
}

//! `[withdrawals]`: how much may go out of wallets, and what it costs.

use super::ledger::Ledger;
use super::section::{Problems, section};

section! {
    /// Money out of wallets. Days and months are Nepal's.
    Withdrawals {
        /// Whether riders may ask for money; what was asked for before is paid out all the same.
        enabled: bool = true,
        /// Smallest withdrawal, in whole NPR.
        min_npr: u32 = 100,
        /// Most that one rider may ask for in a day, in whole NPR.
        day_max_npr: u32 = 10_000,
        /// Most that one rider may ask for in a month, in whole NPR.
        month_max_npr: u32 = 50_000,
        /// Fee, in percent of the amount.
        fee_percent: u32 = 2,
        /// Further fee, in whole NPR. Both are taken out of the amount, and are never more than it.
        fee_npr: u32 = 10,
        /// Above this amount, in whole NPR, who approves a withdrawal cannot be who pays it out.
        two_persons_above_npr: u32 = 5_000,
    }
}

impl Withdrawals {
    pub(super) fn check(&self, mut problems: Problems<'_>, ledger: &Ledger) {
        problems.unless(self.min_npr > 0, "min_npr", "must be at least 1");
        let ordered = self.min_npr <= self.day_max_npr && self.day_max_npr <= self.month_max_npr;
        problems.unless(ordered, "day_max_npr", "must be between min_npr and month_max_npr");
        problems.unless(self.fee_percent <= 100, "fee_percent", "must be at most 100");
        // whoever takes out what was brought in keeps the points that it earned
        let earned = u64::from(ledger.topup_points_per_100_npr);
        let covered = u64::from(self.fee_percent) * u64::from(ledger.points_per_npr) >= earned;
        problems.unless(
            covered || !self.enabled,
            "fee_percent",
            "must be at least what a top-up earns in points (ledger.topup_points_per_100_npr)",
        );
    }
}

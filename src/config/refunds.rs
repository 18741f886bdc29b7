//! `[refunds]`: who may give money back, or give it up.

use super::section::section;

section! {
    /// Money that goes back to riders, or is not asked for any more.
    Refunds {
        /// Above this amount, in whole NPR, who approves a refund cannot be who gives it back.
        refund_alone_max_npr: u32 = 1_000,
        /// Dues above this amount, in whole NPR, are not written off; where that is needed, it
        /// takes who may change the settings as well.
        write_off_max_npr: u32 = 1_000,
    }
}

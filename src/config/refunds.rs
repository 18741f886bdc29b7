//! `[refunds]`: who may give money back.

use super::section::section;

section! {
    /// Money that goes back to riders.
    Refunds {
        /// Above this amount, in whole NPR, who approves a refund cannot be who gives it back.
        refund_alone_max_npr: u32 = 1_000,
    }
}

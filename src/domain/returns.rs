//! How a bank comes back: what a cabinet says, and when that is enough to close a rental.

use serde::{Deserialize, Serialize};

/// What a cabinet says of an insertion (protocol page, table 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnResult {
    /// Taken and identified.
    Accepted,
    /// Taken although the slot's switch did not react: the switch is broken.
    AcceptedSwitchBroken,
    /// Physically in, but its serial, trace or lock could not be read. Holds the raw code.
    Unidentified(u8),
    /// Not taken. Holds the raw code.
    Rejected(u8),
}

impl ReturnResult {
    /// May close a rental when the serial is readable.
    pub fn is_accepted(self) -> bool {
        matches!(self, ReturnResult::Accepted | ReturnResult::AcceptedSwitchBroken)
    }
}

//! One slot of a cabinet: what it last said of itself, what is known of the bank in it, and
//! whether that bank may be offered.

use serde::{Deserialize, Serialize};

/// What a cabinet says about a slot (protocol page, table 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Nothing in it; free only while the switch is open too.
    Empty,
    /// A bank that works.
    Normal,
    Fault(SlotFault),
    /// A code the page reserves or does not list; never offered.
    Reserved(u8),
}

/// Why a slot can not be used (protocol page, table 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotFault {
    Charging,
    Communication,
    Jammed,
    SpringForced,
    LatchNotHome,
    AntiTheft,
    TypeCShort,
    ReturnStuck,
}

//! One eject of one bank: what is known of it, and what that means.

use serde::{Deserialize, Serialize};

/// What a cabinet's answer to an eject proves (protocol page, table 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EjectOutcome {
    /// The bank left its slot.
    Out,
    /// The bank did not leave by this command.
    NotOut(NotOutReason),
    /// An earlier eject still runs: this command did nothing, that one decides.
    Busy,
    /// Anything else: the bank may be in or out, only evidence tells. Holds the raw code.
    Verify(u8),
}

/// Why a bank stayed in (protocol page, table 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOutReason {
    /// The serial can still be read in the slot.
    StillReadable,
    /// The cabinet has no clock to judge the time limit by.
    NoClock,
    /// The command came later than its time limit.
    TooLate,
    /// No bank meets the conditions.
    NoSuitableBank,
    /// The cabinet does not know this serial. After an earlier eject of the same bank without
    /// an answer this can mean that it is out already.
    UnknownBank,
    /// The cabinet's queue is full.
    QueueFull,
    /// The cabinet did not understand the command.
    NotUnderstood,
}

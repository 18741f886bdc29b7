//! Cabinet protocols: bytes to messages and back, one family per file.
//!
//! `uplink`, `report` and `downlink` are the neutral vocabulary that the service speaks. They
//! know no word of any protocol; a second family is one more file beside `a8.rs`. Nothing in
//! this package can wait, fail for outside reasons, or know the time.

use std::borrow::Cow;

pub use downlink::{CabinetModel, Downlink, FirmwareTarget, NetworkMode, TimeLimit};
pub use report::{Board, Coverage, Layout, Report, SlotReading};
pub use uplink::{BackupPower, EjectReply, Heartbeat, Inspected, Returned, Signal, Uplink};

pub mod a8;
mod downlink;
mod report;
pub mod topic;
mod uplink;

#[cfg(test)]
mod tests;

/// What one protocol family can do. Pure: the caller owns links, time and retries.
pub trait Codec: Send + Sync {
    /// Reads exactly one message. Never panics, whatever the bytes are.
    fn decode(&self, bytes: &[u8]) -> Result<Uplink, DecodeError>;

    /// The same although its checksum is wrong; for a cabinet that an operator has marked so.
    fn decode_lenient(&self, bytes: &[u8]) -> Result<Uplink, DecodeError> {
        self.decode(bytes)
    }

    /// Writes one command as it goes over the wire.
    fn encode(&self, command: &Downlink) -> Vec<u8>;

    fn capabilities(&self) -> Capabilities;
}

/// Where families differ in a way that the service has to know.
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Ejects name a bank, so that a second delivery cannot release another one.
    pub eject_by_sn: bool,
    /// The cabinet keeps or refuses a returned bank by the server's answer.
    pub server_accepts_return: bool,
    /// The cabinet repeats a return until it is answered.
    pub needs_reply_to_return: bool,
    /// The server has to answer heartbeats itself.
    pub has_heartbeat_reply: bool,
    /// Another company's cloud owns the orders and stands between cabinet and server.
    pub cloud_api: bool,
}

/// Why bytes are not a message. `code` is stable: counters, logs and scripts use it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{actual} bytes, at least {least} needed")]
    TooShort { actual: usize, least: usize },
    #[error("0x{0:02X}")]
    BadHead(u8),
    #[error("declared {declared}, got {actual}")]
    Truncated { declared: usize, actual: usize },
    #[error("declared {declared}, got {actual}")]
    TrailingBytes { declared: usize, actual: usize },
    #[error("computed 0x{computed:02X}, got 0x{found:02X}")]
    BadChecksum { computed: u8, found: u8 },
    #[error("0x{0:02X}")]
    UnknownCommand(u8),
    #[error("{0}")]
    BadLayout(Cow<'static, str>),
}

impl DecodeError {
    pub fn code(&self) -> &'static str {
        match self {
            DecodeError::TooShort { .. } => "too_short",
            DecodeError::BadHead(_) => "bad_head",
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::TrailingBytes { .. } => "trailing_bytes",
            DecodeError::BadChecksum { .. } => "bad_checksum",
            DecodeError::UnknownCommand(_) => "unknown_command",
            DecodeError::BadLayout(_) => "bad_layout",
        }
    }
}

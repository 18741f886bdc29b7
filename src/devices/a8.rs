//! The "A8" family: JSON commands down, binary frames up, HTTP calls beside them.
//!
//! Owns every fact of `docs/PROTOCOL.md`. It keeps no state: matching answers to commands,
//! time and duplicates are the caller's.

use crate::{Capabilities, Codec, DecodeError, Downlink, Uplink};

pub mod build;
mod codes;
mod command;
mod describe;
mod frame;
mod heartbeat;
pub mod http;
pub mod label;
mod layout;
mod message;
mod opaque;
mod reply;
mod report;
mod returned;
pub mod sign;
mod wifi;

#[cfg(test)]
mod tests;

pub use describe::{Description, describe};
pub use frame::{bank_number, checksum};
pub use heartbeat::signal;

use message::Message;

/// The codec of one cabinet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct A8 {
    pub checksum: ChecksumRule,
}

/// What to do with a frame whose checksum is wrong. Hardware always sends a right one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumRule {
    #[default]
    Refuse,
    /// Read it all the same; for a cabinet that an operator has marked so.
    Ignore,
}

impl Codec for A8 {
    fn decode(&self, bytes: &[u8]) -> Result<Uplink, DecodeError> {
        let frame = frame::open(bytes)?;
        let frame = match self.checksum {
            ChecksumRule::Refuse => frame.verified()?,
            ChecksumRule::Ignore => frame,
        };
        Message::parse(&frame).map(Message::into_uplink)
    }

    fn decode_lenient(&self, bytes: &[u8]) -> Result<Uplink, DecodeError> {
        A8 { checksum: ChecksumRule::Ignore }.decode(bytes)
    }

    fn encode(&self, command: &Downlink) -> Vec<u8> {
        command::encode(command)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            eject_by_sn: true,
            server_accepts_return: false,
            needs_reply_to_return: false,
            has_heartbeat_reply: false,
            cloud_api: false,
        }
    }
}

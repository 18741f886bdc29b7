//! The envelope of a frame (docs/PROTOCOL.md 5): head, length, command, payload, checksum.
//!
//! Knows no payload, except how a bank's serial is written in any of them.

use domain::ids::Sn;

use crate::DecodeError;

#[cfg(test)]
mod tests;

pub(crate) const HEAD: u8 = 0xA8;

/// Head, two bytes of length, command; the checksum comes after the payload.
pub(crate) const FRONT: usize = 4;
pub(crate) const LEN_MIN: usize = FRONT + 1;

/// The serial of a bank that the board could not read.
const UNREADABLE: u32 = u32::MAX;

/// One frame, borrowed from the bytes it came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub command: u8,
    pub payload: &'a [u8],
    /// Of the whole frame, as declared and as received.
    pub length: usize,
    /// `None` when the checksum is right.
    pub mismatch: Option<Mismatch>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mismatch {
    pub computed: u8,
    pub found: u8,
}

impl Frame<'_> {
    pub fn verified(self) -> Result<Self, DecodeError> {
        match self.mismatch {
            None => Ok(self),
            Some(Mismatch { computed, found }) => Err(DecodeError::BadChecksum { computed, found }),
        }
    }
}

/// Opens the envelope: every check up to the checksum, in the order of docs/PROTOCOL.md 5.2.
/// A wrong checksum is noted and left to the caller.
pub(crate) fn open(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let [head, high, low, command, rest @ ..] = bytes else { return Err(too_short(bytes.len())) };
    let Some((&found, payload)) = rest.split_last() else { return Err(too_short(bytes.len())) };
    if *head != HEAD {
        return Err(DecodeError::BadHead(*head));
    }
    let declared = usize::from(u16::from_be_bytes([*high, *low]));
    let actual = bytes.len();
    if declared > actual {
        return Err(DecodeError::Truncated { declared, actual });
    }
    if declared < actual {
        return Err(DecodeError::TrailingBytes { declared, actual });
    }
    let computed = checksum(&bytes[..actual - 1]);
    let mismatch = (computed != found).then_some(Mismatch { computed, found });
    Ok(Frame { command: *command, payload, length: actual, mismatch })
}

/// Two's complement of the low byte of the sum: all bytes of a good frame add up to zero.
pub fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

/// The serial in four bytes, big-endian and unsigned; zero and all ones are no serial.
pub(crate) fn serial(bytes: [u8; 4]) -> Option<Sn> {
    match u32::from_be_bytes(bytes) {
        0 | UNREADABLE => None,
        number => Some(Sn(number.to_string())),
    }
}

/// The number a frame carries for a bank: what `serial` reads back. `None` for a text that is
/// no serial of this family.
pub fn bank_number(sn: &Sn) -> Option<u32> {
    let decimal = sn.as_str().bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = sn.as_str().parse().ok().filter(|_| decimal)?;
    (number != 0 && number != UNREADABLE).then_some(number)
}

fn too_short(actual: usize) -> DecodeError {
    DecodeError::TooShort { actual, least: LEN_MIN }
}

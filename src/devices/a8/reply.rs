//! 0x31 and 0x21, the answers to an eject by serial and by slot (docs/PROTOCOL.md 6.2, 6.3).

use std::borrow::Cow;

use domain::ids::{SlotKey, Sn};
use serde::{Serialize, Serializer};

use crate::{DecodeError, EjectReply};

use super::codes;
use super::frame::serial;
use super::report::io;

#[cfg(test)]
mod tests;

/// 0x31.
#[derive(Debug, Serialize)]
pub(crate) struct BySn<'a> {
    /// A board on old firmware, a slot on new: not to be trusted.
    pos: u8,
    sn: Option<Sn>,
    #[serde(flatten)]
    result: ResultCode<'a>,
}

/// 0x21.
#[derive(Debug, Serialize)]
pub(crate) struct BySlot<'a> {
    board: u8,
    io: u8,
    slot: u8,
    #[serde(flatten)]
    result: ResultCode<'a>,
}

/// What both end with.
#[derive(Debug, Serialize)]
struct ResultCode<'a> {
    state: u8,
    state_name: &'static str,
    outcome: &'static str,
    solenoid: Option<u8>,
    solenoid_name: Option<&'static str>,
    #[serde(serialize_with = "as_hex")]
    extra: &'a [u8],
}

impl<'a> BySn<'a> {
    pub fn parse(payload: &'a [u8]) -> Result<BySn<'a>, DecodeError> {
        let [pos, sn0, sn1, sn2, sn3, state, rest @ ..] = payload else {
            return Err(bad("0x31 needs 6 payload bytes"));
        };
        let sn = serial([*sn0, *sn1, *sn2, *sn3]);
        Ok(BySn { pos: *pos, sn, result: ResultCode::new(*state, rest) })
    }

    pub fn into_neutral(self) -> EjectReply {
        self.result.reply(self.sn, None)
    }
}

impl<'a> BySlot<'a> {
    pub fn parse(payload: &'a [u8]) -> Result<BySlot<'a>, DecodeError> {
        let [board, slot, state, rest @ ..] = payload else {
            return Err(bad("0x21 needs 3 payload bytes"));
        };
        let result = ResultCode::new(*state, rest);
        Ok(BySlot { board: *board, io: io(*board), slot: *slot, result })
    }

    pub fn into_neutral(self) -> EjectReply {
        let key = SlotKey::new(self.io, u16::from(self.slot));
        self.result.reply(None, Some(key))
    }
}

impl<'a> ResultCode<'a> {
    /// The solenoid byte may be missing; anything after it is kept as it is.
    fn new(state: u8, rest: &'a [u8]) -> ResultCode<'a> {
        let (solenoid, extra) = match rest {
            [solenoid, extra @ ..] => (Some(*solenoid), extra),
            [] => (None, rest),
        };
        ResultCode {
            state,
            state_name: codes::eject_state_name(state),
            outcome: codes::outcome_name(codes::eject_outcome(state)),
            solenoid,
            solenoid_name: solenoid.map(codes::solenoid_name),
            extra,
        }
    }

    fn reply(&self, sn: Option<Sn>, key: Option<SlotKey>) -> EjectReply {
        let outcome = codes::eject_outcome(self.state);
        EjectReply { sn, key, outcome, code: self.state, solenoid: self.solenoid }
    }
}

fn bad(rule: &'static str) -> DecodeError {
    DecodeError::BadLayout(Cow::Borrowed(rule))
}

pub(crate) fn as_hex<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&hex::encode(bytes))
}

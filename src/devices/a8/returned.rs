//! 0x40, a bank was put in, and 0x28/0x29, a slot was looked at again (docs/PROTOCOL.md 6.4,
//! 6.5). Both carry a code of table 7.3.

use std::borrow::Cow;

use domain::ids::{SlotKey, Sn};
use serde::Serialize;

use crate::{DecodeError, Inspected, Returned};

use super::codes;
use super::frame::serial;
use super::layout::SLOT;
use super::report::{SlotRow, SlotView, io, known, level, slot_view};

#[cfg(test)]
mod tests;

/// Checked by the envelope's own length: a frame is 13, 14 or 15 bytes.
const ENVELOPE: usize = 5;

/// 0x40.
#[derive(Debug, Serialize)]
pub(crate) struct Return {
    board: u8,
    io: u8,
    slot: u8,
    area: u8,
    sn: Option<Sn>,
    state: u8,
    state_name: &'static str,
    accepted: bool,
    bank_sw: Option<u8>,
    soc: Option<u8>,
    variant: usize,
}

impl Return {
    pub fn parse(payload: &[u8]) -> Result<Return, DecodeError> {
        let ([board, slot, area, sn0, sn1, sn2, sn3, state, more @ ..], 8..=10) =
            (payload, payload.len())
        else {
            let length = payload.len();
            let text = format!("0x40 payload of {length} bytes (8, 9 or 10 allowed)");
            return Err(DecodeError::BadLayout(Cow::Owned(text)));
        };
        Ok(Return {
            board: *board,
            io: io(*board),
            slot: *slot,
            area: *area,
            sn: serial([*sn0, *sn1, *sn2, *sn3]),
            state: *state,
            state_name: codes::return_state_name(*state),
            accepted: codes::return_result(*state).is_accepted(),
            bank_sw: more.first().copied(),
            soc: more.get(1).copied().and_then(known),
            variant: payload.len() + ENVELOPE,
        })
    }

    pub fn into_neutral(self) -> Returned {
        Returned {
            key: SlotKey::new(self.io, u16::from(self.slot)),
            sn: self.sn,
            result: codes::return_result(self.state),
            code: self.state,
            level: level(self.soc),
            bank_version: self.bank_sw,
            area: u16::from(self.area),
        }
    }
}

/// 0x28, or 0x29 when the server asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfCheck<'a> {
    board: u8,
    row: SlotRow<'a>,
    on_request: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct SelfCheckView {
    #[serde(flatten)]
    slot: SlotView,
    accepted: bool,
    bank_hw: u8,
}

impl<'a> SelfCheck<'a> {
    pub fn parse(command: u8, payload: &'a [u8]) -> Result<SelfCheck<'a>, DecodeError> {
        let exact: Option<(&u8, &[u8; SLOT])> =
            payload.split_first().and_then(|(board, row)| Some((board, row.try_into().ok()?)));
        let Some((board, row)) = exact else {
            let length = payload.len();
            let text = format!("0x{command:02X} payload of {length} bytes (16 required)");
            return Err(DecodeError::BadLayout(Cow::Owned(text)));
        };
        Ok(SelfCheck { board: *board, row: SlotRow(row), on_request: command == 0x29 })
    }

    pub fn view(self) -> SelfCheckView {
        let mut slot = slot_view(self.board, 0, self.row);
        slot.state_name = codes::return_state_name(self.row.state());
        let accepted = codes::return_result(self.row.state()).is_accepted();
        SelfCheckView { slot, accepted, bank_hw: self.row.sensor() }
    }

    pub fn into_neutral(self) -> Inspected {
        let row = self.row;
        Inspected {
            key: SlotKey::new(io(self.board), u16::from(row.number())),
            sn: row.sn(),
            result: codes::return_result(row.state()),
            code: row.state(),
            level: level(row.level()),
            temperature: row.temperature().map(i16::from),
            cell_mv: row.cell_mv(),
            on_request: self.on_request,
        }
    }
}

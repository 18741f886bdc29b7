//! Writes the frames a cabinet sends. For simulators and tests: the service never sends one.
//!
//! Rows are given as the raw bytes of docs/PROTOCOL.md 6.1, so that any cabinet, a lying one
//! too, can be played. Nothing here checks that a frame makes sense.

use crate::{Layout, Signal};

use super::frame::{FRONT, HEAD, checksum};

#[cfg(test)]
mod tests;

/// Sensor byte of an empty slot: nothing presses the switch.
pub const SENSOR_EMPTY: u8 = 0x80;
/// Sensor byte of a slot with a bank in it.
pub const SENSOR_BANK: u8 = 0x00;

/// One frame around any payload. A payload above 65,530 bytes gives a frame whose length field
/// is wrong.
pub fn frame(command: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + FRONT + 1).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut bytes = Vec::with_capacity(payload.len() + FRONT + 1);
    bytes.extend_from_slice(&[HEAD, high, low, command]);
    bytes.extend_from_slice(payload);
    bytes.push(checksum(&bytes));
    bytes
}

/// A board and the slots it drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardGroup {
    pub board: BoardRow,
    pub slots: Vec<SlotRow>,
}

/// A board row but for its two hint bytes, which the layout decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardRow {
    pub address: u8,
    /// Celsius; 0 and 255 mean no sensor.
    pub temperature: u8,
    /// Zero together with `hardware` means that the board is not fitted.
    pub software: u8,
    pub hardware: u8,
}

impl BoardRow {
    /// A fitted board of the present generation.
    pub fn fitted(address: u8) -> BoardRow {
        BoardRow { address, temperature: 0, software: 4, hardware: 0x16 }
    }

    /// A board that the cabinet lists and does not have.
    pub fn phantom(address: u8) -> BoardRow {
        BoardRow { address, temperature: 0, software: 0, hardware: 0 }
    }
}

/// A slot row, byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRow {
    pub slot: u8,
    /// Table 7.1 in a report, 7.3 in a self-check.
    pub state: u8,
    /// Tenths of an ampere.
    pub bank_current: u8,
    /// Millivolts are `(cell + 200) * 10`; 0 means none.
    pub cell: u8,
    pub area: u8,
    /// 0 is no bank, all ones an unreadable one.
    pub sn: u32,
    /// Percent; 255 is unknown.
    pub level: u8,
    /// Celsius; 0 and 255 are unknown.
    pub temperature: u8,
    /// Tenths of a volt.
    pub charge_voltage: u8,
    /// Tenths of an ampere.
    pub charge_current: u8,
    pub bank_version: u8,
    /// Bit 7: switch open; bit 6: solenoid open.
    pub sensor: u8,
}

impl SlotRow {
    pub fn empty(slot: u8) -> SlotRow {
        SlotRow {
            slot,
            state: 0x00,
            bank_current: 0,
            cell: 0,
            area: 0,
            sn: 0,
            level: 0,
            temperature: 1,
            charge_voltage: 0,
            charge_current: 0,
            bank_version: 0,
            sensor: SENSOR_EMPTY,
        }
    }

    /// A healthy bank at rest.
    pub fn with_bank(slot: u8, sn: u32, level: u8) -> SlotRow {
        SlotRow {
            slot,
            state: 0x01,
            bank_current: 0,
            cell: 0xE5,
            area: 0x49,
            sn,
            level,
            temperature: 30,
            charge_voltage: 0,
            charge_current: 0,
            bank_version: 0x19,
            sensor: SENSOR_BANK,
        }
    }

    /// The fifteen bytes of the row.
    pub fn bytes(&self) -> [u8; 15] {
        let [sn0, sn1, sn2, sn3] = self.sn.to_be_bytes();
        [
            self.slot,
            self.state,
            self.bank_current,
            self.cell,
            self.area,
            sn0,
            sn1,
            sn2,
            sn3,
            self.level,
            self.temperature,
            self.charge_voltage,
            self.charge_current,
            self.bank_version,
            self.sensor,
        ]
    }
}

/// 0x10: the whole cabinet. The layout decides the hint bytes of every board row.
pub fn report(layout: Layout, groups: &[BoardGroup]) -> Vec<u8> {
    let rows: usize = groups.iter().map(|group| group.slots.len()).sum();
    let mut payload = Vec::with_capacity(groups.len() * 6 + rows * 15);
    for BoardGroup { board, slots } in groups {
        let (r1, r2) = match layout {
            Layout::Marker => (0xFF, 0xFF),
            Layout::Counted => (u8::try_from(slots.len()).unwrap_or(u8::MAX), 0),
            Layout::Uniform | Layout::Mixed => (0, 0),
        };
        payload.extend_from_slice(&[
            board.address,
            r1,
            r2,
            board.temperature,
            board.software,
            board.hardware,
        ]);
        for slot in slots {
            payload.extend_from_slice(&slot.bytes());
        }
    }
    frame(0x10, &payload)
}

/// 0x31: the answer to an eject by serial. `position` is the byte that cannot be trusted.
pub fn eject_reply(position: u8, sn: u32, state: u8, solenoid: u8) -> Vec<u8> {
    let [sn0, sn1, sn2, sn3] = sn.to_be_bytes();
    frame(0x31, &[position, sn0, sn1, sn2, sn3, state, solenoid])
}

/// 0x21: the answer to an eject by slot.
pub fn eject_by_slot_reply(board: u8, slot: u8, state: u8, solenoid: u8) -> Vec<u8> {
    frame(0x21, &[board, slot, state, solenoid])
}

/// The three lengths of a return event, with what each adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnForm {
    /// 13 bytes.
    Bare,
    /// 14 bytes.
    Versioned { bank_version: u8 },
    /// 15 bytes, the usual one.
    Full { bank_version: u8, level: u8 },
}

/// 0x40: a bank was put in. `state` is of table 7.3.
pub fn returned(board: u8, slot: u8, area: u8, sn: u32, state: u8, form: ReturnForm) -> Vec<u8> {
    let [sn0, sn1, sn2, sn3] = sn.to_be_bytes();
    let whole =
        |bank_version, level| [board, slot, area, sn0, sn1, sn2, sn3, state, bank_version, level];
    match form {
        ReturnForm::Bare => frame(0x40, &whole(0, 0)[..8]),
        ReturnForm::Versioned { bank_version } => frame(0x40, &whole(bank_version, 0)[..9]),
        ReturnForm::Full { bank_version, level } => frame(0x40, &whole(bank_version, level)),
    }
}

/// 0x28: the cabinet looked at a slot again. The row's state is of table 7.3.
pub fn self_check(board: u8, row: &SlotRow) -> Vec<u8> {
    let mut payload = [0; 16];
    payload[0] = board;
    payload[1..].copy_from_slice(&row.bytes());
    frame(0x28, &payload)
}

/// 0x7A: the heartbeat. `backup` is the code behind `BP:`.
pub fn heartbeat(board: u8, signal: Signal, backup: u8) -> Vec<u8> {
    let text = match signal {
        Signal::Csq(csq) => format!("CSQ:{csq};BP:{backup}"),
        Signal::Rssi(dbm) => format!("RSSI:{dbm};BP:{backup}"),
        Signal::NoNetwork => format!("CSQ:99;BP:{backup}"),
    };
    let mut payload = vec![board];
    payload.extend_from_slice(text.as_bytes());
    frame(0x7A, &payload)
}

/// 0xCF: the networks in reach. Names with quotes or commas cannot be told apart by any reader.
pub fn wifi_list(ssids: &[&str]) -> Vec<u8> {
    let quoted: Vec<String> = ssids.iter().map(|ssid| format!("\"{ssid}\"")).collect();
    frame(0xCF, format!("[{}]", quoted.join(",")).as_bytes())
}

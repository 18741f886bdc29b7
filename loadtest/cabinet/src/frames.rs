//! What a cabinet writes: its rack as rows, and rows as frames. The bytes themselves are laid
//! out by `devices::a8::build`.

use std::collections::BTreeSet;
use std::time::Duration;

use devices::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use domain::ids::{SlotKey, Sn};

use crate::bank::{Bank, wire_sn};
use crate::layout::{Board, Layout};
use crate::rack::{Rack, Slot};
use crate::spec::ReturnForm;

#[cfg(test)]
mod tests;

/// Slot states of table 7.1 that the simulator sets by itself.
const EMPTY: u8 = 0x00;
const NORMAL: u8 = 0x01;
const COMMUNICATION_FAULT: u8 = 0x03;
/// Rows of boards that are not fitted carry the same junk in every capture.
const PHANTOM_SN: u32 = 0x0004_0000;
const PHANTOM_CURRENT: u8 = 183;
const PHANTOM_SENSORS: [u8; 3] = [0x00, 0x40, 0xC0];
/// What charging contacts read: 5.0 V and 1.3 A.
const CHARGE_VOLTAGE: u8 = 50;
const CHARGE_CURRENT: u8 = 13;
/// How many banks old firmware lists for `check`.
const TOP: usize = 5;

/// What a report leaves out or gets wrong.
#[derive(Clone, Debug, Default)]
pub struct Slant {
    /// Boards missing at the end.
    pub boards_missing: usize,
    /// Rows missing at the end of the last board that is left.
    pub rows_missing: usize,
    /// Only the five banks with most charge.
    pub top_five: bool,
    /// Levels that are not true; `None` stands for every bank.
    pub levels: Vec<(Option<Sn>, u8)>,
}

/// 0x10: the rack as it is at `now`.
pub fn report(layout: &Layout, rack: &Rack, now: Duration, slant: &Slant) -> Vec<u8> {
    let only = slant.top_five.then(|| top(rack));
    let kept = layout.boards.len().saturating_sub(slant.boards_missing).max(1);
    let mut groups = Vec::with_capacity(kept);
    for (index, board) in layout.boards.iter().enumerate().take(kept) {
        let slots = rows(board, index, rack, now, slant, only.as_ref());
        if slots.is_empty() {
            continue;
        }
        let (temperature, software, hardware) = (board.temperature, board.software, board.hardware);
        let row = BoardRow { address: board.address, temperature, software, hardware };
        groups.push(BoardGroup { board: row, slots });
    }
    if let Some(BoardGroup { slots, .. }) = groups.last_mut() {
        slots.truncate(slots.len().saturating_sub(slant.rows_missing).max(1));
    }
    build::report(layout.marking, &groups)
}

fn rows(
    board: &Board,
    index: usize,
    rack: &Rack,
    now: Duration,
    slant: &Slant,
    only: Option<&BTreeSet<SlotKey>>,
) -> Vec<SlotRow> {
    if !board.is_fitted() {
        let junk = (0..board.slots).map(|n| phantom_row(board.first_slot + n));
        return if only.is_some() { Vec::new() } else { junk.collect() };
    }
    let listed = |slot: &&Slot| slot.board == index && only.is_none_or(|o| o.contains(&slot.key));
    rack.slots().iter().filter(listed).map(|slot| slot_row(slot, now, &slant.levels)).collect()
}

fn top(rack: &Rack) -> BTreeSet<SlotKey> {
    let mut banks: Vec<(u8, SlotKey)> =
        rack.slots().iter().filter_map(|s| s.bank.as_ref().map(|b| (b.level, s.key))).collect();
    banks.sort_by(|a, b| b.cmp(a));
    banks.into_iter().take(TOP).map(|(_, key)| key).collect()
}

/// A row of a report.
fn slot_row(slot: &Slot, now: Duration, levels: &[(Option<Sn>, u8)]) -> SlotRow {
    let number = low_byte(slot.key.slot);
    let mut row = match slot.shown(now) {
        None => SlotRow { state: EMPTY, ..SlotRow::empty(number) },
        Some(bank) if slot.unreadable => {
            SlotRow { state: COMMUNICATION_FAULT, sn: 0, ..bank_row(number, bank) }
        }
        Some(bank) => {
            let untrue = levels.iter().find(|(sn, _)| sn.as_ref().is_none_or(|sn| *sn == bank.sn));
            let level = untrue.map_or(bank.level, |(_, level)| *level);
            SlotRow { level, ..bank_row(number, bank) }
        }
    };
    row.state = slot.state.unwrap_or(row.state);
    row.sensor = slot.sensor.unwrap_or(row.sensor);
    row
}

fn bank_row(number: u8, bank: &Bank) -> SlotRow {
    let charging = bank.is_charging();
    SlotRow {
        state: NORMAL,
        cell: bank.cell_byte(),
        area: bank.area,
        temperature: bank.temperature,
        charge_voltage: if charging { CHARGE_VOLTAGE } else { 0 },
        charge_current: if charging { CHARGE_CURRENT } else { 0 },
        bank_version: bank.software,
        ..SlotRow::with_bank(number, bank.wire_sn(), bank.level)
    }
}

fn phantom_row(slot: u16) -> SlotRow {
    let sensor = PHANTOM_SENSORS[usize::from(slot) % PHANTOM_SENSORS.len()];
    SlotRow {
        sn: PHANTOM_SN,
        bank_current: PHANTOM_CURRENT,
        sensor,
        ..SlotRow::empty(low_byte(slot))
    }
}

/// 0x28: one slot looked at again, with a state of table 7.3.
pub fn self_check(layout: &Layout, slot: &Slot, now: Duration, state: u8) -> Vec<u8> {
    build::self_check(address(layout, slot.board), &SlotRow { state, ..slot_row(slot, now, &[]) })
}

/// 0x31: the answer to an eject by serial. `position` is the byte nobody may trust.
pub fn ejected_sn(position: u8, sn: &Sn, code: u8, solenoid: u8) -> Vec<u8> {
    build::eject_reply(position, wire_sn(sn), code, solenoid)
}

/// 0x21: the answer to an eject by slot.
pub fn ejected_slot(layout: &Layout, key: SlotKey, code: u8, solenoid: u8) -> Vec<u8> {
    let board = layout.boards.iter().find(|board| board.keys().any(|k| k == key));
    let address = board.map_or(0, |board| board.address);
    build::eject_by_slot_reply(address, low_byte(key.slot), code, solenoid)
}

/// 0x40: a bank was put in. `sn` 0 is one that could not be read.
pub fn returned(
    layout: &Layout,
    slot: &Slot,
    bank: &Bank,
    readable: bool,
    code: u8,
    form: ReturnForm,
) -> Vec<u8> {
    let (sn, area) = if readable { (bank.wire_sn(), bank.area) } else { (0, 0) };
    let (bank_version, level) = (bank.software, bank.level);
    let form = match form {
        ReturnForm::Bytes13 => build::ReturnForm::Bare,
        ReturnForm::Bytes14 => build::ReturnForm::Versioned { bank_version },
        ReturnForm::Bytes15 => build::ReturnForm::Full { bank_version, level },
    };
    let slot_number = low_byte(slot.key.slot);
    build::returned(address(layout, slot.board), slot_number, area, sn, code, form)
}

/// The address of a slot's board.
pub fn address(layout: &Layout, board: usize) -> u8 {
    layout.boards.get(board).map_or(0, |board| board.address)
}

/// Slot numbers wrap on huge cabinets.
fn low_byte(slot: u16) -> u8 {
    slot.to_be_bytes()[1]
}

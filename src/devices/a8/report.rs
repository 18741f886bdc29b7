//! 0x10, the cabinet report (docs/PROTOCOL.md 6.1): board rows and slot rows.
//!
//! Reads bytes in place; decides nothing about what a slot may be used for.

use std::borrow::Cow;

use domain::ids::{SlotKey, Sn};
use serde::Serialize;

use crate::{Board, DecodeError, Report, SlotReading};

use super::codes;
use super::frame::serial;
use super::layout::{self, BOARD, Found, Group, PORTS, SLOT};

#[cfg(test)]
mod tests;

const SWITCH_OPEN: u8 = 0x80;
const SOLENOID_OPEN: u8 = 0x40;
const LEVEL_MAX: u8 = 100;
/// A byte that says "not known" in most fields.
const UNKNOWN: u8 = 0xFF;

/// The six bytes of a board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoardRow<'a>(pub &'a [u8; BOARD]);

/// The fifteen bytes of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotRow<'a>(pub &'a [u8; SLOT]);

pub(crate) fn parse(payload: &[u8]) -> Result<Found<'_>, DecodeError> {
    if payload.len() < BOARD + SLOT {
        let rule = "payload shorter than one board and one slot";
        return Err(DecodeError::BadLayout(Cow::Borrowed(rule)));
    }
    layout::find(payload).ok_or_else(|| {
        let text = format!("payload of {} bytes splits into no boards and slots", payload.len());
        DecodeError::BadLayout(Cow::Owned(text))
    })
}

/// The serial port that a board address stands for: 0x10 to 0x40 are port 0, 0x50 to 0x90
/// port 1, small addresses port 0.
pub(crate) fn io(address: u8) -> u8 {
    (address >> 4) / 5
}

impl BoardRow<'_> {
    pub fn address(self) -> u8 {
        self.0[0]
    }

    pub fn io(self) -> u8 {
        io(self.address())
    }

    fn temperature(self) -> Option<u8> {
        sensed(self.0[3])
    }

    /// Both versions zero: the cabinet lists a board that it does not have.
    fn is_fitted(self) -> bool {
        self.0[4..] != [0, 0]
    }

    /// The high byte of the area code, on firmware that keeps it here.
    fn area_high(self) -> u8 {
        match self.0[2] {
            0x0B | UNKNOWN => 0,
            high => high,
        }
    }
}

impl SlotRow<'_> {
    pub fn number(self) -> u8 {
        self.0[0]
    }

    pub fn state(self) -> u8 {
        self.0[1]
    }

    /// Junk in an empty slot, so not read there.
    pub fn sn(self) -> Option<Sn> {
        let [_, state, _, _, _, sn @ .., _, _, _, _, _, _] = self.0;
        if *state == 0 { None } else { serial(*sn) }
    }

    pub fn level(self) -> Option<u8> {
        known(self.0[9])
    }

    pub fn temperature(self) -> Option<u8> {
        sensed(self.0[10])
    }

    pub fn cell_mv(self) -> Option<u16> {
        (self.0[3] != 0).then(|| (u16::from(self.0[3]) + 200) * 10)
    }

    pub fn sensor(self) -> u8 {
        self.0[14]
    }

    fn area(self, high: u8) -> u16 {
        let high = if self.state() == 0 { 0 } else { high };
        u16::from_be_bytes([high, self.0[4]])
    }

    fn reading(self, board: BoardRow<'_>) -> SlotReading {
        let empty = self.state() == 0;
        SlotReading {
            key: SlotKey::new(board.io(), u16::from(self.number())),
            state: codes::slot_state(self.state()),
            sn: self.sn(),
            level: level(self.level()),
            temperature: self.temperature().filter(|_| !empty).map(i16::from),
            cell_mv: self.cell_mv(),
            charge_decivolts: known(self.0[11]),
            charge_deciamps: known(self.0[12]),
            bank_deciamps: self.0[2],
            bank_version: self.0[13],
            area: self.area(board.area_high()),
            switch_open: self.sensor() & SWITCH_OPEN != 0,
            solenoid_open: self.sensor() & SOLENOID_OPEN != 0,
        }
    }
}

/// A level that may be shown and compared; anything else is as good as unknown.
pub(crate) fn level(byte: Option<u8>) -> Option<u8> {
    byte.filter(|level| *level <= LEVEL_MAX)
}

/// FF says "not known".
pub(crate) fn known(byte: u8) -> Option<u8> {
    (byte != UNKNOWN).then_some(byte)
}

/// 0 says "no sensor", FF "not known".
fn sensed(byte: u8) -> Option<u8> {
    known(byte).filter(|celsius| *celsius != 0)
}

/// Keeps fitted boards. Of two fitted rows with one key the first stands.
pub(crate) fn neutral(found: &Found<'_>) -> Report {
    let fitted = || found.groups.iter().filter(|group| group.board.is_fitted());
    let rows = |groups: usize, group: &Group<'_>| groups + group.slots.len();
    let count = fitted().fold(0, rows);
    let all = found.groups.iter().fold(0, rows);

    let mut seen = Seen::default();
    let mut slots = Vec::with_capacity(count);
    let mut stray = Vec::new();
    for Group { board, slots: rows } in fitted() {
        for row in *rows {
            let reading = SlotRow(row).reading(*board);
            let first =
                SlotRow(row).number() != 0 && seen.insert(board.io(), SlotRow(row).number());
            if first { slots.push(reading) } else { stray.push(reading) }
        }
    }
    Report {
        layout: found.layout,
        exact: found.exact,
        boards: fitted().map(board).collect(),
        slots,
        stray,
        phantom: u16::try_from(all - count).unwrap_or(u16::MAX),
        signal: None,
    }
}

/// The keys met so far: a bit for each slot number of each serial port.
#[derive(Default)]
struct Seen([[u64; 4]; PORTS]);

impl Seen {
    /// False when the key was there already.
    fn insert(&mut self, io: u8, slot: u8) -> bool {
        let word = &mut self.0[usize::from(io)][usize::from(slot / 64)];
        let bit = 1 << (slot % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

fn board(group: &Group<'_>) -> Board {
    Board {
        address: group.board.address(),
        io: group.board.io(),
        slots: u16::try_from(group.slots.len()).unwrap_or(u16::MAX),
        temperature: group.board.temperature().map(i16::from),
        software: group.board.0[4],
        hardware: group.board.0[5],
    }
}

/// A report as the decoder shows it: every row, phantom ones too.
#[derive(Debug, Serialize)]
pub(crate) struct ReportView {
    layout: &'static str,
    boards: Vec<BoardView>,
    slots: Vec<SlotView>,
    slot_count: usize,
    fitted_slots: usize,
    occupied: usize,
}

#[derive(Debug, Serialize)]
struct BoardView {
    board: u8,
    io: u8,
    r1: u8,
    r2: u8,
    temp_c: Option<u8>,
    sw: u8,
    hw: u8,
    fitted: bool,
    slots: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct SlotView {
    slot: u8,
    io: u8,
    board: u8,
    state: u8,
    pub(crate) state_name: &'static str,
    sn: Option<Sn>,
    area: u16,
    soc: Option<u8>,
    temp_c: Option<u8>,
    charge_v: Option<f64>,
    charge_a: Option<f64>,
    bank_a: f64,
    cell_mv: Option<u16>,
    bank_sw: u8,
    sensor: u8,
    micro_switch_open: bool,
    solenoid_open: bool,
    flags: Vec<&'static str>,
}

pub(crate) fn view(found: &Found<'_>) -> ReportView {
    let mut slots = Vec::new();
    let (mut fitted_slots, mut occupied) = (0, 0);
    for Group { board, slots: rows } in &found.groups {
        for row in *rows {
            let mut view = slot_view(board.address(), board.area_high(), SlotRow(row));
            if board.is_fitted() {
                fitted_slots += 1;
                occupied += usize::from(view.sn.is_some());
            } else {
                view.flags.push("phantom");
            }
            slots.push(view);
        }
    }
    let boards = found.groups.iter().map(board_view).collect();
    let (layout, slot_count) = (found.layout.as_str(), slots.len());
    ReportView { layout, boards, slots, slot_count, fitted_slots, occupied }
}

fn board_view(group: &Group<'_>) -> BoardView {
    let [board, r1, r2, _, sw, hw] = *group.board.0;
    BoardView {
        board,
        io: group.board.io(),
        r1,
        r2,
        temp_c: group.board.temperature(),
        sw,
        hw,
        fitted: group.board.is_fitted(),
        slots: group.slots.len(),
    }
}

pub(crate) fn slot_view(board: u8, area_high: u8, row: SlotRow<'_>) -> SlotView {
    let level_known = row.level();
    let out_of_range = level_known.is_some() && level(level_known).is_none();
    SlotView {
        slot: row.number(),
        io: io(board),
        board,
        state: row.state(),
        state_name: codes::slot_state_name(row.state()),
        sn: row.sn(),
        area: row.area(area_high),
        soc: level_known,
        temp_c: row.temperature(),
        charge_v: known(row.0[11]).map(tenths),
        charge_a: known(row.0[12]).map(tenths),
        bank_a: tenths(row.0[2]),
        cell_mv: row.cell_mv(),
        bank_sw: row.0[13],
        sensor: row.sensor(),
        micro_switch_open: row.sensor() & SWITCH_OPEN != 0,
        solenoid_open: row.sensor() & SOLENOID_OPEN != 0,
        flags: if out_of_range { vec!["soc_out_of_range"] } else { vec![] },
    }
}

#[expect(clippy::float_arithmetic, reason = "shown to people; no rule reads it")]
fn tenths(byte: u8) -> f64 {
    f64::from(byte) / 10.0
}

//! Rows of a report: phantom boards, repeated and wrapped slot numbers, area codes, fields.

use domain::ids::{SlotKey, Sn};
use domain::slot::{SlotFault, SlotState};
use serde_json::json;

use crate::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use crate::a8::{A8, describe};
use crate::{Codec, Layout, Report, Uplink};

#[test]
fn phantom_boards_are_counted_and_never_become_slots() {
    let groups = vec![fitted(1, &[1, 2]), phantom(0x16, &[3, 4]), phantom(0x00, &[5])];
    let report = read(Layout::Marker, &groups);
    assert_eq!(keys(&report), [SlotKey::new(0, 1), SlotKey::new(0, 2)]);
    assert_eq!((report.phantom, report.boards.len(), report.is_whole()), (3, 1, true));
}

#[test]
fn a_report_of_phantom_boards_only_proves_nothing() {
    let report = read(Layout::Marker, &[phantom(0x16, &[1, 2])]);
    assert!(report.slots.is_empty() && !report.is_whole());
}

#[test]
fn of_two_rows_with_one_key_the_first_stands_and_nothing_is_proved() {
    let mut groups = vec![fitted(1, &[1, 2]), fitted(2, &[2, 3])];
    groups[1].slots[0] = SlotRow::with_bank(2, 40_818_048, 64);
    let report = read(Layout::Marker, &groups);
    assert_eq!(keys(&report), [1, 2, 3].map(|slot| SlotKey::new(0, slot)));
    assert_eq!(report.slot(SlotKey::new(0, 2)).map(|slot| &slot.sn), Some(&None));
    assert_eq!(report.stray.len(), 1);
    assert!(report.shows(&Sn::from("40818048")) && !report.is_whole());
}

#[test]
fn a_phantom_row_takes_no_key_from_a_fitted_one() {
    let report = read(Layout::Marker, &[phantom(0x16, &[1]), fitted(1, &[1])]);
    assert_eq!(keys(&report), [SlotKey::new(0, 1)]);
    assert!(report.stray.is_empty());
}

#[test]
fn wrapped_numbers_of_phantom_rows_do_no_harm_and_of_fitted_rows_are_strays() {
    let wrapped = [254, 255, 0, 1, 2];
    let report = read(Layout::Marker, &[fitted(1, &[1, 2]), phantom(0, &wrapped)]);
    assert!(report.is_whole());
    let report = read(Layout::Marker, &[fitted(1, &[1, 2]), fitted(2, &wrapped)]);
    assert_eq!((report.slots.len(), report.stray.len()), (4, 3));
    assert!(!report.is_whole());
}

#[test]
fn the_area_code_takes_its_high_byte_from_the_board() {
    let area = |r2, state| {
        let row = SlotRow { state, area: 0x65, ..SlotRow::with_bank(1, 40_818_048, 64) };
        let mut payload = vec![1, 1, r2, 0, 4, 15];
        payload.extend_from_slice(&row.bytes());
        uplink(&build::frame(0x10, &payload)).slots[0].area
    };
    assert_eq!(area(0x01, 1), 357);
    assert_eq!(area(0x01, 0), 0x65, "an empty slot has no code");
    for no_code in [0x00, 0x0B, 0xFF] {
        assert_eq!(area(no_code, 1), 0x65);
    }
}

#[test]
fn every_field_of_a_row_has_its_place() {
    let row = SlotRow {
        slot: 3,
        state: 0x09,
        bank_current: 7,
        cell: 0xC6,
        area: 0x49,
        sn: 4_000_000_001,
        level: 64,
        temperature: 22,
        charge_voltage: 50,
        charge_current: 12,
        bank_version: 25,
        sensor: 0xC0,
    };
    let groups = [BoardGroup { board: BoardRow::fitted(0x50), slots: vec![row] }];
    let report = read(Layout::Marker, &groups);
    let slot = &report.slots[0];
    assert_eq!(slot.key, SlotKey::new(1, 3));
    assert_eq!(slot.state, SlotState::Fault(SlotFault::TypeCShort));
    assert_eq!(slot.sn, Some(Sn::from("4000000001")));
    assert_eq!((slot.level, slot.temperature, slot.cell_mv), (Some(64), Some(22), Some(3980)));
    assert_eq!((slot.charge_decivolts, slot.charge_deciamps), (Some(50), Some(12)));
    assert_eq!((slot.bank_deciamps, slot.bank_version, slot.area), (7, 25, 0x49));
    assert!(slot.switch_open && slot.solenoid_open);
}

#[test]
fn unknown_fields_are_not_numbers() {
    let row = SlotRow {
        cell: 0,
        level: 0xFF,
        temperature: 0xFF,
        charge_voltage: 0xFF,
        charge_current: 0xFF,
        ..SlotRow::with_bank(1, 40_818_048, 64)
    };
    let board = BoardRow { temperature: 0xFF, ..BoardRow::fitted(1) };
    let report = read(Layout::Marker, &[BoardGroup { board, slots: vec![row] }]);
    let slot = &report.slots[0];
    assert_eq!((slot.level, slot.temperature, slot.cell_mv), (None, None, None));
    assert_eq!((slot.charge_decivolts, slot.charge_deciamps), (None, None));
    assert_eq!(report.boards[0].temperature, None);
}

#[test]
fn the_decoder_shows_phantom_rows_and_says_so() {
    let groups = [fitted(1, &[1]), phantom(0x16, &[2])];
    let frame = build::report(Layout::Marker, &groups);
    let described = serde_json::to_value(describe(&frame)).unwrap();
    assert_eq!(described["decoded"]["slot_count"], 2);
    assert_eq!(described["decoded"]["fitted_slots"], 1);
    assert_eq!(described["decoded"]["boards"][1]["fitted"], false);
    assert_eq!(described["decoded"]["slots"][1]["flags"], json!(["phantom"]));
    assert!(describe(&frame).to_string().starts_with(r#"{"ok":true,"decoded":{"cmd":16,"#));
}

fn read(layout: Layout, groups: &[BoardGroup]) -> Report {
    uplink(&build::report(layout, groups))
}

fn uplink(frame: &[u8]) -> Report {
    let Uplink::Report(report) = A8::default().decode(frame).unwrap() else {
        panic!("another message")
    };
    report
}

fn keys(report: &Report) -> Vec<SlotKey> {
    report.slots.iter().map(|slot| slot.key).collect()
}

fn fitted(address: u8, slots: &[u8]) -> BoardGroup {
    group(BoardRow::fitted(address), slots)
}

fn phantom(address: u8, slots: &[u8]) -> BoardGroup {
    group(BoardRow::phantom(address), slots)
}

fn group(board: BoardRow, slots: &[u8]) -> BoardGroup {
    BoardGroup { board, slots: slots.iter().map(|slot| SlotRow::empty(*slot)).collect() }
}

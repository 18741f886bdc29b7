//! Mistakes that real servers for these cabinets have made (docs/PROTOCOL.md 13), one test each.

use domain::eject::EjectOutcome;
use domain::ids::{SlotKey, Sn};
use domain::slot::SlotState;

use super::bytes_of;
use crate::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use crate::a8::{A8, describe};
use crate::{Codec, Layout, Report, Uplink};

#[test]
fn a_return_has_an_area_byte_before_its_serial() {
    let Uplink::Returned(event) = decode(&bytes_of("F21")) else { panic!("not a return") };
    assert_eq!(event.sn, Some(Sn::from("93198088")));
    assert_ne!(event.sn, Some(Sn::from("67472919")), "the serial read one byte early");
    assert_eq!((event.key, event.code, event.area), (SlotKey::new(0, 1), 0x01, 4));
    assert_eq!(event.level, Some(95));
}

#[test]
fn an_eject_by_slot_names_board_slot_result_and_solenoid_in_this_order() {
    let frame = build::eject_by_slot_reply(0x50, 7, 0x12, 0x02);
    let Uplink::Ejected(reply) = decode(&frame) else { panic!("not an eject reply") };
    assert_eq!(reply.key, Some(SlotKey::new(1, 7)), "the slot, not the board");
    assert_eq!(reply.code, 0x12, "the result, not the solenoid");
    assert!(matches!(reply.outcome, EjectOutcome::NotOut(_)));
    assert_eq!(reply.solenoid, Some(0x02));
    assert_eq!(reply.sn, None);
}

#[test]
fn serials_are_read_big_endian() {
    let Uplink::Ejected(reply) = decode(&bytes_of("F01")) else { panic!("not an eject reply") };
    assert_eq!(reply.sn, Some(Sn::from("40818048")));
}

#[test]
fn a_wrong_checksum_is_refused() {
    for id in ["F02", "F18", "F37", "M05", "M20", "M21"] {
        let error = A8::default().decode(&bytes_of(id)).unwrap_err();
        assert_eq!(error.code(), "bad_checksum", "{id}");
    }
}

#[test]
fn broken_and_unknown_slots_are_not_free() {
    for state in [0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x1F, 0x24] {
        let row = SlotRow { state, ..SlotRow::empty(1) };
        let report = report(&one_board(vec![row, SlotRow::empty(2)]));
        assert_ne!(report.slots[0].state, SlotState::Empty, "{state:#04x}");
        assert_ne!(report.slots[0].state, SlotState::Normal, "{state:#04x}");
    }
}

#[test]
fn an_unreadable_serial_is_no_serial() {
    let Uplink::Ejected(reply) = decode(&bytes_of("F16")) else { panic!("not an eject reply") };
    assert_eq!((reply.sn, reply.key), (None, None));
    let row = SlotRow { sn: u32::MAX, ..SlotRow::with_bank(1, 1, 50) };
    let slot = &report(&one_board(vec![row])).slots[0];
    assert_eq!((slot.state, &slot.sn), (SlotState::Normal, &None));
}

#[test]
fn an_unknown_level_is_neither_full_nor_empty() {
    let levels = [(0, Some(0)), (100, Some(100)), (101, None), (254, None), (255, None)];
    for (byte, expected) in levels {
        let row = SlotRow::with_bank(1, 40_818_048, byte);
        assert_eq!(report(&one_board(vec![row])).slots[0].level, expected, "{byte}");
    }
}

#[test]
fn junk_of_an_empty_slot_is_no_bank() {
    let row = SlotRow { sn: 262_144, temperature: 50, ..SlotRow::empty(1) };
    let slot = &report(&one_board(vec![row])).slots[0];
    assert_eq!((&slot.sn, slot.temperature, slot.state), (&None, None, SlotState::Empty));
}

#[test]
fn an_empty_slot_with_its_switch_pressed_says_so() {
    let row = SlotRow { sensor: build::SENSOR_BANK, ..SlotRow::empty(1) };
    let slot = &report(&one_board(vec![row])).slots[0];
    assert_eq!((slot.state, slot.switch_open), (SlotState::Empty, false));
}

#[test]
fn an_old_eject_reply_without_the_solenoid_byte_is_read() {
    let frame = build::frame(0x31, &[1, 0x02, 0x6E, 0xD5, 0x80, 0x01]);
    assert_eq!(frame.len(), 11, "the length that once crashed a server");
    let Uplink::Ejected(reply) = decode(&frame) else { panic!("not an eject reply") };
    assert_eq!((reply.outcome, reply.solenoid), (EjectOutcome::Out, None));
}

#[test]
fn board_addresses_with_hex_letters_have_a_port() {
    for (address, io) in [(0x0A, 0), (0x10, 0), (0x40, 0), (0x50, 1), (0x90, 1), (0x9F, 1)] {
        let mut groups = one_board(vec![SlotRow::empty(1)]);
        groups[0].board.address = address;
        assert_eq!(report(&groups).slots[0].key, SlotKey::new(io, 1), "{address:#04x}");
    }
}

#[test]
fn every_reply_of_the_family_can_be_described() {
    let frames = [
        build::self_check(0x10, &SlotRow::with_bank(3, 40_818_048, 64)),
        build::wifi_list(&["a", "b c"]),
        build::heartbeat(0x10, crate::Signal::Csq(27), 2),
    ];
    for frame in frames {
        assert!(describe(&frame).is_ok(), "{}", describe(&frame));
    }
}

fn decode(frame: &[u8]) -> Uplink {
    A8::default().decode(frame).unwrap()
}

fn report(groups: &[BoardGroup]) -> Report {
    let frame = build::report(Layout::Marker, groups);
    let Uplink::Report(report) = decode(&frame) else { panic!("another message") };
    report
}

fn one_board(slots: Vec<SlotRow>) -> Vec<BoardGroup> {
    vec![BoardGroup { board: BoardRow::fitted(1), slots }]
}

//! The tables, and the mistakes that were made with them elsewhere.

use super::*;

#[test]
fn unknown_slot_states_are_never_free() {
    for code in 1..=u8::MAX {
        assert_ne!(slot_state(code), SlotState::Empty, "{code:#04x}");
    }
    for code in [0x03, 0x08, 0x09, 0x0A] {
        assert!(matches!(slot_state(code), SlotState::Fault(_)), "{code:#04x}");
    }
    for code in [0x07, 0x0B, 0x80, 0xFF] {
        assert_eq!(slot_state(code), SlotState::Reserved(code));
    }
}

#[test]
fn only_one_code_is_a_successful_eject() {
    let out: Vec<u8> = (0..=u8::MAX).filter(|c| eject_outcome(*c) == EjectOutcome::Out).collect();
    assert_eq!(out, [0x01]);
}

#[test]
fn only_the_listed_refusals_are_not_out() {
    let not_out: Vec<u8> = (0..=u8::MAX)
        .filter(|code| matches!(eject_outcome(*code), EjectOutcome::NotOut(_)))
        .collect();
    assert_eq!(not_out, [0x12, 0x87, 0x88, 0xFB, 0xFC, 0xFD, 0xFF]);
    assert_eq!(eject_outcome(0xFE), EjectOutcome::Busy);
    assert_eq!(eject_outcome(0x11), EjectOutcome::Verify(0x11));
    assert_eq!(eject_outcome(0x00), EjectOutcome::Verify(0x00));
}

#[test]
fn only_two_codes_accept_a_return() {
    let accepted: Vec<u8> = (0..=u8::MAX).filter(|c| return_result(*c).is_accepted()).collect();
    assert_eq!(accepted, [0x01, 0x03]);
    assert_eq!(return_result(0x24), ReturnResult::Rejected(0x24));
    assert_eq!(return_result(0x11), ReturnResult::Unidentified(0x11));
}

//! Returns in their three lengths, and self-checks.

use domain::ids::{SlotKey, Sn};
use domain::returns::ReturnResult;

use crate::a8::build::{self, ReturnForm, SlotRow};
use crate::a8::{A8, describe};
use crate::{Codec, Inspected, Returned, Uplink};

#[test]
fn all_three_lengths_carry_the_same_return() {
    let full = ReturnForm::Full { bank_version: 25, level: 64 };
    let versioned = ReturnForm::Versioned { bank_version: 25 };
    let forms = [
        (ReturnForm::Bare, 13, None, None),
        (versioned, 14, Some(25), None),
        (full, 15, Some(25), Some(64)),
    ];
    for (form, length, bank_version, level) in forms {
        let frame = build::returned(0x50, 3, 0x49, 40_818_052, 0x01, form);
        assert_eq!(frame.len(), length);
        let event = read(&frame);
        assert_eq!(event.key, SlotKey::new(1, 3));
        assert_eq!(event.sn, Some(Sn::from("40818052")));
        assert_eq!((event.result, event.area), (ReturnResult::Accepted, 0x49));
        assert_eq!((event.bank_version, event.level), (bank_version, level));
        let described = serde_json::to_value(describe(&frame)).unwrap();
        assert_eq!(described["decoded"]["variant"], length);
    }
}

#[test]
fn a_level_that_is_none_is_unknown() {
    for byte in [0xFF, 101, 200] {
        let form = ReturnForm::Full { bank_version: 0, level: byte };
        assert_eq!(read(&build::returned(1, 1, 0, 1, 1, form)).level, None, "{byte}");
    }
}

#[test]
fn a_return_is_accepted_unidentified_or_rejected_by_its_code() {
    let result = |state| read(&build::returned(1, 1, 0, 7, state, ReturnForm::Bare)).result;
    assert_eq!(result(0x01), ReturnResult::Accepted);
    assert_eq!(result(0x03), ReturnResult::AcceptedSwitchBroken);
    for physically_in in [0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23] {
        assert_eq!(result(physically_in), ReturnResult::Unidentified(physically_in));
    }
    for refused in [0x00, 0x02, 0x06, 0x10, 0x24, 0x55, 0xFF] {
        assert_eq!(result(refused), ReturnResult::Rejected(refused));
    }
}

#[test]
fn a_self_check_is_read_like_a_row_with_a_result() {
    let check = inspect(&build::self_check(0x10, &SlotRow::with_bank(3, 40_818_052, 64)));
    assert_eq!(check.key, SlotKey::new(0, 3));
    assert_eq!(check.sn, Some(Sn::from("40818052")));
    assert_eq!((check.result, check.level), (ReturnResult::Accepted, Some(64)));
    assert_eq!((check.temperature, check.cell_mv), (Some(30), Some(4290)));
    assert!(!check.on_request);
}

#[test]
fn a_check_that_the_server_asked_for_says_so() {
    let mut payload = vec![0x10];
    payload.extend_from_slice(&SlotRow::with_bank(3, 40_818_052, 64).bytes());
    assert!(inspect(&build::frame(0x29, &payload)).on_request);
}

#[test]
fn other_lengths_are_refused() {
    for length in (0..8).chain(11..20) {
        assert_eq!(code(0x40, length), "bad_layout", "{length}");
    }
    for length in (0..16).chain(17..20) {
        assert_eq!(code(0x28, length), "bad_layout", "{length}");
        assert_eq!(code(0x29, length), "bad_layout", "{length}");
    }
}

fn read(frame: &[u8]) -> Returned {
    let Uplink::Returned(event) = A8::default().decode(frame).unwrap() else {
        panic!("another message")
    };
    event
}

fn inspect(frame: &[u8]) -> Inspected {
    let Uplink::Inspected(check) = A8::default().decode(frame).unwrap() else {
        panic!("another message")
    };
    check
}

fn code(command: u8, length: usize) -> &'static str {
    let frame = build::frame(command, &vec![1; length]);
    A8::default().decode(&frame).unwrap_err().code()
}

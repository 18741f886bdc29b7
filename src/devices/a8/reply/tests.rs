//! Answers to ejects, by serial and by slot.

use domain::eject::{EjectOutcome, NotOutReason};
use domain::ids::{SlotKey, Sn};
use serde_json::json;

use crate::a8::{A8, build, describe};
use crate::{Codec, EjectReply, Uplink};

#[test]
fn the_position_byte_says_nothing_in_the_neutral_reply() {
    for position in [0, 1, 3, 0x60, 0xFF] {
        let reply = read(&build::eject_reply(position, 40_818_048, 0x01, 0x02));
        assert_eq!(reply.sn, Some(Sn::from("40818048")));
        assert_eq!((reply.key, reply.outcome), (None, EjectOutcome::Out));
    }
}

#[test]
fn a_running_earlier_eject_decides_nothing() {
    let reply = read(&build::eject_reply(1, 40_818_048, 0xFE, 0));
    assert_eq!((reply.outcome, reply.code), (EjectOutcome::Busy, 0xFE));
}

#[test]
fn refusals_keep_their_reason() {
    let reply = read(&build::eject_reply(1, 40_818_048, 0x87, 0));
    assert_eq!(reply.outcome, EjectOutcome::NotOut(NotOutReason::NoClock));
    let reply = read(&build::eject_by_slot_reply(0x10, 4, 0xFD, 0));
    assert_eq!(reply.outcome, EjectOutcome::NotOut(NotOutReason::QueueFull));
    assert_eq!(reply.key, Some(SlotKey::new(0, 4)));
}

#[test]
fn more_bytes_than_documented_are_kept_for_people() {
    let frame = build::frame(0x21, &[0x10, 1, 1, 2, 0xAB, 0xCD]);
    let described = serde_json::to_value(describe(&frame)).unwrap();
    assert_eq!(described["decoded"]["extra"], json!("abcd"));
    assert_eq!(read(&frame).outcome, EjectOutcome::Out);
}

#[test]
fn short_replies_are_no_replies() {
    for length in 0..6 {
        assert_eq!(code(0x31, length), "bad_layout", "{length}");
    }
    for length in 0..3 {
        assert_eq!(code(0x21, length), "bad_layout", "{length}");
    }
}

fn read(frame: &[u8]) -> EjectReply {
    let Uplink::Ejected(reply) = A8::default().decode(frame).unwrap() else {
        panic!("another message")
    };
    reply
}

fn code(command: u8, length: usize) -> &'static str {
    let frame = build::frame(command, &vec![1; length]);
    A8::default().decode(&frame).unwrap_err().code()
}

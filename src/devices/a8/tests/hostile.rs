//! Bytes that no cabinet sends: an error with a name, never a panic, never another message.

use proptest::prelude::*;

use super::good_frames;
use crate::a8::{A8, ChecksumRule, build, describe};
use crate::{Codec, DecodeError};

/// All that reads bytes.
fn read(bytes: &[u8]) -> Result<crate::Uplink, DecodeError> {
    let _ = describe(bytes).to_string();
    let _ = A8 { checksum: ChecksumRule::Ignore }.decode(bytes);
    A8::default().decode(bytes)
}

#[test]
fn every_strict_prefix_of_a_good_frame_is_an_error() {
    for (id, frame) in good_frames() {
        for length in 0..frame.len() {
            let error = A8::default().decode(&frame[..length]).expect_err(&id);
            let expected = if length < 5 { "too_short" } else { "truncated" };
            assert_eq!(error.code(), expected, "{id} cut to {length}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_good_frame_is_an_error() {
    for (id, mut frame) in good_frames() {
        for bit in 0..frame.len() * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            let error = A8::default().decode(&frame).expect_err(&id);
            let expected: &[&str] = match bit / 8 {
                0 => &["bad_head"],
                1 | 2 => &["truncated", "trailing_bytes"],
                _ => &["bad_checksum"],
            };
            assert!(expected.contains(&error.code()), "{id} bit {bit}: {error}");
            frame[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_long_hostile_report_is_answered_in_bounded_time() {
    // Every row can be a board or a slot, and all numbers rise: splits without end.
    let payload: Vec<u8> =
        (0..21_000u32).map(|at| u8::try_from((at / 3) % 0x24 + 1).unwrap_or(1)).collect();
    assert!(read(&build::frame(0x10, &payload)).is_err());
    let zeros = vec![0; 65_000];
    assert!(read(&build::frame(0x10, &zeros)).is_err());
}

proptest! {
    #[test]
    fn a_prefix_of_any_good_frame_never_panics(index in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let frames = good_frames();
        let (_, frame) = index.get(&frames);
        prop_assert!(read(&frame[..cut.index(frame.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_payload_of_any_command_is_read_or_refused(
        command in any::<u8>(),
        payload in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..0x25, Just(0xFF)], 0..400),
    ) {
        let _ = read(&build::frame(command, &payload));
        let _ = read(&build::frame(0x10, &payload));
    }

    #[test]
    fn what_is_built_keeps_its_payload(command in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..600)) {
        let bytes = build::frame(command, &payload);
        let frame = crate::a8::frame::open(&bytes).and_then(crate::a8::frame::Frame::verified).unwrap();
        prop_assert_eq!(frame.command, command);
        prop_assert_eq!(frame.payload, payload.as_slice());
    }

    #[test]
    fn two_frames_in_one_message_are_refused(index in any::<prop::sample::Index>()) {
        let frames = good_frames();
        let (_, frame) = index.get(&frames);
        let error = read(&[frame.as_slice(), frame.as_slice()].concat()).unwrap_err();
        prop_assert_eq!(error.code(), "trailing_bytes");
    }
}

//! Words that no cabinet says, made from those of the vector file: refused with a name, or read,
//! and never a panic. `./run fuzz` runs these for as long as one likes.

use super::frames;
use crate::a8::http::{
    AdvertCall, ConfigCall, ConnectCall, FirmwareCall, FirmwarePath, ReportCall, ReturnCall,
};
use crate::a8::{A8, ChecksumRule, build, describe};
use crate::topic::Topics;
use crate::{Codec, DecodeError, Uplink};

/// Inputs of one target when nobody says how long: some seconds for all of them.
const INPUTS: usize = 2_000;
/// What a cabinet asks; the last one is a body.
const CALLS: [&str; 6] = [
    "simUUID=&simMobile=&uuid=860000000000017&deviceId=0&sign=2d9c0d7f1e",
    "rentboxSN=860000000000017&signal=CSQ%3A21&sign=2d9c0d7f1e",
    "rentboxSN=860000000000017&singleSN=40818048&hole=3&sign=2d9c0d7f1e&power=80",
    "uuid=860000000000017&sign=2d9c0d7f1e",
    "appUuid=00000000000000000000000000000000&deviceUuid=441A847D6121&sign=2d9c0d7f1e",
    "hardware=V6086&software=20240904-RBMG-3.0.0.0",
];

/// How a known word is changed: which one, bytes at places, where it is cut, and what is put
/// behind it.
type Change = (u8, Vec<(u16, u8)>, Option<u16>, Vec<u8>);

fn changed(words: &[Vec<u8>], (which, edits, cut, tail): &Change) -> Vec<u8> {
    let mut word = words[usize::from(*which) % words.len()].clone();
    for (at, byte) in edits {
        let length = word.len().max(1);
        if let Some(place) = word.get_mut(usize::from(*at) % length) {
            *place = *byte;
        }
    }
    if let Some(cut) = cut {
        word.truncate(usize::from(*cut) % (word.len() + 1));
    }
    word.extend(tail);
    word
}

fn read(bytes: &[u8]) -> Result<Uplink, DecodeError> {
    let _ = describe(bytes).to_string();
    let _ = A8 { checksum: ChecksumRule::Ignore }.decode(bytes);
    let first = A8::default().decode(bytes);
    assert_eq!(first, A8::default().decode(bytes), "the same bytes are the same message");
    first
}

#[test]
fn fuzz_frame() {
    let frames: Vec<Vec<u8>> = frames().into_iter().map(|(_, bytes, _)| bytes).collect();
    bolero::check!().with_iterations(INPUTS).with_type::<Change>().for_each(|change: &Change| {
        let bytes = changed(&frames, change);
        let _ = read(&bytes);
        // the same content with the frame around it in order
        if let [_, _, _, command, payload @ .., _] = bytes.as_slice() {
            let _ = read(&build::frame(*command, payload));
            let _ = read(&build::frame(0x10, payload));
        }
    });
}

#[test]
fn fuzz_topic() {
    let topics = Topics::new("powerbank").unwrap();
    let words = ["get", "update", "heart"]
        .map(|channel| format!("/powerbank/860000000000017/user/{channel}").into_bytes());
    bolero::check!().with_iterations(INPUTS).with_type::<Change>().for_each(|change: &Change| {
        let bytes = changed(&words, change);
        let Ok(text) = std::str::from_utf8(&bytes) else { return };
        if let Ok(topic) = topics.parse(text) {
            assert_eq!(topics.format(&topic.device, topic.channel), text);
        }
    });
}

#[test]
fn fuzz_device_call() {
    let words = CALLS.map(|call| call.as_bytes().to_vec());
    bolero::check!().with_iterations(INPUTS).with_type::<(Change, Change)>().for_each(
        |(query, body): &(Change, Change)| {
            let [query, body] = [query, body].map(|change| changed(&words, change));
            let query = String::from_utf8_lossy(&query);
            let _ = ConnectCall::parse(&query, &String::from_utf8_lossy(&body));
            let _ = ConfigCall::parse(&query);
            let _ = ReportCall::parse(&query);
            let _ = AdvertCall::parse(&query);
            for path in [FirmwarePath::Main, FirmwarePath::Published] {
                let _ = FirmwareCall::parse(path, &query);
            }
            let first = ReturnCall::parse(&query);
            assert_eq!(format!("{first:?}"), format!("{:?}", ReturnCall::parse(&query)));
        },
    );
}

//! Every line of the vector file, and lines as people paste them.

use serde_json::{Value, json};

use super::{LINE_MAX, decode, decode_one};

const VECTORS: &str = include_str!("../../devices/a8/vectors.json");

#[test]
fn every_vector_is_described_as_the_file_says() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let frames = vectors["frames"].as_array().unwrap();
    assert!(frames.len() > 50, "{} frames", frames.len());

    for frame in frames {
        let (id, hex) = (&frame["id"], frame["hex"].as_str().unwrap());
        let (good, said) = one(hex);

        assert_eq!(json!(good), frame["expect"]["ok"], "{id}");
        for (name, expected) in frame["expect"].as_object().unwrap() {
            assert!(&said[name] == expected, "{id} {name}");
        }
    }
}

#[test]
fn the_file_as_lines_gives_as_many_lines() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let frames = vectors["frames"].as_array().unwrap();
    let hex = frames.iter().map(|frame| frame["hex"].as_str().unwrap());
    let text = hex.collect::<Vec<_>>().join("\n");

    let (good, said) = lines(text.as_bytes());

    assert!(!good, "the file has bad frames");
    assert_eq!(said.len(), frames.len());
    for (frame, said) in frames.iter().zip(&said) {
        assert_eq!(said["ok"], frame["expect"]["ok"], "{}", frame["id"]);
        assert_eq!(said["error"], frame["expect"]["error"], "{}", frame["id"]);
    }
}

#[test]
fn frames_may_be_written_in_any_usual_way() {
    let (_, plain) = one("A8000C3101026ED580010252");
    assert_eq!(plain["decoded"]["outcome"], "ejected");

    for way in [
        "a8 00 0c 31 01 02 6e d5 80 01 02 52",
        "0xA8,0x00,0x0C,0x31,0x01,0x02,0x6E,0xD5,0x80,0x01,0x02,0x52",
        "0xA8, 0x0, 0xC, 0x31, 0x1, 0x2, 0x6E, 0xD5, 0x80, 0x1, 0x2, 0x52",
        "0xA8000C3101026ED580010252",
        "A8:00:0C:31:01:02:6E:D5:80:01:02:52",
        "A8-00-0C-31-01-02-6E-D5-80-01-02-52",
        r"\xA8\x00\x0C\x31\x01\x02\x6E\xD5\x80\x01\x02\x52",
        "  A8000C31 01026ED5 80010252 # an eject",
        "A8000C3101026ED580010252 // an eject\r",
    ] {
        assert_eq!(one(way), (true, plain.clone()), "{way}");
    }
}

#[test]
fn a_comment_is_no_frame_and_an_empty_line_is_an_empty_one() {
    let frame = "A8000C3101026ED580010252 # tail\r\n";

    let (good, said) = lines(format!("# head\n  // more\n{frame}").as_bytes());
    assert_eq!((good, said.len()), (true, 1));

    let (good, said) = lines(format!("\n{frame}").as_bytes());
    assert_eq!((good, said.len()), (false, 2));
    assert_eq!(said[0]["error"], "too_short");
}

#[test]
fn what_is_no_hexadecimal_is_said_and_the_rest_goes_on() {
    let (good, said) = lines(b"A8 0\nhello\n\xff\xfe\nA8000C3101026ED580010252");

    assert!(!good);
    let errors: Vec<&Value> = said.iter().map(|line| &line["error"]).collect();
    assert_eq!(errors, [&json!("bad_hex"), &json!("bad_hex"), &json!("bad_hex"), &Value::Null]);
    assert_eq!(said[0]["detail"], "3 digits: a byte has two");
    assert_eq!(said[1]["detail"], "'h' is no hexadecimal digit");
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let mut text = vec![b'A'; 3 * LINE_MAX];
    text.extend(b"\nA8000C3101026ED580010252\n");

    let (good, said) = lines(&text);

    assert!(!good);
    assert_eq!(said.len(), 2);
    assert_eq!((&said[0]["error"], &said[1]["ok"]), (&json!("bad_hex"), &json!(true)));
}

#[test]
fn an_argument_without_digits_is_too_short() {
    let (good, said) = one("");

    assert!(!good);
    assert_eq!(said["error"], "too_short");
}

fn one(text: &str) -> (bool, Value) {
    let mut out = Vec::new();
    let good = decode_one(text, &mut out).unwrap();
    (good, serde_json::from_slice(&out).unwrap())
}

fn lines(text: &[u8]) -> (bool, Vec<Value>) {
    let mut out = Vec::new();
    let good = decode(text, &mut out).unwrap();
    let lines = std::str::from_utf8(&out).unwrap().lines();
    (good, lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

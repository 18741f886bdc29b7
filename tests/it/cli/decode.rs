//! Frames in, JSON lines out.

use serde_json::Value;

use super::{run, stdout};

const VECTORS: &str = include_str!("../../../src/devices/a8/vectors.json");

#[test]
fn frames_on_stdin_are_as_many_lines_and_a_bad_one_fails() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let frames = vectors["frames"].as_array().unwrap();
    let hex = frames.iter().map(|frame| frame["hex"].as_str().unwrap());

    let output = run(&["decode", "-"], &hex.collect::<Vec<_>>().join("\n"));

    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty());
    let said: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), frames.len());
    for (said, frame) in said.iter().zip(frames) {
        for (name, expected) in frame["expect"].as_object().unwrap() {
            assert!(&said[name] == expected, "{} {name}", frame["id"]);
        }
    }
}

#[test]
fn one_frame_as_an_argument_succeeds() {
    let output = run(&["decode", "A8 00 0C 31 01 02 6E D5 80 01 02 52", "--json"], "");

    assert_eq!(output.status.code(), Some(0));
    let said: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((&said["ok"], &said["decoded"]["sn"]), (&true.into(), &"40818048".into()));
}

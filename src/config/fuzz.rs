//! Settings that nobody means, made from the shipped ones: used, or refused with a reason, and
//! never a panic.

use std::path::PathBuf;

use super::Sources;
use crate::fuzz::{Change, INPUTS, changed};

#[test]
fn fuzz_config() {
    let shipped = include_str!("../../config.toml");
    // each section by itself too, so that a change leaves most of it readable
    let sections = shipped.split("\n[").skip(1).map(|section| format!("[{section}").into_bytes());
    let words: Vec<Vec<u8>> = sections.chain([shipped.as_bytes().to_vec()]).collect();
    let names = ["CHARGEGHAR__HTTP__PORT", "CHARGEGHAR__HTTP__CORS_ORIGINS"]
        .map(|name| name.as_bytes().to_vec());
    bolero::check!().with_iterations(INPUTS).with_type::<(Change, Change, Vec<u8>)>().for_each(
        |(file, name, value): &(Change, Change, Vec<u8>)| {
            let text = String::from_utf8_lossy(&changed(&words, file)).into_owned();
            let text = text.replace("_file = ", "_fil = "); // no file of this machine is read
            let name = String::from_utf8_lossy(&changed(&names, name)).into_owned();
            let value = String::from_utf8_lossy(value).into_owned();
            let file = Some((PathBuf::from("fuzz.toml"), text));
            let alone = Sources { file: file.clone(), variables: [].into() };
            let both = Sources { file, variables: [(name, value)].into() };
            for sources in [alone, both] {
                if let Err(error) = sources.load() {
                    assert!(!error.to_string().is_empty());
                }
            }
        },
    );
}

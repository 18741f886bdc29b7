//! The family as a whole: the vector file, hostile bytes, and mistakes made elsewhere.

mod fuzz;
mod hostile;
mod mistakes;
mod vectors;

use serde_json::Value;

/// Every frame of the vector file: id, bytes, entry.
fn frames() -> Vec<(String, Vec<u8>, Value)> {
    let frame = |entry: &Value| {
        let text = entry["hex"].as_str().unwrap().replace(' ', "");
        (entry["id"].as_str().unwrap().to_owned(), hex::decode(text).unwrap(), entry.clone())
    };
    file()["frames"].as_array().unwrap().iter().map(frame).collect()
}

/// Frames that must decode.
fn good_frames() -> Vec<(String, Vec<u8>)> {
    let good = |(id, bytes, entry): (String, Vec<u8>, Value)| {
        (entry["expect"]["ok"] == true).then_some((id, bytes))
    };
    frames().into_iter().filter_map(good).collect()
}

fn bytes_of(id: &str) -> Vec<u8> {
    frames().into_iter().find(|(found, ..)| found == id).unwrap().1
}

fn file() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

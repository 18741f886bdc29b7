//! What a gateway's server said, for disputes: without what nobody may keep (cards, tokens,
//! phones, names), with the hash of the bytes as they came.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clients::web::Heard;

#[cfg(test)]
mod tests;

/// Longest text that is kept.
const TEXT_MAX: usize = 16_384;
const MASK: &str = "***";

/// Fields whose value is never kept, by a part of their name.
const PRIVATE: &[&str] = &[
    "address",
    "authorization",
    "billing",
    "card",
    "customer",
    "cvc",
    "email",
    "mobile",
    "name",
    "owner",
    "pan",
    "payer",
    "payment_method_details",
    "phone",
    "pin",
    "secret",
    "shipping",
    "signature",
    "source",
    "token",
    "user",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The HTTP status of an answer.
    pub status: Option<u16>,
    /// Redacted, and cut at a bound.
    pub text: String,
    /// SHA-256 of the bytes as they came.
    pub hash: [u8; 32],
}

impl Raw {
    pub fn of(heard: &Heard) -> Raw {
        Raw { status: Some(heard.status), ..Raw::of_bytes(&heard.body) }
    }

    pub fn of_bytes(bytes: &[u8]) -> Raw {
        Raw { status: None, text: redacted(bytes), hash: Sha256::digest(bytes).into() }
    }
}

/// JSON field by field; anything else as text.
fn redacted(bytes: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            hide(&mut value);
            value.to_string()
        }
        Err(_) => without_numbers(&String::from_utf8_lossy(bytes)),
    };
    let end = text.floor_char_boundary(TEXT_MAX);
    // a text with NUL cannot be stored
    text[..end].replace('\0', "\u{fffd}").replace("\\u0000", "\\ufffd")
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_lowercase();
                if PRIVATE.iter().any(|part| name.contains(part)) && !value.is_null() {
                    *value = Value::String(MASK.to_owned());
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::String(text) => *text = without_numbers(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks phones (10 or 13 digits) and cards (14 to 19) that stand alone.
fn without_numbers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_alphanumeric() {
            word.push(letter);
            continue;
        }
        let digits = word.bytes().all(|byte| byte.is_ascii_digit());
        let masked = digits && matches!(word.len(), 10 | 13..=19);
        shown.push_str(if masked { MASK } else { &word });
        word.clear();
        shown.push(letter);
    }
    shown.pop();
    shown
}

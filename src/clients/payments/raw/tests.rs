//! What is kept of an answer tells a dispute and no secret.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{MASK, Raw, TEXT_MAX};

#[test]
fn cards_tokens_phones_and_names_are_not_kept_and_the_rest_is() {
    let said = json!({
        "pidx": "bZQLD9wRVWo4CdESSfuSsB", "total_amount": 1000, "status": "Completed",
        "user": { "mobile": "9800000001" }, "client_secret": "pi_1_secret_2",
        "charges": [{ "payment_method_details": { "card": { "last4": "4242" } } }],
        "note": "call 9800000001 or 9779800000001", "created": 1_760_000_000, "email": null,
    });

    let raw = Raw::of_bytes(said.to_string().as_bytes());
    let kept: Value = serde_json::from_str(&raw.text).unwrap();

    for secret in ["9800000001", "4242", "pi_1_secret_2"] {
        assert!(!raw.text.contains(secret), "{}", raw.text);
    }
    for name in ["pidx", "total_amount", "status", "created", "email"] {
        assert_eq!(kept[name], said[name], "{name}");
    }
    assert_eq!(kept["note"], format!("call {MASK} or {MASK}"));
}

#[test]
fn the_hash_is_of_the_bytes_as_they_came() {
    let bytes = br#"{"mobile":"9800000001"}"#;

    let raw = Raw::of_bytes(bytes);

    assert_eq!(raw.hash, <[u8; 32]>::from(Sha256::digest(bytes)));
    assert_eq!(raw.text, r#"{"mobile":"***"}"#);
}

#[test]
fn what_is_no_json_is_kept_as_a_text_of_bounded_length() {
    let page = format!("<html>card 4242424242424242\0{}</html>", "é".repeat(TEXT_MAX));

    let raw = Raw::of_bytes(page.as_bytes());

    assert!(raw.text.starts_with("<html>card ***\u{fffd}é"), "{}", &raw.text[..40]);
    assert!(raw.text.len() <= TEXT_MAX + 8);
}

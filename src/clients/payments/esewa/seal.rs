//! eSewa's signatures: over the text of the fields exactly as they are written. A number is never
//! parsed before it is signed, because `1000.0` is not `1000`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, Mac};
use serde_json::value::RawValue;
use sha2::Sha256;

use crate::clients::payments::news::Odd;
use crate::config::Secret;

/// What a redirect may carry at most; the real ones are below 500 bytes.
const DATA_MAX: usize = 8_192;
/// Without these under the signature, a redirect says nothing.
const REQUIRED: [&str; 5] =
    ["transaction_code", "status", "total_amount", "transaction_uuid", "product_code"];
/// With or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The merchant's secret.
#[derive(Debug)]
pub struct Key(Secret);

impl Key {
    pub fn new(secret: Secret) -> Key {
        Key(secret)
    }

    pub fn sign(&self, message: &str) -> String {
        STANDARD.encode(self.mac(message).finalize().into_bytes())
    }

    /// In constant time.
    pub fn verify(&self, message: &str, signature: &str) -> bool {
        let Ok(signature) = LENIENT.decode(signature) else { return false };
        self.mac(message).verify_slice(&signature).is_ok()
    }

    fn mac(&self, message: &str) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(self.0.expose().as_bytes());
        mac.expect("a key of any length is one").chain_update(message)
    }
}

/// The `data` of a redirect.
#[derive(Debug)]
pub struct Message {
    bytes: Vec<u8>,
    /// The text of each field, as it is written.
    fields: BTreeMap<String, String>,
}

impl Message {
    /// Standard or URL-safe base64 of a JSON object; a space was a plus.
    pub fn parse(data: &str) -> Result<Message, Odd> {
        if data.is_empty() || data.len() > DATA_MAX {
            return Err(Odd::Unreadable);
        }
        let data: String = data
            .trim()
            .chars()
            .map(|letter| match letter {
                '-' | ' ' => '+',
                '_' => '/',
                other => other,
            })
            .collect();
        let bytes = LENIENT.decode(data).map_err(|_| Odd::Unreadable)?;
        let read: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_slice(&bytes);
        let read = read.map_err(|_| Odd::Unreadable)?;
        let text = |(name, value): (String, &RawValue)| Some((name, literal(value)?));
        let fields: Option<BTreeMap<_, _>> = read.into_iter().map(text).collect();
        let fields = fields.ok_or(Odd::Unreadable)?;
        Ok(Message { bytes, fields })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Whether every field that matters is under the signature, and it holds.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        let (Some(names), Some(signature)) =
            (self.field("signed_field_names"), self.field("signature"))
        else {
            return false;
        };
        let names: Vec<&str> = names.split(',').collect();
        if !REQUIRED.iter().all(|name| names.contains(name)) {
            return false;
        }
        let part = |name: &&str| Some(format!("{name}={}", self.field(name)?));
        let parts: Option<Vec<String>> = names.iter().map(part).collect();
        parts.is_some_and(|parts| key.verify(&parts.join(","), signature))
    }
}

/// A number as it is written, a text as it is meant.
pub fn literal(value: &RawValue) -> Option<String> {
    let text = value.get();
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { Some(text.to_owned()) }
}

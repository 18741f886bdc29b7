//! The password of a cabinet at the broker: computed from the server's key whenever it is
//! asked for, stored nowhere. Never decides who gets one.

use std::fmt;

use domain::ids::DeviceUuid;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

#[cfg(test)]
mod tests;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of a password: 190 bits, letters and digits only (the connect answer separates
/// its fields by commas).
pub const PASSWORD_LENGTH: usize = 32;

/// Makes the passwords of all cabinets. Whoever has the key has every password.
#[derive(Clone)]
pub struct Credentials {
    keyed: Hmac<Sha256>,
}

/// A password in clear; shown as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Credentials {
    /// `key` is the server's secret for cabinets, 32 random bytes.
    pub fn new(key: &[u8]) -> Credentials {
        let keyed = Hmac::new_from_slice(key).expect("a key of any length is accepted");
        Credentials { keyed }
    }

    /// The last 32 digits of HMAC-SHA256(key, uuid ‖ generation) as a number in base 62. The
    /// uuid is its text, the generation four bytes, the highest first; raising it by one is
    /// how a password is changed.
    pub fn password(&self, uuid: &DeviceUuid, generation: u32) -> Password {
        let mut keyed = self.keyed.clone();
        keyed.update(uuid.as_str().as_bytes());
        keyed.update(&generation.to_be_bytes());
        Password(base62(keyed.finalize().into_bytes().into()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Password {
    /// The password itself. Never to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `claimed` is this password; takes the same time for each wrong one.
    pub fn matches(&self, claimed: &str) -> bool {
        self.0.as_bytes().ct_eq(claimed.as_bytes()).into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The lowest digits of a big-endian number, the highest of them first.
fn base62(mut number: [u8; 32]) -> String {
    let mut digits = [0; PASSWORD_LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u16;
        for byte in &mut number {
            let part = rest * 256 + u16::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or(u8::MAX);
            rest = part % 62;
        }
        *digit = BASE62[usize::from(rest)];
    }
    digits.into_iter().map(char::from).collect()
}

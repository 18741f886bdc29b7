//! Refresh tokens: computed, never kept. A token names its login and its number and proves with
//! a keyed hash over the login's salt that it is ours, so that a made-up one ends nobody's
//! login, and every spent one is known for what it is.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

const PREFIX: &str = "cgr_";
/// Login, number, proof.
const LENGTH: usize = 16 + 4 + 32;

/// What a refresh token says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenName {
    pub login: Uuid,
    pub number: i32,
}

/// A token in clear; shown as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// The token itself. Never to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Clone)]
pub struct RefreshKey(pub Hmac<Sha256>);

impl RefreshKey {
    pub fn token(&self, salt: &[u8], name: TokenName) -> RefreshToken {
        let proof = self.keyed(salt, name).finalize().into_bytes();
        let login = name.login.as_bytes();
        let bytes = [&login[..], &name.number.to_be_bytes(), &proof].concat();
        RefreshToken(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Takes the same time for each wrong proof.
    pub fn is_ours(&self, token: &str, salt: &[u8], name: TokenName) -> bool {
        let Some(bytes) = decode(token) else { return false };
        self.keyed(salt, name).verify_slice(&bytes[20..]).is_ok()
    }

    fn keyed(&self, salt: &[u8], name: TokenName) -> Hmac<Sha256> {
        let mut keyed = self.0.clone();
        keyed.update(salt);
        keyed.update(name.login.as_bytes());
        keyed.update(&name.number.to_be_bytes());
        keyed
    }
}

impl TokenName {
    /// What a text claims to be; nothing is proved by that.
    pub fn parse(token: &str) -> Option<TokenName> {
        let bytes = decode(token)?;
        let login = Uuid::from_slice(&bytes[..16]).ok()?;
        let number = i32::from_be_bytes(bytes[16..20].try_into().ok()?);
        (0..i32::MAX).contains(&number).then_some(TokenName { login, number })
    }
}

fn decode(token: &str) -> Option<[u8; LENGTH]> {
    let text = token.trim().strip_prefix(PREFIX).filter(|text| text.len() <= 2 * LENGTH)?;
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

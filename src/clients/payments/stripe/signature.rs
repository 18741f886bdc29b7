//! The signature of Stripe's webhooks: HMAC-SHA256 over `<time>.<raw body>`, one of several while
//! a secret is replaced, and worth something for five minutes.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clients::payments::news::Odd;
use crate::config::Secret;

/// How far its time may be from ours, to both sides.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(300);
/// Signatures that are looked at.
const TRIED_MAX: usize = 8;

/// The secret is used as it is, with its `whsec_`. The signature comes first: what an unsigned
/// call says of the time is nobody's word.
pub fn verify(secret: &Secret, header: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), Odd> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time.ok_or(Odd::Unsigned)?;
    let at: i64 = time.parse().map_err(|_| Odd::Unsigned)?;
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
    let mac = mac.map_err(|_| Odd::Unsigned)?.chain_update(time).chain_update(".");
    let mac = mac.chain_update(body);
    let signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value);
    let is_signed = secret.is_set()
        && signatures.take(TRIED_MAX).any(|signature| {
            // compared in constant time
            hex::decode(signature).is_ok_and(|bytes| mac.clone().verify_slice(&bytes).is_ok())
        });
    if !is_signed {
        return Err(Odd::Unsigned);
    }
    let age = now.timestamp().saturating_sub(at).saturating_abs();
    if age > TOLERANCE.num_seconds() { Err(Odd::Stale) } else { Ok(()) }
}

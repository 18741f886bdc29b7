//! `Idempotency-Key`: the same request twice is one deed and one answer. The record is written
//! with the deed; what is under way in this process is known here.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::request::Parts;
use dashmap::DashSet;
use domain::ids::RiderId;

use super::error::{ApiError, Code};
use crate::metrics;
use crate::store::Store;
use crate::store::fact::KeyWrite;
use crate::store::idempotency::KeyRecord;

#[cfg(test)]
mod tests;

const HEADER: &str = "idempotency-key";
const KEY_MAX: usize = 255;
/// Says that an answer was given before.
pub const REPLAYED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));

/// The key of a request, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Key, ApiError> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Key(None)) };
        let key = value.to_str().ok().filter(|_| values.next().is_none()).and_then(parse);
        key.map(|key| Key(Some(key))).ok_or_else(|| {
            let message = "An idempotency key is one text of 1 to 255 visible characters";
            ApiError::new(Code::InvalidIdempotencyKey, message)
        })
    }
}

/// The quotes of the standard are not part of the key, and may be left out.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=KEY_MAX).contains(&plain.len()) && plain.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| plain.to_owned())
}

/// The keys whose requests are in work. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    running: Arc<DashSet<(RiderId, String)>>,
}

/// A request that may go on: its record, and its place among those in work.
pub struct Turn {
    pub write: Option<KeyWrite>,
    _place: Option<Running>,
}

struct Running {
    keys: Keys,
    name: (RiderId, String),
}

impl Drop for Running {
    fn drop(&mut self) {
        self.keys.running.remove(&self.name);
    }
}

/// What a key says of a request.
pub enum Begun {
    New(Turn),
    /// It came before: answered from what it led to.
    Again(KeyRecord),
}

/// What a request is, for its key.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    pub rider: RiderId,
    pub route: &'static str,
    pub body_hash: [u8; 32],
    /// Of the answer when it is done.
    pub status: u16,
}

impl Keys {
    pub async fn begin(&self, store: &Store, key: Key, deed: Deed) -> Result<Begun, ApiError> {
        let Key(Some(key)) = key else { return Ok(Begun::New(Turn { write: None, _place: None })) };
        let name = (deed.rider, key.clone());
        if !self.running.insert(name.clone()) {
            return Err(in_progress());
        }
        let place = Running { keys: self.clone(), name };
        if let Some(record) = known(store, &key, deed).await? {
            return Ok(Begun::Again(record));
        }
        let write = KeyWrite {
            actor: actor(deed.rider),
            key,
            route: deed.route,
            body_hash: deed.body_hash,
            status: deed.status,
            resource: None,
            response: None,
        };
        Ok(Begun::New(Turn { write: Some(write), _place: Some(place) }))
    }
}

/// What a key led to, if it was used; refused when it was used for something else.
pub async fn known(store: &Store, key: &str, deed: Deed) -> Result<Option<KeyRecord>, ApiError> {
    let Some(record) = store.key(&actor(deed.rider), key).await? else { return Ok(None) };
    if record.route != deed.route || record.body_hash != deed.body_hash {
        return Err(used_otherwise());
    }
    metrics::REPLAYS.inc([]);
    Ok(Some(record))
}

pub fn in_progress() -> ApiError {
    let message = "The first request with this key is still in work";
    let error = ApiError::new(Code::IdempotencyInProgress, message);
    error.retry_after(std::time::Duration::from_secs(1))
}

pub fn used_otherwise() -> ApiError {
    let message = "This idempotency key was used for another request";
    ApiError::new(Code::IdempotencyKeyReused, message)
}

fn actor(rider: RiderId) -> String {
    format!("rider:{rider}")
}

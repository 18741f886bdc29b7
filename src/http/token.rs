//! Access tokens: signed with Ed25519, short, and checked without a question to anybody. A
//! session that was ended is refused even while its tokens still live.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::RiderId;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Clock;

#[cfg(test)]
mod tests;

const AUDIENCE: &str = "chargeghar-app";
/// RFC 9068.
const KIND: &str = "at+jwt";
const TOKEN_MAX: usize = 2_048;
/// Tokens of one half of the cache.
const CACHE_MAX: usize = 20_000;
const ENDED_MAX: usize = 50_000;

/// Who a valid token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub rider: RiderId,
    /// The login that the token belongs to.
    pub session: Uuid,
    /// Of the rider when the token was made.
    pub version: i32,
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("Token is invalid")]
    Invalid,
    #[error("Token is expired")]
    Expired,
    #[error("The session has ended")]
    Ended,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The rider's number.
    sub: String,
    iat: i64,
    exp: i64,
    sid: Uuid,
    ver: i32,
}

/// Makes and checks tokens. Clones share one key and one memory.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    ttl: TimeDelta,
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    jwks: Value,
    clock: Clock,
    known: Mutex<Known>,
    /// Sessions that were ended, until their last token is too old.
    ended: Mutex<BTreeMap<Uuid, DateTime<Utc>>>,
}

/// Checked tokens by the hash of their text: two halves, the older one is dropped when the
/// younger is full.
#[derive(Default)]
struct Known {
    young: HashMap<[u8; 32], Caller>,
    old: HashMap<[u8; 32], Caller>,
}

impl Known {
    fn get(&mut self, hash: &[u8; 32]) -> Option<Caller> {
        if let Some(caller) = self.young.get(hash) {
            return Some(*caller);
        }
        let caller = *self.old.get(hash)?;
        self.put(*hash, caller);
        Some(caller)
    }

    fn put(&mut self, hash: [u8; 32], caller: Caller) {
        if self.young.len() >= CACHE_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, caller);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the signing key cannot be used: {0}")]
pub struct BadKey(String);

impl Tokens {
    pub fn new(
        key: &SigningKey,
        issuer: &str,
        ttl: TimeDelta,
        clock: Clock,
    ) -> Result<Tokens, BadKey> {
        let bad = |error: &dyn std::fmt::Display| BadKey(error.to_string());
        let private = key.to_pkcs8_der().map_err(|error| bad(&error))?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let kid = thumbprint(&public);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(KIND.to_owned());
        header.kid = Some(kid.clone());
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        // the service's own clock decides, below
        validation.validate_exp = false;
        let jwks = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": public,
        }]});
        let inner = Inner {
            issuer: issuer.to_owned(),
            ttl,
            header,
            encoding: EncodingKey::from_ed_der(private.as_bytes()),
            decoding: DecodingKey::from_ed_components(&public).map_err(|error| bad(&error))?,
            validation,
            jwks,
            clock,
            known: Mutex::default(),
            ended: Mutex::default(),
        };
        Ok(Tokens { inner: Arc::new(inner) })
    }

    /// Seconds that a token lives.
    pub fn lifetime(&self) -> i64 {
        self.inner.ttl.num_seconds()
    }

    /// The public keys, as whoever checks tokens reads them.
    pub fn jwks(&self) -> &Value {
        &self.inner.jwks
    }

    pub fn mint(&self, rider: RiderId, session: Uuid, version: i32) -> Result<String, BadKey> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let claims = Claims {
            iss: inner.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: rider.to_string(),
            iat: now.timestamp(),
            exp: (now + inner.ttl).timestamp(),
            sid: session,
            ver: version,
        };
        let minted = jsonwebtoken::encode(&inner.header, &claims, &inner.encoding);
        minted.map_err(|error| BadKey(error.to_string()))
    }

    pub fn verify(&self, token: &str) -> Result<Caller, BadToken> {
        if token.len() > TOKEN_MAX {
            return Err(BadToken::Invalid);
        }
        let hash: [u8; 32] = Sha256::digest(token).into();
        let known = self.inner.known.lock().get(&hash);
        let caller = match known {
            Some(caller) => caller,
            None => self.check(token)?,
        };
        if caller.expires_at <= self.inner.clock.now() {
            return Err(BadToken::Expired);
        }
        if self.inner.ended.lock().contains_key(&caller.session) {
            return Err(BadToken::Ended);
        }
        if known.is_none() {
            self.inner.known.lock().put(hash, caller);
        }
        Ok(caller)
    }

    fn check(&self, token: &str) -> Result<Caller, BadToken> {
        let inner = &self.inner;
        let decoded = jsonwebtoken::decode::<Claims>(token, &inner.decoding, &inner.validation)
            .map_err(|_| BadToken::Invalid)?;
        if decoded.header.typ.as_deref() != Some(KIND) {
            return Err(BadToken::Invalid);
        }
        let claims = decoded.claims;
        let rider = claims.sub.parse().map_err(|_| BadToken::Invalid)?;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(BadToken::Invalid)?;
        Ok(Caller { rider: RiderId(rider), session: claims.sid, version: claims.ver, expires_at })
    }

    /// Refuses the tokens of a session that has ended, as long as one of them may live.
    pub fn end(&self, session: Uuid) {
        let now = self.inner.clock.now();
        let mut ended = self.inner.ended.lock();
        if ended.len() >= ENDED_MAX {
            ended.retain(|_, until| *until > now);
        }
        ended.insert(session, now + self.inner.ttl);
    }
}

/// RFC 7638: the same key has the same name everywhere.
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.inner.header.kid.as_deref().unwrap_or_default())
    }
}

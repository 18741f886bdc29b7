//! Answers that a client may keep and ask about again: a weak `ETag`, and 304 while it holds.
//!
//! The tag is made from the answer itself, so it does not hold for another one, whichever
//! instance or restart gives it: no secret, so a fast hash of 128 bits is enough.

use axum::body::Bytes;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::error::{self, ApiError};
use super::reply::Reply;

#[cfg(test)]
mod tests;

/// May be kept by the client, and is asked about each time: counts change by the second.
const KEPT: HeaderValue = HeaderValue::from_static("private, no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The reply, or 304 if that is what the client has already.
pub fn answer<T: Serialize>(asked: &HeaderMap, reply: &Reply<T>) -> Result<Response, ApiError> {
    text(asked, serde_json::to_vec(reply.body()))
}

/// The same for a reply that is made already.
pub fn text(
    asked: &HeaderMap,
    body: serde_json::Result<impl Into<Bytes>>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|error| ApiError::internal("an answer is no json", &error))?.into();
    let tag = tag(&body);
    let is_known = asked.get_all(IF_NONE_MATCH).iter().any(|known| names(known, &tag));
    let tag = HeaderValue::from_str(&tag)
        .map_err(|error| ApiError::internal("a tag is no header", &error))?;
    let headers = [(ETAG, tag), (CACHE_CONTROL, KEPT)];
    if is_known {
        return Ok((error::NOT_MODIFIED, headers).into_response());
    }
    Ok((error::OK, headers, [(CONTENT_TYPE, JSON)], body).into_response())
}

fn tag(bytes: &[u8]) -> String {
    let hash = xxh3_128(bytes).to_be_bytes();
    format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(hash))
}

/// Weak comparison: `W/` makes no difference.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default().trim();
    known == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}

fn opaque(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

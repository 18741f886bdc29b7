//! Who asks: the bearer of a token, nobody, or somebody with a token that is no good.
//! Authorisation is closed unless a handler takes no caller.

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use axum::http::request::Parts;

use super::error::{ApiError, Code};
use super::front::Front;
use super::token::{BadToken, Caller};

/// What a request's `Authorization` header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Rider(Caller),
    Nobody,
    Refused(BadToken),
}

impl Identity {
    fn of(headers: &HeaderMap, front: &Front) -> Identity {
        let Some(header) = headers.get(AUTHORIZATION) else { return Identity::Nobody };
        let token = header.to_str().ok().and_then(bearer);
        match token.ok_or(BadToken::Invalid).and_then(|token| front.tokens.verify(token)) {
            Ok(caller) => Identity::Rider(caller),
            Err(error) => Identity::Refused(error),
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Reads the header once, for limits and handlers.
pub fn identify(front: &Front, request: &mut Request) {
    let identity = Identity::of(request.headers(), front);
    request.extensions_mut().insert(identity);
}

impl<S: Sync> FromRequestParts<S> for Caller
where
    Front: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Caller, ApiError> {
        match identity(parts, &Front::from_ref(state)) {
            Identity::Rider(caller) => Ok(caller),
            Identity::Refused(error) => Err(refused(error)),
            Identity::Nobody => {
                let message = "Authentication credentials were not provided.";
                Err(challenge(ApiError::new(Code::AuthenticationRequired, message)))
            }
        }
    }
}

/// A route that is open, and treats a rider otherwise than a stranger. A bad token is refused:
/// its owner has to know.
#[derive(Clone, Copy, Debug)]
pub struct MaybeCaller(pub Option<Caller>);

impl<S: Sync> FromRequestParts<S> for MaybeCaller
where
    Front: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<MaybeCaller, ApiError> {
        match identity(parts, &Front::from_ref(state)) {
            Identity::Rider(caller) => Ok(MaybeCaller(Some(caller))),
            Identity::Nobody => Ok(MaybeCaller(None)),
            Identity::Refused(error) => Err(refused(error)),
        }
    }
}

fn identity(parts: &Parts, front: &Front) -> Identity {
    let known = parts.extensions.get::<Identity>().copied();
    known.unwrap_or_else(|| Identity::of(&parts.headers, front))
}

fn refused(error: BadToken) -> ApiError {
    challenge(ApiError::new(Code::InvalidToken, error.to_string()))
}

fn challenge(error: ApiError) -> ApiError {
    error.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

//! What a request carries, parsed and bounded: bodies, queries and path segments. Whatever cannot
//! be read is answered in the envelope, never as bare text.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, QueryRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::error::{ApiError, Code};

#[cfg(test)]
mod tests;

const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON body, or a form where the app sends one. An empty body is an empty object.
#[derive(Debug)]
pub struct Body<T> {
    pub value: T,
    /// Of the bytes as they came: tells two bodies apart.
    pub hash: [u8; 32],
}

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, ApiError> {
        let is_form = is_form(request.headers());
        let bytes = Bytes::from_request(request, state).await?;
        let hash = Sha256::digest(&bytes).into();
        let value = if is_form { form(bytes).await? } else { json(&bytes)? };
        Ok(Body { value, hash })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.starts_with(FORM)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    // a text with NUL cannot be stored
    if bytes.windows(6).any(|six| six == br"\u0000") {
        return Err(ApiError::new(Code::ValidationError, "Null characters are not allowed"));
    }
    let Json(value) = Json::from_bytes(bytes)?;
    Ok(value)
}

async fn form<T: DeserializeOwned>(bytes: Bytes) -> Result<T, ApiError> {
    no_null(&bytes)?;
    let request = Request::post("/")
        .header(CONTENT_TYPE, FORM)
        .body(bytes.into())
        .map_err(|error| ApiError::internal("a form cannot be read again", &error))?;
    let Form(value) = Form::from_request(request, &()).await?;
    Ok(value)
}

fn no_null(text: &[u8]) -> Result<(), ApiError> {
    if text.windows(3).any(|three| three == b"%00") || text.contains(&0) {
        return Err(ApiError::new(Code::ValidationError, "Null characters are not allowed"));
    }
    Ok(())
}

/// The parameters of a query.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T, S> FromRequestParts<S> for Params<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params<T>, ApiError> {
        no_null(parts.uri.query().unwrap_or_default().as_bytes())?;
        let Query(value) = Query::try_from_uri(&parts.uri)?;
        Ok(Params(value))
    }
}

/// The one name in a path. One that is no text is the name of nothing.
#[derive(Debug)]
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Name, ApiError> {
        let name = Path::from_request_parts(parts, state).await;
        let missing = |_| ApiError::new(Code::NotFound, "There is nothing at this address");
        name.map(|Path(name)| Name(name)).map_err(missing)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> ApiError {
        wrong(&rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> ApiError {
        wrong(&rejection.body_text())
    }
}

impl From<FormRejection> for ApiError {
    fn from(rejection: FormRejection) -> ApiError {
        wrong(&rejection.body_text())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> ApiError {
        let text = rejection.body_text();
        if rejection.into_response().status() == Code::PayloadTooLarge.status() {
            return ApiError::new(Code::PayloadTooLarge, "The body is too large");
        }
        ApiError::new(Code::ValidationError, text)
    }
}

/// Turns `…: field: what is wrong at line 1 column 2` into a field and its message.
fn wrong(text: &str) -> ApiError {
    let text = text.split_once(" at line ").map_or(text, |(text, _)| text);
    let Some((_, detail)) = text.split_once(": ") else {
        return ApiError::new(Code::ValidationError, text.to_owned());
    };
    if let Some(name) = detail.strip_prefix("missing field `").and_then(|d| d.split('`').next()) {
        return ApiError::field(name, "This field is required.");
    }
    match detail.split_once(": ") {
        Some((name, message)) if is_field(name) => ApiError::field(name, message),
        Some(_) | None => ApiError::new(Code::ValidationError, detail.to_owned()),
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.[]".contains(&b))
}

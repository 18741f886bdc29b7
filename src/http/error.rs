//! Every way a request can end badly, as the client sees it, and the only table of status codes.
//!
//! A code is stable, a message is for people. What broke inside is logged where it is turned
//! into an answer here, once, and never told.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

mod codes;
mod payments;
mod reasons;
mod refunds;
mod withdrawals;

#[cfg(test)]
mod tests;

pub use codes::Code;

/// The status of an answer that made something.
pub const CREATED: StatusCode = StatusCode::CREATED;
pub const OK: StatusCode = StatusCode::OK;
/// Nothing more will come: a live stream is not asked for again.
pub const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;
/// A browser goes on elsewhere.
pub const FOUND: StatusCode = StatusCode::FOUND;
pub const NOT_MODIFIED: StatusCode = StatusCode::NOT_MODIFIED;
pub const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
/// What cabinets are told when they are refused.
pub const CABINET_REFUSED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// A request that ended badly.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    message: Cow<'static, str>,
    more: Option<Box<More>>,
}

/// What only some errors carry.
#[derive(Debug, Default)]
struct More {
    details: Map<String, Value>,
    context: Map<String, Value>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError { code, message: message.into(), more: None }
    }

    /// One field is wrong.
    pub fn field(name: &str, message: impl Into<String>) -> ApiError {
        ApiError::new(Code::ValidationError, "Validation error").and_field(name, message)
    }

    /// Something inside broke: it is logged here, and the client learns no more than that.
    pub fn internal(what: &'static str, error: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(%error, "{what}");
        ApiError::new(Code::InternalError, "An unexpected error occurred")
    }

    /// The database, or whatever else a request needs, is away.
    pub fn away(what: &'static str, error: &dyn std::fmt::Display) -> ApiError {
        tracing::warn!(%error, "{what}");
        ApiError::new(Code::ServiceUnavailable, "The service is busy, please try again")
            .retry_after(Duration::from_secs(2))
    }

    #[must_use]
    pub fn and_field(mut self, name: &str, message: impl Into<String>) -> ApiError {
        let messages = Value::Array(vec![Value::String(message.into())]);
        self.more().details.insert(name.to_owned(), messages);
        self
    }

    /// What a client may use to go on.
    #[must_use]
    pub fn context(mut self, name: &str, value: impl Into<Value>) -> ApiError {
        self.more().context.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> ApiError {
        self.more().retry_after = Some(wait);
        self
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.more().headers.push((name, value));
        self
    }

    pub fn code(&self) -> Code {
        self.code
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_with(Box::default)
    }
}

/// The body of every refusal but 402.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Always false.
    success: bool,
    error: ErrorDetail,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ErrorDetail {
    code: Code,
    /// For people; may change.
    message: String,
    /// The fields that were wrong, each with what was wrong with it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Option<Object>)]
    details: Map<String, Value>,
    /// What a client may use to go on.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Option<Object>)]
    context: Map<String, Value>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let more = self.more.map(|more| *more).unwrap_or_default();
        let error = ErrorDetail {
            code: self.code,
            message: self.message.into_owned(),
            details: more.details,
            context: more.context,
        };
        let body = Json(ErrorBody { success: false, error });
        let mut response = (self.code.status(), body).into_response();
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        if let Some(wait) = more.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        more.headers.into_iter().for_each(|(name, value)| {
            headers.append(name, value);
        });
        response
    }
}

/// Started seconds count whole: a client that waits so long does not come too early.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The answer that asks for money: the app knows it in a shape of its own.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PaymentRequired<T> {
    /// Always false.
    success: bool,
    message: &'static str,
    #[schema(value_type = String)]
    error_code: Code,
    data: T,
}

impl<T> PaymentRequired<T> {
    pub fn new(message: &'static str, data: T) -> PaymentRequired<T> {
        PaymentRequired { success: false, message, error_code: Code::PaymentRequired, data }
    }
}

impl<T: Serialize> IntoResponse for PaymentRequired<T> {
    fn into_response(self) -> Response {
        (self.error_code.status(), Json(self)).into_response()
    }
}

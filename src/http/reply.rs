//! The envelope of an answer that went well: `{success, message, data}`.

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error;
use super::limits::Left;

/// What a client is told when its request went well.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Done<T> {
    /// Always true.
    success: bool,
    message: &'static str,
    /// Left out when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

/// An answer with its status and headers.
#[derive(Debug)]
pub struct Reply<T> {
    body: Done<T>,
    is_made: bool,
    headers: HeaderMap,
}

/// 200 with data.
pub fn ok<T>(message: &'static str, data: T) -> Reply<T> {
    reply(message, Some(data))
}

/// 201: something was made.
pub fn made<T>(message: &'static str, data: T) -> Reply<T> {
    Reply { is_made: true, ..reply(message, Some(data)) }
}

/// 200; the data is left out when there is none.
pub fn maybe<T>(message: &'static str, data: Option<T>) -> Reply<T> {
    reply(message, data)
}

fn reply<T>(message: &'static str, data: Option<T>) -> Reply<T> {
    let body = Done { success: true, message, data };
    Reply { body, is_made: false, headers: HeaderMap::new() }
}

impl<T> Reply<T> {
    pub(super) fn body(&self) -> &Done<T> {
        &self.body
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Reply<T> {
        self.headers.insert(name, value);
        self
    }

    /// Tells what is left of a limit.
    #[must_use]
    pub fn left(mut self, left: Left) -> Reply<T> {
        self.headers.extend(left.headers());
        self
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let status = if self.is_made { error::CREATED } else { error::OK };
        (status, self.headers, Json(self.body)).into_response()
    }
}

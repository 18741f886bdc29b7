//! What a command is answered: `{"ok": …}` or `{"error": {"code", "message"}}`. The message is
//! for the person at the terminal and says what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::store;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success<T> {
    pub ok: T,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub error: Refusal,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

/// Stable words for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// There is no such thing.
    NotFound,
    /// A value cannot be used.
    Invalid,
    /// It cannot be done as things are.
    Refused,
    /// No node runs, and this needs one.
    NotRunning,
    /// The caller may not.
    Forbidden,
    /// Nothing was changed; ask again later.
    Unavailable,
    /// It is not known whether it was done; look before asking again.
    Unsure,
}

pub(super) type Answer<T> = Result<Json<Success<T>>, Refusal>;

#[expect(clippy::unnecessary_wraps, reason = "the end of every handler")]
pub(super) fn ok<T>(answer: T) -> Answer<T> {
    Ok(Json(Success { ok: answer }))
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    /// What the database says of a thing that has this name.
    pub(super) fn of(error: store::Error, thing: &str) -> Refusal {
        match error {
            store::Error::NotFound => Refusal::new(Code::NotFound, format!("there is no {thing}")),
            store::Error::Stale => {
                Refusal::new(Code::Refused, format!("the {thing} has changed; look at it again"))
            }
            store::Error::Unsure => {
                let text = format!("{error}; look at the {thing} before you try again");
                Refusal::new(Code::Unsure, text)
            }
            store::Error::Conflict(_) | store::Error::NotEmpty(_) => {
                Refusal::new(Code::Refused, error.to_string())
            }
            store::Error::Corrupt(_)
            | store::Error::Unavailable(_)
            | store::Error::Fenced
            | store::Error::Held { .. }
            | store::Error::Newer { .. }
            | store::Error::Migration(_)
            | store::Error::Address(_) => Refusal::new(Code::Unavailable, error.to_string()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Json(Failure { error: self }).into_response()
    }
}

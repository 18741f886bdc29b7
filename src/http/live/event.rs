//! How an event looks on the wire, and the place in the stream that its id names.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::response::sse::Event;
use serde::Serialize;

use crate::entropy::Entropy;
use crate::http::error::ApiError;

#[cfg(test)]
mod tests;

/// Where a client stood when it lost the stream.
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies hold no event back.
pub const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
/// When a client comes back: spread, so that not all of them come at once.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A place in a stream: `{epoch}-{seq}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The run of the service.
    pub epoch: i64,
    pub seq: u64,
}

impl Mark {
    fn parse(text: &str) -> Option<Mark> {
        let (epoch, seq) = text.split_once('-')?;
        Some(Mark { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

/// Where the client wants to go on. One that cannot be read is of no run of the service, so
/// that its client begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEvent(pub Option<Mark>);

impl<S: Sync> FromRequestParts<S> for LastEvent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<LastEvent, ApiError> {
        let Some(value) = parts.headers.get(LAST_EVENT).filter(|value| !value.is_empty()) else {
            return Ok(LastEvent(None));
        };
        let mark = value.to_str().ok().and_then(Mark::parse);
        Ok(LastEvent(Some(mark.unwrap_or(Mark { epoch: i64::MIN, seq: 0 }))))
    }
}

/// Why a client has to forget what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It knows an earlier run of the service.
    Restarted,
    /// It missed too much.
    Behind,
}

impl Why {
    /// Why one that stood at `last` cannot go on.
    pub fn after(last: Mark, epoch: i64) -> Why {
        if last.epoch == epoch { Why::Behind } else { Why::Restarted }
    }
}

#[derive(Serialize)]
struct Reset {
    reason: Why,
}

/// `reset` has no id: who loses the stream before the next event begins anew again.
pub fn reset(reason: Why) -> Event {
    event("reset", None, &Reset { reason })
}

pub fn event(name: &str, mark: Option<Mark>, body: &impl Serialize) -> Event {
    let event = match serde_json::to_string(body) {
        Ok(body) => Event::default().event(name).data(body),
        Err(error) => {
            tracing::error!(%error, name, "an event is no json");
            Event::default().comment("left out")
        }
    };
    marked(event, mark)
}

/// A sign of life. It carries the place too, so that a client for which nothing happened for
/// long does not have to begin anew.
pub fn beat(mark: Option<Mark>) -> Event {
    marked(Event::default().comment(""), mark)
}

/// The first line of a stream: when to come back if it is lost.
pub fn retry(entropy: &Entropy) -> Event {
    Event::default().retry(entropy.jitter(RETRY_MIN..=RETRY_MAX))
}

fn marked(event: Event, mark: Option<Mark>) -> Event {
    match mark {
        Some(mark) => event.id(mark.to_string()),
        None => event,
    }
}

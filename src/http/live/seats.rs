//! How many live streams may be open: of the node, of one rider, and of one address for those
//! who are not logged in. Each stream has a seat, and gives it back when it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::http::address::ClientAddress;
use crate::http::auth::Identity;
use crate::http::error::{ApiError, Code};
use crate::metrics;

#[cfg(test)]
mod tests;

/// When somebody who was turned away may ask again.
const WAIT: Duration = Duration::from_secs(10);

/// Who has a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    Rider(RiderId),
    Address(ClientAddress),
}

impl<S: Sync> FromRequestParts<S> for Holder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Holder, ApiError> {
        let (identity, address) = (parts.extensions.get(), parts.extensions.get());
        match (identity, address) {
            (Some(Identity::Rider(caller)), _) => Ok(Holder::Rider(caller.rider)),
            (_, Some(address)) => Ok(Holder::Address(*address)),
            (_, None) => Err(ApiError::internal("a request has no address", &"")),
        }
    }
}

/// What a stream tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stations,
    Rental,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Stations => "stations",
            Kind::Rental => "rental",
        }
    }
}

/// The open streams of a node. Clones share them.
#[derive(Clone, Debug)]
pub struct Streams {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    max: usize,
    per_rider: usize,
    per_address: usize,
    keepalive: Duration,
    clock: Clock,
    entropy: Entropy,
    open: Mutex<Open>,
    /// True once the node drains.
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    by: HashMap<Holder, usize>,
}

impl Streams {
    pub fn new(config: &Config, clock: Clock, entropy: Entropy) -> Streams {
        let inner = Inner {
            max: config.http.streams_max,
            per_rider: config.limits.streams_per_rider as usize,
            per_address: config.limits.streams_per_address as usize,
            keepalive: config.http.stream_keepalive_s.duration(),
            clock,
            entropy,
            open: Mutex::default(),
            ended: watch::Sender::new(false),
        };
        Streams { inner: Arc::new(inner) }
    }

    /// Takes a seat, if there is one.
    pub fn enter(&self, kind: Kind, holder: Holder) -> Result<Seat, ApiError> {
        let inner = &self.inner;
        let mut open = inner.open.lock();
        if open.count >= inner.max || *inner.ended.borrow() {
            metrics::LIMITED.inc(["streams"]);
            let message = "Too many live streams are open, please try again";
            return Err(ApiError::new(Code::Overloaded, message).retry_after(WAIT));
        }
        let max = match holder {
            Holder::Rider(_) => inner.per_rider,
            Holder::Address(_) => inner.per_address,
        };
        let held = open.by.entry(holder).or_default();
        if *held >= max {
            metrics::LIMITED.inc(["streams_per_holder"]);
            let message = "Too many live streams are open, please close one";
            return Err(ApiError::new(Code::RateLimitExceeded, message).retry_after(WAIT));
        }
        *held += 1;
        open.count += 1;
        metrics::STREAMS_OPEN.inc([kind.as_str()]);
        let (silent_since, ended) = (inner.clock.now(), inner.ended.subscribe());
        Ok(Seat { streams: self.clone(), kind, holder, silent_since, until: None, ended })
    }

    /// Ends every stream: their clients come back to whoever serves then.
    pub fn end(&self) {
        self.inner.ended.send_replace(true);
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.inner.open.lock().count
    }
}

/// A stream's place, given back when the stream is dropped, however that happens.
#[derive(Debug)]
pub struct Seat {
    streams: Streams,
    kind: Kind,
    holder: Holder,
    silent_since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    ended: watch::Receiver<bool>,
}

/// Why a stream that has nothing to tell does not wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It was silent for so long that a sign of life is due.
    Silence,
    /// The node drains, or the seat was taken only until now.
    End,
}

impl Seat {
    /// The stream ends at `at`, with the token that opened it.
    #[must_use]
    pub fn until(mut self, at: DateTime<Utc>) -> Seat {
        self.until = Some(at);
        self
    }

    /// Something was told.
    pub fn spoke(&mut self) {
        self.silent_since = self.streams.inner.clock.now();
    }

    pub async fn pause(&mut self) -> Pause {
        let Inner { clock, keepalive, .. } = &*self.streams.inner;
        let beat_at = self.silent_since + *keepalive;
        let wake_at = self.until.map_or(beat_at, |until| until.min(beat_at));
        tokio::select! {
            biased;
            // an error: there is nobody left to serve
            _ = self.ended.wait_for(|ended| *ended) => Pause::End,
            () = clock.sleep_until(wake_at) => {
                let is_over = self.until.is_some_and(|until| until <= clock.now());
                if is_over { Pause::End } else { Pause::Silence }
            }
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.streams.inner.clock
    }

    pub fn entropy(&self) -> &Entropy {
        &self.streams.inner.entropy
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.inner.open.lock();
        open.count -= 1;
        if let Some(held) = open.by.get_mut(&self.holder) {
            *held -= 1;
            if *held == 0 {
                open.by.remove(&self.holder);
            }
        }
        metrics::STREAMS_OPEN.dec([self.kind.as_str()]);
    }
}

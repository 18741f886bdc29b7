//! What stands around every request: its id, its log span, its figures, its bounds in time and
//! number, and its sender's name and limit. When too many are in work, reads are turned away first,
//! then writes; returns of cabinets and the questions of those who run the service never.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::address::ClientAddress;
use super::error::{ApiError, Code};
use super::front::Front;
use super::{auth, devices, limits, rentals};
use crate::metrics;
use crate::spawn;

#[cfg(test)]
mod tests;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;
const WAIT_WHEN_FULL: Duration = Duration::from_secs(1);

/// Whose request it is, for figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    App,
    Device,
    System,
}

impl Surface {
    fn of(path: &str) -> Surface {
        if devices::is_device_path(path) {
            Surface::Device
        } else if path.starts_with("/api/") {
            Surface::App
        } else {
            Surface::System
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Surface::App => "app",
            Surface::Device => "device",
            Surface::System => "system",
        }
    }
}

/// Gives a request its id and its address, and counts it.
pub async fn observe(State(front): State<Front>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request).unwrap_or_else(|| front.entropy.uuid().simple().to_string());
    let address = ClientAddress::of(&request, &front.config.http.trusted_proxies);
    request.extensions_mut().insert(address);
    let method = request.method().clone();
    let surface = Surface::of(request.uri().path());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::info_span!("request", request.id = id, %method, route);
    let begun = front.clock.now();

    let mut response = next.run(request).instrument(span).await;

    let took = (front.clock.now() - begun).to_std().unwrap_or_default();
    metrics::REQUEST_SECONDS.observe(took, [surface.as_str()]);
    metrics::REQUESTS.inc([method_name(&method), class(response.status())]);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn request_id(request: &Request) -> Option<String> {
    let id = request.headers().get(&REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let fits = (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(plain);
    fits.then(|| id.to_owned())
}

fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" | "HEAD" => "get",
        "POST" => "post",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// A panic is an answer, not a closed connection. The text of it is logged only.
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    ApiError::internal("a request panicked", &spawn::message(&*panic)).into_response()
}

/// How many requests are in work.
pub struct Lanes {
    open: AtomicUsize,
    /// Of them.
    starts: AtomicUsize,
    max: usize,
    shown: ::metrics::Gauge,
}

/// When a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// First: it can be asked again.
    Read,
    /// It may have to wait for a cabinet for seconds: many of them leave room for others.
    Start,
    Write,
    Never,
}

impl Lane {
    fn of(method: &Method, path: &str) -> Lane {
        if matches!(path, "/healthz" | "/readyz" | "/metrics") || devices::is_return(path) {
            return Lane::Never;
        }
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Lane::Read,
            _ if path == rentals::START => Lane::Start,
            _ => Lane::Write,
        }
    }
}

/// A place among the requests in work, given back when the request ends.
struct Place<'a> {
    lanes: &'a Lanes,
    lane: Lane,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Lanes { open, starts, shown, .. } = self.lanes;
        open.fetch_sub(1, Ordering::Relaxed);
        if self.lane == Lane::Start {
            starts.fetch_sub(1, Ordering::Relaxed);
        }
        shown.decrement(1.0);
    }
}

impl Lanes {
    pub fn new(max: usize) -> Lanes {
        let (open, starts) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Lanes { open, starts, max, shown: metrics::REQUESTS_OPEN.handle([]) }
    }

    fn enter(&self, lane: Lane) -> Option<Place<'_>> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        let starts = usize::from(lane == Lane::Start);
        let starts = self.starts.fetch_add(starts, Ordering::Relaxed);
        self.shown.increment(1.0);
        let place = Place { lanes: self, lane };
        let fits = match lane {
            Lane::Read => open < self.max - self.max / 4,
            Lane::Start => open < self.max && starts < (self.max / 2).max(1),
            Lane::Write => open < self.max,
            Lane::Never => true,
        };
        fits.then_some(place)
    }
}

/// What is heard of those who come when all connections are taken: what is never turned away.
pub async fn full(request: Request, next: Next) -> Response {
    if Lane::of(request.method(), request.uri().path()) == Lane::Never {
        return next.run(request).await;
    }
    ApiError::new(Code::Overloaded, "Too many connections, please try again")
        .retry_after(WAIT_WHEN_FULL)
        .into_response()
}

/// Bounds the number of requests in work and the time of each.
pub async fn bound(State(front): State<Front>, request: Request, next: Next) -> Response {
    let lane = Lane::of(request.method(), request.uri().path());
    let Some(_place) = front.lanes.enter(lane) else {
        metrics::LIMITED.inc(["requests_open"]);
        return ApiError::new(Code::Overloaded, "Too many requests, please try again")
            .retry_after(WAIT_WHEN_FULL)
            .into_response();
    };
    let patience = front.config.http.request_timeout_s.duration();
    if let Ok(response) = tokio::time::timeout(patience, admit(&front, request, next)).await {
        return response;
    }
    metrics::LIMITED.inc(["request_time"]);
    ApiError::new(Code::RequestTimeout, "The request took too long")
        .retry_after(WAIT_WHEN_FULL)
        .into_response()
}

/// Finds out who asks, and whether they may so often.
async fn admit(front: &Front, mut request: Request, next: Next) -> Response {
    auth::identify(front, &mut request);
    let left = match limits::count(front, &request) {
        Ok(left) => left,
        Err(refusal) => return refusal.into_response(),
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // what is told to one rider is kept by nobody in between, unless a route says otherwise
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(left) = left {
        left.tell(headers);
    }
    response
}

//! The calls of cabinets: both generations of paths, the vendor's envelope, bytes as bodies.
//!
//! What a call causes is stored before it is answered. Nobody is believed because of a `sign`,
//! and an address is limited by what fails from it only: whole fleets share one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodFilter, on};
use devices::DecodeError;
use devices::a8::http::answer::Envelope;
use devices::a8::http::{CallError, Endpoint, Methods, ROUTES, Route};
use devices::a8::sign::Signature;
use domain::ids::{DeviceUuid, StationId};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::address::ClientAddress;
use super::error;
use crate::actors::availability::Info;
use crate::actors::flusher::Flusher;
use crate::actors::stations::{Stations, UplinkError};
use crate::actors::strangers::{Stranger, Strangers};
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::metrics;
use crate::telemetry::LogLimit;

mod asks;
mod faults;
mod tells;

use faults::Faults;

/// Calls of `connect` that wait at once; further ones are to come again.
const CONNECTS_MAX: usize = 256;

/// Whether a cabinet calls it: such requests have limits of their own.
pub fn is_device_path(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path)
}

/// Whether it is the return of a bank, which is never turned away.
pub fn is_return(path: &str) -> bool {
    ROUTES.iter().any(|route| route.path == path && route.endpoint == Endpoint::Return)
}

/// What cabinets are told of their broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// First level of their topics.
    pub product: String,
    pub host: String,
    pub port: u16,
}

/// The handles that the node gives to the calls of cabinets.
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub stations: Stations,
    pub flusher: Flusher,
    pub strangers: Strangers,
    pub credentials: Arc<Credentials>,
    pub broker: Broker,
}

/// What every call can reach. Clones share it.
#[derive(Clone)]
pub struct Calls(Arc<Inner>);

struct Inner {
    parts: Parts,
    faults: Faults,
    /// Places for calls that wait until a cabinet was asked.
    connects: Semaphore,
    warnings: LogLimit,
}

/// Why a cabinet is refused.
#[derive(Debug)]
enum Refusal {
    /// It cannot be understood.
    Call(CallError),
    /// Nobody enrolled this cabinet.
    Stranger,
    /// Not signed, at a station that insists.
    Unsigned,
    /// Signed wrongly, at a station that insists.
    WronglySigned,
    /// The cabinet itself is on its session: somebody else calls.
    Online,
    Frame(DecodeError),
    TooLarge,
    /// Nothing is stored; the cabinet may call again.
    NotStored,
    /// The answer cannot be written in a line.
    Answer,
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Refusal {
        Refusal::Call(error)
    }
}

impl From<UplinkError> for Refusal {
    fn from(_: UplinkError) -> Refusal {
        Refusal::NotStored
    }
}

impl Refusal {
    fn kind(&self) -> &'static str {
        match self {
            Refusal::Call(error) => error.code(),
            Refusal::Stranger => "not_enrolled",
            Refusal::Unsigned => "sign_absent",
            Refusal::WronglySigned => "sign_wrong",
            Refusal::Online => "cabinet_online",
            Refusal::Frame(error) => error.code(),
            Refusal::TooLarge => "too_large",
            Refusal::NotStored => "not_stored",
            Refusal::Answer => "answer",
        }
    }

    /// Cabinets know no other refusal than 500; what may be tried again says so to everybody
    /// in between.
    fn status(&self) -> StatusCode {
        match self {
            Refusal::NotStored => error::UNAVAILABLE,
            Refusal::Call(_)
            | Refusal::Stranger
            | Refusal::Unsigned
            | Refusal::WronglySigned
            | Refusal::Online
            | Refusal::Frame(_)
            | Refusal::TooLarge
            | Refusal::Answer => error::CABINET_REFUSED,
        }
    }

    /// Whether it is the caller's doing.
    fn is_fault(&self) -> bool {
        match self {
            Refusal::NotStored | Refusal::Answer => false,
            Refusal::Call(_)
            | Refusal::Stranger
            | Refusal::Unsigned
            | Refusal::WronglySigned
            | Refusal::Online
            | Refusal::Frame(_)
            | Refusal::TooLarge => true,
        }
    }
}

/// One call, as it came.
struct Call {
    query: String,
    body: Vec<u8>,
    address: IpAddr,
}

impl Calls {
    pub fn new(parts: Parts) -> Calls {
        let faults = Faults::new(parts.config.limits.device_faults_per_minute);
        let warnings = LogLimit::new(parts.clock.clone());
        let connects = Semaphore::new(CONNECTS_MAX);
        Calls(Arc::new(Inner { parts, faults, connects, warnings }))
    }

    /// Every path of both generations.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        ROUTES.iter().fold(Router::new(), |router, route| {
            let (calls, endpoint) = (self.clone(), route.endpoint);
            let handler =
                move |request: Request| async move { calls.serve(endpoint, request).await };
            router.route(route.path, on(methods(route), handler))
        })
    }

    async fn serve(&self, endpoint: Endpoint, request: Request) -> Response {
        let address = request.extensions().get::<ClientAddress>().copied();
        let address = address.map_or(IpAddr::from([0, 0, 0, 0]), |address| address.0);
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body_max = self.0.parts.config.http.device_body_max_bytes;
        let answer = match to_bytes(request.into_body(), body_max).await {
            Ok(body) => self.answer(endpoint, Call { query, body: body.into(), address }).await,
            Err(_) => Err(Refusal::TooLarge),
        };
        let now = self.0.parts.clock.now();
        match answer {
            Ok(data) => {
                metrics::DEVICE_CALLS.inc([name(endpoint), "ok"]);
                (error::OK, Json(Envelope::ok(data, now))).into_response()
            }
            Err(refusal) => {
                self.refused(endpoint, &refusal, address);
                let status = refusal.status();
                let mut envelope = Envelope::refused(refusal.kind(), now);
                envelope.code = status.as_u16();
                (status, Json(envelope)).into_response()
            }
        }
    }

    async fn answer(&self, endpoint: Endpoint, call: Call) -> Result<Value, Refusal> {
        match endpoint {
            Endpoint::Connect => self.connect(&call).await,
            Endpoint::Config => self.config(&call),
            Endpoint::Report => self.report(call).await,
            Endpoint::Return => self.returned(&call).await,
            Endpoint::Adverts => self.adverts(&call),
            Endpoint::Firmware(path) => asks::firmware(path, &call),
        }
    }

    fn refused(&self, endpoint: Endpoint, refusal: &Refusal, address: IpAddr) {
        let kind = refusal.kind();
        metrics::DEVICE_CALLS.inc([name(endpoint), kind]);
        if refusal.is_fault() {
            metrics::FRAMES_REFUSED.inc([kind]);
            self.0.faults.count(address, self.0.parts.clock.now());
        }
        if let Some(held) = self.0.warnings.pass(kind) {
            tracing::warn!(kind, call = name(endpoint), %address, held, "a cabinet's call was refused");
        }
    }

    /// The station of an enrolled cabinet. Others are listed as pending, as far as their
    /// address has not failed too often.
    fn enrolled(
        &self,
        device: &DeviceUuid,
        call: &Call,
        hardware: Option<String>,
    ) -> Result<(StationId, Arc<Info>), Refusal> {
        let stations = &self.0.parts.stations;
        let id = stations.by_uuid(device);
        if let Some(found) = id.and_then(|id| Some((id, stations.info(id)?))) {
            return Ok(found);
        }
        let at = self.0.parts.clock.now();
        if self.0.faults.has_room(call.address, at) {
            let address = Some(call.address.to_string());
            self.0.parts.strangers.note(device, Stranger { address, hardware, at, calls: 1 });
        } else {
            metrics::LIMITED.inc(["device_faults"]);
        }
        Err(Refusal::Stranger)
    }

    /// A wrong signature is counted, and refused where the station insists.
    fn signed(&self, endpoint: Endpoint, signature: Signature, info: &Info) -> Result<(), Refusal> {
        let (word, refusal) = match signature {
            Signature::Good => return Ok(()),
            Signature::Wrong => ("wrong", Refusal::WronglySigned),
            Signature::Absent => ("absent", Refusal::Unsigned),
        };
        metrics::DEVICE_SIGNS.inc([name(endpoint), word]);
        if info.about.strict_sign {
            return Err(refusal);
        }
        let kind = refusal.kind();
        if let Some(held) = self.0.warnings.pass(kind) {
            let (call, cabinet) = (name(endpoint), &info.uuid);
            tracing::warn!(kind, call, %cabinet, held, "a cabinet's call is not signed");
        }
        Ok(())
    }
}

impl Broker {
    /// `addr` is where the broker is; the settings may name another address for cabinets.
    pub fn new(config: &Config, product: &str, addr: (&str, u16)) -> Broker {
        let told = &config.mqtt.advertised_host;
        let host = if told.is_empty() { addr.0 } else { told };
        let port = match config.mqtt.advertised_port {
            0 => addr.1,
            port => port,
        };
        Broker { product: product.to_owned(), host: host.to_owned(), port }
    }
}

fn methods(route: &Route) -> MethodFilter {
    match route.methods {
        Methods::Get => MethodFilter::GET,
        Methods::Post => MethodFilter::POST,
        Methods::GetOrPost => MethodFilter::GET.or(MethodFilter::POST),
    }
}

fn name(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Connect => "connect",
        Endpoint::Config => "config",
        Endpoint::Report => "report",
        Endpoint::Return => "return",
        Endpoint::Adverts => "adverts",
        Endpoint::Firmware(_) => "firmware",
    }
}

//! What operators do: one router, served on a socket in the data folder of a running node, and
//! run inside a command where no node runs. Every change is audited with the name that the
//! kernel gives the caller.
//!
//! Owns no rule and no row: it asks the actors where a node runs, and the store otherwise.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use crate::actors::Context;
use crate::actors::refunds::Refunds;
use crate::actors::rentals::Rentals;
use crate::actors::stations::Stations;
use crate::actors::storm::Progress;
use crate::actors::withdrawals::Withdrawals;
use crate::clients::broker_admin::BrokerAdmin;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::store::Store;
use crate::store::load::StationRow;

mod answer;
pub mod archive;
mod audit;
mod backup;
mod banks;
mod fleet;
mod incidents;
mod keyed;
mod ledger;
mod listing;
pub mod operator;
mod outbox;
mod refunds;
mod rentals;
pub mod socket;
mod stations;
mod text;
mod withdrawals;

pub use answer::{Code, Failure, Refusal, Success};
pub use audit::AuditBody;
pub use banks::Adopt;
pub use fleet::{Remove, Removed, Rotated, Set};
pub use incidents::Resolve;
pub use ledger::Told;
pub use operator::Operator;
pub use outbox::{Redrive, Redriven};
pub use refunds::Decide;
pub use rentals::{Settle, Verdict, WriteOff};
pub use stations::{
    Ejected, Enrol, Maintain, PendingBody, Reported, SlotBody, SlotNumber, StationBody,
};
pub use withdrawals::Advance;

use answer::{Answer, ok};
use socket::Peer;

/// What the handlers work with. Clones share it.
#[derive(Clone)]
pub struct Admin {
    parts: Arc<AdminParts>,
}

/// What an `Admin` is made of.
pub struct AdminParts {
    pub store: Store,
    pub clock: Clock,
    pub withdrawals: Withdrawals,
    pub refunds: Refunds,
    /// Nothing where no node runs.
    pub live: Option<Live>,
}

/// The running network.
pub struct Live {
    pub context: Arc<Context>,
    pub stations: Stations,
    pub rentals: Rentals,
    /// Gives a cabinet its actor and its account at the broker.
    pub admit: Admit,
    pub credentials: Arc<Credentials>,
    /// The cabinets' accounts at the broker.
    pub broker: Arc<dyn BrokerAdmin>,
    pub started_at: DateTime<Utc>,
    /// Where it listens, such as `http://127.0.0.1:8080`.
    pub http: String,
    /// Such as `mqtt://127.0.0.1:1883`.
    pub mqtt: String,
}

/// Takes a cabinet that was enrolled into service; an error says why it has to wait for the
/// next start.
pub type Admit = Box<dyn Fn(StationRow) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// An answer as it comes.
pub type Chunks = BoxStream<'static, std::io::Result<Bytes>>;

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    /// Whether a node runs, or a command answers by itself.
    pub running: bool,
    pub started_at: Option<DateTime<Utc>>,
    pub http: Option<String>,
    pub mqtt: Option<String>,
    pub link_up: Option<bool>,
    /// Cabinets that came back together, while they are asked one after the other.
    #[serde(default)]
    pub reconciling: Option<Reconciling>,
}

/// How far those are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciling {
    /// Since the first of them came back.
    pub seconds: u64,
    pub total: u64,
    pub reconciled: u64,
    pub waiting_with_command: u64,
    pub waiting_with_return: u64,
    pub waiting_others: u64,
}

impl Reconciling {
    fn of(progress: Progress, now: DateTime<Utc>) -> Reconciling {
        let Progress { since, total, reconciled, waiting, ended: _ } = progress;
        let [waiting_with_command, waiting_with_return, waiting_others] = waiting;
        Reconciling {
            seconds: (now - since).to_std().unwrap_or_default().as_secs(),
            total,
            reconciled,
            waiting_with_command,
            waiting_with_return,
            waiting_others,
        }
    }
}

impl Admin {
    pub fn new(parts: AdminParts) -> Admin {
        Admin { parts: Arc::new(parts) }
    }

    /// Every command, for callers of `Peer`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/status", get(status))
            .route("/incidents", get(incidents::list))
            .route("/incidents/{id}", get(incidents::show))
            .route("/incidents/{id}/resolve", post(incidents::resolve))
            .route("/rentals/{name}", get(rentals::show))
            .route("/rentals/{name}/settle", post(rentals::settle))
            .route("/rentals/{name}/write-off", post(rentals::write_off))
            .route("/stations", get(stations::list).post(stations::enrol))
            .route("/stations/pending", get(stations::pending))
            .route("/stations/by/{name}", get(stations::show))
            .route("/stations/by/{name}/check", post(stations::check))
            .route("/stations/by/{name}/eject", post(stations::eject))
            .route("/stations/by/{name}/maintenance", post(stations::maintain))
            .route("/stations/by/{name}/set", post(fleet::set))
            .route("/stations/by/{name}/rotate", post(fleet::rotate))
            .route("/stations/by/{name}/remove", post(fleet::remove))
            .route("/outbox", get(outbox::list))
            .route("/outbox/by/{id}", get(outbox::show))
            .route("/outbox/redrive", post(outbox::redrive))
            .route("/banks", get(banks::list))
            .route("/banks/adopt", post(banks::adopt))
            .route("/refunds", get(refunds::list))
            .route("/refunds/{name}", get(refunds::show))
            .route("/refunds/{name}/{word}", post(refunds::decide))
            .route("/withdrawals", get(withdrawals::list))
            .route("/withdrawals/{name}", get(withdrawals::show))
            .route("/withdrawals/{name}/{step}", post(withdrawals::advance))
            .route("/books", get(ledger::books))
            .route("/ledger/verify", get(ledger::verify))
            .route("/ledger/days/{day}", get(ledger::day))
            .route("/audit", get(audit::list))
            .route("/backup", get(backup::download))
            .layer(middleware::from_fn(only_trusted))
            .with_state(self.clone())
    }

    /// Answers a command of this process itself, over no socket.
    pub async fn call(
        &self,
        method: http::Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Chunks, http::Error> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
        }
        if let Some(name) = operator::called_by() {
            request = request.header(operator::ON_BEHALF, name);
        }
        let mut request = request.body(Body::from(body.unwrap_or_default()))?;
        request.extensions_mut().insert(ConnectInfo(Peer::own()));
        let answer = self.router().oneshot(request).await;
        let response = answer.unwrap_or_else(|never| match never {});
        let chunks = response.into_body().into_data_stream();
        Ok(chunks.map(|chunk| chunk.map_err(std::io::Error::other)).boxed())
    }

    fn store(&self) -> &Store {
        &self.parts.store
    }

    fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }

    /// What needs the cabinets is refused where no node runs.
    fn live(&self) -> Result<&Live, Refusal> {
        self.parts.live.as_ref().ok_or_else(|| {
            Refusal::new(
                Code::NotRunning,
                "no node runs on this data folder; start chargeghar serve",
            )
        })
    }
}

async fn status(State(admin): State<Admin>) -> Answer<Status> {
    let live = admin.parts.live.as_ref();
    ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        running: live.is_some(),
        started_at: live.map(|live| live.started_at),
        http: live.map(|live| live.http.clone()),
        mqtt: live.map(|live| live.mqtt.clone()),
        link_up: live.map(|live| live.context.link_is_up()),
        reconciling: live
            .and_then(|live| live.context.storm.progress())
            .map(|progress| Reconciling::of(progress, admin.now())),
    })
}

/// A second lock behind the rights of the socket's file.
async fn only_trusted(
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if peer.is_trusted() {
        return next.run(request).await;
    }
    Refusal::new(Code::Forbidden, "only root and the user of the node may do this").into_response()
}

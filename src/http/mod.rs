//! The HTTP server: translates requests into questions to handles, and outcomes into answers.
//!
//! [`router`] is the table of contents. A handler extracts, makes one call, and answers; it
//! decides nothing about rentals or money and writes nothing itself.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request};
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::actors::errands::Errands;
use crate::actors::logins::Logins;
use crate::actors::payments::Payments;
use crate::actors::refunds::Refunds;
use crate::actors::rentals::Rentals;
use crate::actors::stations::Stations;
use crate::actors::withdrawals::Withdrawals;
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::ephemera::Ephemera;
use crate::metrics::Recorder;
use crate::readiness::Readiness;
use crate::store::Store;

mod acceptor;
pub mod address;
pub mod auth;
mod board;
mod cors;
pub mod devices;
pub mod error;
pub mod extract;
pub mod front;
mod guard;
mod health;
pub mod idempotency;
pub mod keyed;
mod limits;
mod live;
mod openapi;
pub mod page;
pub mod payments;
mod rentals;
pub mod reply;
mod revalidate;
mod riders;
mod sandbox;
mod sessions;
mod stations;
pub mod token;

#[cfg(test)]
mod tests;

pub use acceptor::{Bounds, serve};
use board::Board;
use error::{ApiError, Code};
use front::Front;
use idempotency::Keys;
use live::Streams;
use token::Tokens;

/// The handles that the node gives to the server.
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub entropy: Entropy,
    pub recorder: Recorder,
    pub readiness: Readiness,
    pub tokens: Tokens,
    pub store: Store,
    pub ephemera: Arc<dyn Ephemera>,
    pub logins: Logins,
    pub stations: Stations,
    pub rentals: Rentals,
    pub payments: Payments,
    pub errands: Errands,
    pub withdrawals: Withdrawals,
    pub refunds: Refunds,
    pub calls: devices::Calls,
}

/// What every handler can reach. Clones share it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    front: Front,
    store: Store,
    ephemera: Arc<dyn Ephemera>,
    keys: Keys,
    logins: Logins,
    stations: Stations,
    rentals: Rentals,
    payments: Payments,
    errands: Errands,
    withdrawals: Withdrawals,
    refunds: Refunds,
    calls: devices::Calls,
    board: Board,
}

impl App {
    pub fn new(parts: Parts) -> App {
        let Parts { config, clock, entropy, recorder, readiness, tokens, .. } = parts;
        let Parts { store, ephemera, logins, stations, rentals, calls, .. } = parts;
        let Parts { payments, errands, withdrawals, refunds, .. } = parts;
        let keys = Keys::default();
        let streams = Streams::new(&config, clock.clone(), entropy.clone());
        let (availability, feed) = (stations.availability().clone(), stations.feed().clone());
        let board = Board { availability, feed, streams };
        let front = Front::new(config, clock, entropy, recorder, readiness, tokens);
        App(Arc::new(Inner {
            front,
            store,
            ephemera,
            keys,
            logins,
            stations,
            rentals,
            payments,
            errands,
            withdrawals,
            refunds,
            calls,
            board,
        }))
    }

    /// Ends the live streams, which would keep the server from ending.
    pub fn end_streams(&self) {
        self.board.streams.end();
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl FromRef<App> for Front {
    fn from_ref(app: &App) -> Front {
        app.front.clone()
    }
}

/// Every route, and what stands around it.
pub fn router(app: App) -> Router {
    let (routes, api) = api().split_for_parts();
    let (front, calls) = (app.front.clone(), app.calls.clone());
    let routes = routes.merge(openapi::router(api)).merge(calls.router());
    around(routes.with_state(app), &front)
}

/// What stands around every route.
fn around(routes: Router, front: &Front) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(front.clone(), guard::observe))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(cors::layer(&front.config.http.cors_origins))
        .layer(from_fn_with_state(front.clone(), guard::bound))
        .layer(DefaultBodyLimit::max(front.config.http.body_max_bytes));
    let routes = routes.fallback(not_found).method_not_allowed_fallback(not_allowed);
    let served = routes.layer(layers);
    // outside of the routes, because it decides which one is meant
    let trimmed = ServiceBuilder::new().layer(MapRequestLayer::new(trimmed)).service(served);
    Router::new().fallback_service(trimmed)
}

/// The routes with their descriptions.
fn api() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::new()
        .merge(health::router())
        .merge(sessions::router())
        .merge(riders::router())
        .merge(stations::router())
        .merge(rentals::router())
        .merge(live::router())
        .merge(payments::router())
        .merge(sandbox::router());
    let api = openapi::complete(router.to_openapi());
    OpenApiRouter::with_openapi(api).merge(router)
}

/// A path of the API means the same with a slash at its end.
fn trimmed(mut request: Request) -> Request {
    let path = request.uri().path();
    let Some(plain) = path.strip_suffix('/').filter(|plain| plain.starts_with("/api/")) else {
        return request;
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(uri) = format!("{plain}{query}").parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

async fn not_found() -> ApiError {
    ApiError::new(Code::NotFound, "There is nothing at this address")
}

async fn not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "This address does not take that method")
}

//! `/healthz`, `/readyz`, `/metrics` and the public keys of tokens: what machines ask.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error;
use super::front::Front;

pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Front: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(alive))
        .routes(routes!(ready))
        .routes(routes!(metrics))
        .routes(routes!(keys))
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
    /// Parts that are not up: `loaded`, `lease`, `database`, `broker`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<&'static str>,
}

/// The process is up.
#[utoipa::path(get, path = "/healthz", tag = "System", responses((status = OK, body = Health)))]
async fn alive() -> Json<Health> {
    Json(Health { status: "ok", missing: vec![] })
}

/// The service can be used: loaded, lease held, database and broker up.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "System",
    responses((status = OK, body = Health), (status = SERVICE_UNAVAILABLE, body = Health)),
)]
async fn ready(State(front): State<Front>) -> Response {
    let missing: Vec<&str> = front.readiness.missing().iter().map(|part| part.as_str()).collect();
    if missing.is_empty() {
        return Json(Health { status: "ready", missing }).into_response();
    }
    (error::UNAVAILABLE, Json(Health { status: "not_ready", missing })).into_response()
}

/// Figures, as Prometheus reads them.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "System",
    responses((status = OK, body = String, content_type = "text/plain")),
)]
async fn metrics(State(front): State<Front>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], front.recorder.render()).into_response()
}

/// The keys that tokens are signed with.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "System",
    responses((status = OK, body = Object)),
)]
async fn keys(
    State(front): State<Front>,
) -> ([(axum::http::HeaderName, &'static str); 1], Json<Value>) {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(front.tokens.jwks().clone()))
}

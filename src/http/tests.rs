//! The server as a whole, asked without a network.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{get, post};
use chrono::TimeDelta;
use domain::ids::RiderId;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::error::Code;
use super::extract::Body as Read;
use super::front::Front;
use super::token::{Caller, Tokens};
use super::{around, health, openapi};
use crate::clock::Clock;
use crate::config::{Config, Seconds};
use crate::entropy::Entropy;
use crate::metrics::Recorder;
use crate::readiness::{Part, Readiness};

#[tokio::test]
async fn what_is_not_there_is_said_in_the_envelope() {
    let (status, _, body) = ask(front(), Method::GET, "/api/nothing", &[]).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));

    let (status, _, body) = ask(front(), Method::POST, "/healthz", &[]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body["error"]["code"], "method_not_allowed");
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let app = front();

    let (status, _, body) = ask(app.clone(), Method::GET, "/readyz", &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["missing"], json!(["loaded", "lease", "database", "broker"]));

    for part in Part::ALL {
        app.readiness.set(part, true);
    }
    let (status, _, body) = ask(app, Method::GET, "/readyz", &[]).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "status": "ready" })));
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request() {
    let (_, headers, _) = ask(front(), Method::GET, "/healthz", &[("x-request-id", "abc-1")]).await;
    assert_eq!(headers["x-request-id"], "abc-1");

    for odd in ["", "a b", "<script>", &"a".repeat(65)] {
        let (_, headers, _) = ask(front(), Method::GET, "/healthz", &[("x-request-id", odd)]).await;
        assert_eq!(headers["x-request-id"].len(), 32, "{odd}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_means_the_same() {
    for path in ["/api/v1/schema", "/api/v1/schema/"] {
        let (status, _, body) = ask(front(), Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body["openapi"].as_str().unwrap().starts_with("3.1"));
    }
}

#[tokio::test]
async fn the_page_of_the_description_needs_no_network() {
    let response = send(front(), Method::GET, "/docs/", &[]).await;
    let page = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();

    assert!(page.contains("swagger-ui"));
    assert!(!page.contains("https://"), "{page}");
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let routes = Router::new().route("/api/boom", get(boom));

    let (status, body) = with(front(), routes, Method::GET, "/api/boom", "").await;

    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["error"]["code"], "internal_error");
    assert!(!body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let routes = Router::new().route("/api/echo", post(async |_: Read<Value>| "read"));
    let large = format!("\"{}\"", "a".repeat(70_000));

    let (status, body) = with(front(), routes, Method::POST, "/api/echo", &large).await;

    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body["error"]["code"], "payload_too_large");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let mut config = Config::default();
    config.http.request_timeout_s = Seconds(0);
    let app = front_with(config, Clock::manual());
    let routes = Router::new().route("/api/slow", get(std::future::pending::<()>));

    let (status, body) = with(app, routes, Method::GET, "/api/slow", "").await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["code"], "request_timeout");
}

#[tokio::test]
async fn a_route_with_a_caller_is_closed_to_others() {
    let app = front();
    let routes = || Router::new().route("/api/mine", get(async |_: Caller| "mine"));
    let token = app.tokens.mint(RiderId(7), Uuid::nil(), 0).unwrap();
    let status = async |authorization: Option<String>| {
        let mut request = Request::builder().uri("/api/mine");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let served = around(routes().with_state(app.clone()), &app);
        served.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };

    assert_eq!(status(None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(format!("Bearer {token}x"))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(format!("Basic {token}"))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Some(format!("Bearer {token}"))).await, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_of_another_origin_may_not_call() {
    let mut config = Config::default();
    config.http.cors_origins = vec!["https://admin.example.com".to_owned()];
    let app = front_with(config, Clock::manual());
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        let (_, headers, _) = ask(app.clone(), Method::OPTIONS, "/healthz", &headers).await;
        headers.get("access-control-allow-origin").cloned()
    };

    assert!(preflight("https://evil.example.com").await.is_none());
    assert_eq!(preflight("https://admin.example.com").await.unwrap(), "https://admin.example.com");
}

#[test]
fn every_code_is_in_the_description_as_it_is_sent() {
    let api = super::api().into_openapi();
    let json = serde_json::to_value(&api).unwrap();
    let codes = &json["components"]["schemas"]["Code"]["enum"];

    assert_eq!(codes, &json!(Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>()));
}

#[test]
fn the_description_is_as_it_was() {
    let api = super::api().into_openapi();

    insta::assert_json_snapshot!("openapi", api);
}

fn front() -> Front {
    front_with(Config::default(), Clock::manual())
}

fn front_with(config: Config, clock: Clock) -> Front {
    let key = SigningKey::from_bytes(&[7; 32]);
    let tokens = Tokens::new(&key, "chargeghar", TimeDelta::minutes(15), clock.clone()).unwrap();
    let (config, readiness) = (Arc::new(config), Readiness::new());
    Front::new(config, clock, Entropy::seeded(1), Recorder::install(), readiness, tokens)
}

/// Those routes that need no handle, with all that stands around them.
fn router(front: Front) -> Router {
    let (routes, _) = health::router::<Front>().split_for_parts();
    let api = super::api().into_openapi();
    around(routes.merge(openapi::router(api)).with_state(front.clone()), &front)
}

async fn ask(
    app: Front,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Value) {
    let response = send(app, method, path, headers).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

async fn send(
    app: Front,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> axum::response::Response {
    let request = Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    router(app).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The answer of made-up routes, with all that stands around real ones.
async fn with(
    app: Front,
    routes: Router<Front>,
    method: Method,
    path: &str,
    body: &str,
) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = around(routes.with_state(app.clone()), &app).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn boom() -> &'static str {
    panic!("secret")
}

//! Which browsers may call: the origins of the configuration, and nobody when there are none.

use axum::http::Method;
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub fn layer(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let [key, replayed, last, id] =
        ["idempotency-key", "idempotency-replayed", "last-event-id", "x-request-id"]
            .map(HeaderName::from_static);
    let [limit, policy] = ["ratelimit", "ratelimit-policy"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, key, last])
        .expose_headers([ETAG, RETRY_AFTER, replayed, id, limit, policy])
        .max_age(Duration::from_hours(1))
}

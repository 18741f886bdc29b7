//! The shapes of refusals, and the promises about codes.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::{ApiError, Code, PaymentRequired};

#[tokio::test]
async fn a_refusal_has_the_envelope_of_the_app() {
    let error = ApiError::field("amount", "A valid number is required.")
        .context("maximum", "50000.00")
        .retry_after(Duration::from_millis(1500));

    let (status, retry, body) = answer(error).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(retry.as_deref(), Some("2"));
    assert_eq!(
        body,
        json!({
            "success": false,
            "error": {
                "code": "validation_error",
                "message": "Validation error",
                "details": { "amount": ["A valid number is required."] },
                "context": { "maximum": "50000.00" },
            },
        })
    );
}

#[tokio::test]
async fn empty_details_and_context_are_left_out() {
    let (status, _, body) = answer(ApiError::new(Code::StationNotFound, "Station not found")).await;

    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body["error"],
        json!({ "code": "station_not_found", "message": "Station not found" })
    );
}

#[tokio::test]
async fn a_call_for_money_has_a_shape_of_its_own() {
    let answer =
        PaymentRequired::new("Payment required to start rental", json!({ "amount": "50.00" }));

    let (status, _, body) = self::answer(answer).await;

    assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(
        body,
        json!({
            "success": false,
            "message": "Payment required to start rental",
            "error_code": "payment_required",
            "data": { "amount": "50.00" },
        })
    );
}

#[tokio::test]
async fn what_broke_inside_is_not_told() {
    let (status, _, body) = answer(ApiError::internal("rider could not be read", &"secret")).await;

    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("secret"));
}

#[test]
fn codes_are_different_words_and_written_as_they_are_named() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();

    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(json!(code), code.as_str());
        assert!(code.status().is_client_error() || code.status().is_server_error());
    }
}

async fn answer(answer: impl IntoResponse) -> (StatusCode, Option<String>, Value) {
    let response = answer.into_response();
    let retry = response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    (status, retry, serde_json::from_slice(&body).unwrap())
}

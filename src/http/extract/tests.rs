//! Whatever comes in, the answer is in the envelope and names the field.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use domain::money::Money;
use serde::Deserialize;

use super::{Body, Params};
use crate::http::error::{ApiError, Code};

#[derive(Debug, Deserialize, PartialEq)]
struct TopUp {
    amount: Money,
    #[serde(default)]
    note: Option<String>,
}

#[tokio::test]
async fn amounts_come_as_strings_and_as_numbers_in_json_and_in_forms() {
    let wanted = Money::parse("50.50").unwrap();
    for (kind, body) in [
        ("application/json", r#"{"amount": "50.50"}"#),
        ("application/json", r#"{"amount": 50.5, "unknown": [1]}"#),
        ("application/x-www-form-urlencoded", "amount=50.50&unknown=1"),
    ] {
        assert_eq!(read(kind, body).await.unwrap().value.amount, wanted, "{body}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    for (body, wanted) in [
        (r#"{"amount": "a"}"#, r#""amount""#),
        (r#"{"amount": 0.001}"#, r#""amount""#),
        ("{}", "This field is required."),
        ("", "This field is required."),
        (r#"{"amount": 1, "note": "a\u0000"}"#, "Null"),
        ("[", ""),
        ("null", ""),
    ] {
        let error = read("application/json", body).await.unwrap_err();

        assert_eq!(error.code(), Code::ValidationError, "{body}");
        assert!(format!("{error:?}").contains(wanted), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn two_bodies_have_two_hashes() {
    let first = read("", r#"{"amount": 1}"#).await.unwrap().hash;

    assert_eq!(read("", r#"{"amount": 1}"#).await.unwrap().hash, first);
    assert_ne!(read("", r#"{"amount": 2}"#).await.unwrap().hash, first);
}

#[tokio::test]
async fn a_wrong_parameter_is_named_and_null_is_refused() {
    for query in ["/?amount=x", "/?amount=1&note=%00"] {
        let (mut parts, ()) = Request::builder().uri(query).body(()).unwrap().into_parts();

        let refused = Params::<TopUp>::from_request_parts(&mut parts, &()).await;

        assert_eq!(refused.unwrap_err().code(), Code::ValidationError, "{query}");
    }
}

async fn read(kind: &str, body: &'static str) -> Result<Body<TopUp>, ApiError> {
    let request = Request::post("/").header(CONTENT_TYPE, kind).body(body.into()).unwrap();
    Body::from_request(request, &()).await
}

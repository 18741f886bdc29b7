//! Where gateways send people and news: redirects of browsers, webhooks, the form that a browser
//! posts to eSewa, and the page after it. A redirect or webhook only starts a question.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use domain::ledger::Gateway;
use domain::payment::{IntentStatus, Redirect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::intent_id;
use crate::actors::payments::Landing;
use crate::http::App;
use crate::http::error::{ApiError, Code, FOUND};
use crate::http::extract::{Name, Params};
use crate::http::reply::{Done, Reply, ok};

#[cfg(test)]
mod tests;

const SIGNATURE: &str = "stripe-signature";
/// What cannot be guessed about a page, so that only its own script runs.
const NONCE_LEN: usize = 22;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(khalti))
        .routes(routes!(esewa_success))
        .routes(routes!(esewa_failure))
        .routes(routes!(esewa_failed))
        .routes(routes!(stripe_return))
        .routes(routes!(stripe_webhook))
        .route("/pay/esewa/{id}", get(esewa_form))
        .route("/payment-status", get(status_page))
}

/// Khalti's page sends the browser here. Nothing of it is believed.
#[utoipa::path(
    get,
    path = "/api/payments/khalti/callback",
    tag = "Payments",
    params(("pidx" = Option<String>, Query), ("purchase_order_id" = Option<String>, Query)),
    responses((status = FOUND, description = "To the page that tells how it ended")),
)]
async fn khalti(State(app): State<App>, Params(fields): Params<Fields>) -> Response {
    land(&app, Gateway::Khalti, &fields).await
}

/// eSewa's page sends the browser here, with signed data.
#[utoipa::path(
    get,
    path = "/api/payments/esewa/success",
    tag = "Payments",
    params(("data" = Option<String>, Query, description = "JSON in base64")),
    responses((status = FOUND, description = "To the page that tells how it ended")),
)]
async fn esewa_success(State(app): State<App>, Params(fields): Params<Fields>) -> Response {
    land(&app, Gateway::Esewa, &fields).await
}

/// Without a payment's id nothing is known and nothing happens.
#[utoipa::path(
    get,
    path = "/api/payments/esewa/failure",
    tag = "Payments",
    responses((status = FOUND, description = "To the page that tells how it ended")),
)]
async fn esewa_failure(State(app): State<App>) -> Response {
    land(&app, Gateway::Esewa, &Fields::new()).await
}

/// eSewa's page sends the browser here when it was not paid, which only eSewa's status can say.
#[utoipa::path(
    get,
    path = "/api/payments/esewa/failure/{intent_id}",
    tag = "Payments",
    params(("intent_id" = String, Path)),
    responses((status = FOUND, description = "To the page that tells how it ended")),
)]
async fn esewa_failed(State(app): State<App>, Name(id): Name) -> Response {
    let fields = Fields::from([("transaction_uuid".to_owned(), id)]);
    land(&app, Gateway::Esewa, &fields).await
}

/// Where Stripe's kit sends a browser that had to leave the app.
#[utoipa::path(
    get,
    path = "/api/payments/stripe/return",
    tag = "Payments",
    params(("payment_intent" = Option<String>, Query)),
    responses((status = FOUND, description = "To the page that tells how it ended")),
)]
async fn stripe_return(State(app): State<App>, Params(fields): Params<Fields>) -> Response {
    land(&app, Gateway::Stripe, &fields).await
}

#[derive(Serialize, ToSchema)]
struct Taken {
    received: bool,
}

/// Stripe's news, signed over the bytes as they come.
#[utoipa::path(
    post,
    path = "/api/payments/stripe/webhook",
    tag = "Payments",
    params(("Stripe-Signature" = String, Header)),
    request_body(content = String, content_type = "application/json"),
    responses((status = OK, body = Done<Taken>)),
)]
async fn stripe_webhook(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply<Taken>, ApiError> {
    let body = body?;
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    app.payments.webhook(Gateway::Stripe, signature.unwrap_or_default(), &body).await?;
    Ok(ok("Event received", Taken { received: true }))
}

/// What a redirect carries.
type Fields = BTreeMap<String, String>;

async fn land(app: &App, gateway: Gateway, fields: &Fields) -> Response {
    let landing = app.payments.returned(gateway, fields).await;
    to_status(app, gateway, landing)
}

/// Only our own words and ids are in the address.
fn to_status(app: &App, gateway: Gateway, landing: Landing) -> Response {
    let base = &app.config.payments.frontend_url;
    let provider = gateway.as_str();
    let intent = landing.intent.map(|id| id.to_string()).unwrap_or_default();
    let status = Word::of(landing.status).as_str();
    let url =
        format!("{base}/payment-status?status={status}&provider={provider}&intent_id={intent}");
    (FOUND, [(LOCATION, url)]).into_response()
}

/// How a payment ended, in the word that the page after it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Success,
    Pending,
    Failed,
    Cancelled,
    Expired,
    #[default]
    #[serde(other)]
    Unknown,
}

impl Word {
    fn of(status: Option<IntentStatus>) -> Word {
        match status {
            Some(IntentStatus::Completed) => Word::Success,
            Some(IntentStatus::Pending) => Word::Pending,
            Some(IntentStatus::Failed) => Word::Failed,
            Some(IntentStatus::Cancelled) => Word::Cancelled,
            Some(IntentStatus::Expired) => Word::Expired,
            None => Word::Unknown,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Word::Success => "success",
            Word::Pending => "pending",
            Word::Failed => "failed",
            Word::Cancelled => "cancelled",
            Word::Expired => "expired",
            Word::Unknown => "unknown",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Word::Success => "The money is in your wallet.",
            Word::Pending => "The payment is not confirmed yet. You are told when it is.",
            Word::Failed => "The payment was not made.",
            Word::Cancelled => "The payment was cancelled.",
            Word::Expired => "The payment has expired.",
            Word::Unknown => "Go back to the app to see your payment.",
        }
    }
}

#[derive(Debug, Deserialize)]
struct StatusQuery {
    #[serde(default)]
    status: Word,
}

/// For those who have no page of their own.
async fn status_page(Params(query): Params<StatusQuery>) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let page = page("Payment", &format!("<p>{}</p>", query.status.sentence()));
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// The form that only a browser can post; it posts itself.
async fn esewa_form(State(app): State<App>, Name(id): Name) -> Result<Response, ApiError> {
    let stored = app.store.intent(intent_id(&id)?).await?;
    let intent = &stored.intent;
    if intent.gateway != Gateway::Esewa {
        return Err(ApiError::new(Code::IntentNotFound, "Payment intent not found"));
    }
    if intent.status != IntentStatus::Pending {
        let landing = Landing { intent: Some(intent.id), status: Some(intent.status) };
        return Ok(to_status(&app, Gateway::Esewa, landing));
    }
    let nonce = app.entropy.base62(NONCE_LEN);
    // says nothing of where forms go: eSewa sends the post on to hosts of its own
    let policy =
        format!("default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'");
    let page = page("Payment", &form(&stored.redirect, &nonce));
    Ok(([(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response())
}

fn form(redirect: &Redirect, nonce: &str) -> String {
    let field = |(name, value): (&String, &String)| {
        let (name, value) = (escaped(name), escaped(value));
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    };
    let fields: Vec<String> = redirect.fields.iter().map(field).collect();
    format!(
        "<form id=\"pay\" method=\"post\" action=\"{}\">{}<button>Go on to eSewa</button></form>\
         <script nonce=\"{nonce}\">document.getElementById(\"pay\").submit()</script>",
        escaped(&redirect.url),
        fields.concat()
    )
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <body style=\"font-family: sans-serif; max-width: 30em; margin: 3em auto\">{body}\
         </body></html>"
    )
}

fn escaped(text: &str) -> String {
    let letter = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(letter).collect()
}

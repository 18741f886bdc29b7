//! The sandbox gateway's own side: who pays here says how the payment ends. Not there unless
//! the sandbox is on, and it credits nothing: the gateway is asked as ever.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use domain::ids::IntentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::error::ApiError;
use super::extract::{Body, Name};
use super::payments::intent_id;
use super::reply::{Done, Reply, ok};
use crate::actors::payments::Outcome;
use crate::store::payments::StoredIntent;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pay)).route("/sandbox/pay/{id}", get(page).post(choose))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Play {
    intent_id: String,
    outcome: Outcome,
}

#[derive(Serialize, ToSchema)]
struct PlayedBody {
    intent_id: IntentId,
    /// What holds: money that was paid stays paid.
    outcome: Outcome,
}

/// Says how a payment of the sandbox ends. Verify it afterwards, or wait for the service to ask.
#[utoipa::path(
    post,
    path = "/api/sandbox/pay",
    tag = "Payments",
    request_body = Play,
    responses((status = OK, body = Done<PlayedBody>)),
)]
async fn pay(
    State(app): State<App>,
    Body { value, .. }: Body<Play>,
) -> Result<Reply<PlayedBody>, ApiError> {
    let (stored, outcome) = app.payments.play(intent_id(&value.intent_id)?, value.outcome).await?;
    let body = PlayedBody { intent_id: stored.intent.id, outcome };
    Ok(ok("Sandbox outcome recorded", body))
}

/// The page that a rider is sent to.
async fn page(State(app): State<App>, Name(id): Name) -> Result<Response, ApiError> {
    let stored = app.payments.played(intent_id(&id)?).await?;
    Ok(Html(form(&stored, None)).into_response())
}

#[derive(Debug, Deserialize)]
struct Choice {
    outcome: Outcome,
}

async fn choose(
    State(app): State<App>,
    Name(id): Name,
    Body { value, .. }: Body<Choice>,
) -> Result<Response, ApiError> {
    let (stored, outcome) = app.payments.play(intent_id(&id)?, value.outcome).await?;
    Ok(Html(form(&stored, Some(outcome))).into_response())
}

/// Nothing on it comes from a person, so nothing has to be escaped.
fn form(stored: &StoredIntent, chosen: Option<Outcome>) -> String {
    let buttons: String = Outcome::ALL
        .map(|outcome| {
            let word = outcome.as_str();
            format!("<button name=\"outcome\" value=\"{word}\">{word}</button>\n")
        })
        .concat();
    let said = chosen.map_or_else(
        || "How does this payment end?".to_owned(),
        |outcome| format!("It is {}. Go back to the app.", outcome.as_str()),
    );
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Sandbox payment</title>\
         <body style=\"font-family: sans-serif; max-width: 30em; margin: 3em auto\">\
         <h1>NPR {}</h1><p>Sandbox payment {}: no money moves.</p><p><b>{said}</b></p>\
         <form method=\"post\">{buttons}</form></body></html>",
        stored.intent.amount, stored.intent.id
    )
}

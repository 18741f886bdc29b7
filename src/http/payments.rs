//! `/api/payments`: ways to pay, top-ups, verification, the ways back from gateways, and what
//! moved.

use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use domain::ids::IntentId;
use domain::ledger::Gateway;
use domain::money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::App;
use super::auth::MaybeCaller;
use super::error::{ApiError, Code};
use super::extract::{Body, Name};
use super::idempotency::{Deed, Key, REPLAYED};
use super::keyed::{Outcome, once, remembered};
use super::reply::{Done, Reply, made, ok};
use super::token::Caller;
use crate::actors::payments::{CancelKeyOf, KeyOf, Offer, StartError, TopUp};
use crate::store;
use crate::store::fact::KeyWrite;

pub mod body;
mod options;
mod proof;
mod refunds;
mod refused;
mod returns;
mod transactions;
mod withdrawals;

pub(super) use refused::in_rupees;
pub use transactions::WalletBalance;

use body::{CancelledBody, IntentBody, VerifiedBody};
use proof::Proof;

const ROUTE: &str = "payments/topup";
const CANCELLED: &str = "Payment cancelled successfully";
const MADE: &str = "Top-up intent created successfully";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(methods))
        .routes(routes!(top_up))
        .routes(routes!(verify))
        .routes(routes!(cancel))
        .routes(routes!(status))
        .merge(options::router())
        .merge(returns::router())
        .merge(transactions::router())
        .merge(refunds::router())
        .merge(withdrawals::router())
        .layer(from_fn(refused::count))
}

#[derive(Serialize, ToSchema)]
struct MethodsBody {
    payment_methods: Vec<MethodBody>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct MethodBody {
    #[schema(value_type = String)]
    id: Uuid,
    name: &'static str,
    gateway: Gateway,
    icon: Option<String>,
    is_active: bool,
    min_amount: Money,
    max_amount: Money,
    supported_currencies: [&'static str; 1],
}

impl From<Offer> for MethodBody {
    fn from(offer: Offer) -> MethodBody {
        MethodBody {
            id: method_id(offer.gateway),
            name: offer.name,
            gateway: offer.gateway,
            icon: None,
            is_active: true,
            min_amount: offer.least,
            max_amount: offer.most,
            supported_currencies: [Money::CURRENCY],
        }
    }
}

/// The ways to pay.
#[utoipa::path(
    get,
    path = "/api/payments/methods",
    tag = "Payments",
    responses((status = OK, body = Done<MethodsBody>)),
)]
async fn methods(State(app): State<App>) -> Reply<MethodsBody> {
    let payment_methods: Vec<_> = app.payments.offers().into_iter().map(MethodBody::from).collect();
    let count = payment_methods.len();
    ok("Payment methods retrieved successfully", MethodsBody { payment_methods, count })
}

#[derive(Debug, Deserialize, ToSchema)]
struct TopUpWish {
    /// NPR 10 to 50,000, and within the method's own bounds.
    amount: Money,
    /// The id of a payment method, or its gateway's name.
    payment_method_id: String,
    /// `NPR`, which it is without it.
    currency: Option<String>,
}

/// Begins a top-up: the answer says where the rider pays.
#[utoipa::path(
    post,
    path = "/api/payments/wallet/topup-intent",
    tag = "Payments",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = TopUpWish,
    responses((status = CREATED, body = Done<IntentBody>)),
    security(("bearer" = [])),
)]
async fn top_up(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Body { value, hash }: Body<TopUpWish>,
) -> Result<Response, ApiError> {
    let rider = caller.rider;
    in_rupees(value.currency.as_deref())?;
    let gateway = gateway_of(&app.payments.offers(), &value.payment_method_id);
    let gateway = gateway.ok_or(StartError::NotOffered)?;
    let deed = Deed { rider, route: ROUTE, body_hash: hash, status: 201 };
    let (payments, wish) = (app.payments.clone(), TopUp { rider, amount: value.amount, gateway });
    let work = async move |key: Option<KeyWrite>| {
        let key = key.map(|write| record(write, payments.offers()));
        Ok(payments.start_top_up(wish, key).await?)
    };
    Ok(match once(&app, key, deed, work).await? {
        Outcome::Done(stored) => {
            made(MADE, IntentBody::new(&stored, &app.payments.offers())).into_response()
        }
        Outcome::Again(record) => {
            made(MADE, record.response).header(REPLAYED.0, REPLAYED.1).into_response()
        }
    })
}

fn record(write: KeyWrite, offers: Vec<Offer>) -> KeyOf {
    Box::new(move |stored| {
        remembered(write, stored.intent.id.to_string(), &IntentBody::new(stored, &offers))
    })
}

#[derive(Debug, Deserialize, ToSchema)]
struct Verify {
    intent_id: String,
    #[serde(flatten)]
    proof: Proof,
}

/// Asks the gateway what became of a payment, and credits what it took, once. Open to all; who
/// is logged in must be the owner. What is brought along has to be about this payment; the
/// gateway's answer alone counts.
#[utoipa::path(
    post,
    path = "/api/payments/verify",
    tag = "Payments",
    request_body = Verify,
    responses((status = OK, body = Done<VerifiedBody>)),
    security((), ("bearer" = [])),
)]
async fn verify(
    State(app): State<App>,
    MaybeCaller(caller): MaybeCaller,
    Body { value, .. }: Body<Verify>,
) -> Result<Reply<VerifiedBody>, ApiError> {
    let owner = caller.map(|caller| caller.rider);
    let id = intent_id(&value.intent_id)?;
    let intent = match value.proof.fields()? {
        Some(fields) => app.payments.verify_with(id, owner, &fields).await?,
        None => app.payments.verify(id, owner).await?,
    };
    let came = app.errands.settlement(&intent).await?;
    let body = VerifiedBody::new(&intent, came, owner.is_some());
    Ok(ok("Payment verified successfully", body))
}

/// What is known of a payment, and of what it was paid for. Nobody is asked.
#[utoipa::path(
    get,
    path = "/api/payments/status/{intent_id}",
    tag = "Payments",
    params(("intent_id" = String, Path)),
    responses((status = OK, body = Done<VerifiedBody>)),
    security(("bearer" = [])),
)]
async fn status(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
) -> Result<Reply<VerifiedBody>, ApiError> {
    let id = intent_id(&id)?;
    let intent = match app.store.intent(id).await {
        Ok(stored) if stored.intent.rider == caller.rider => stored.intent,
        Ok(_) | Err(store::Error::NotFound) => return Err(no_intent()),
        Err(error) => return Err(error.into()),
    };
    let came = app.store.settlement(&intent).await?;
    let body = VerifiedBody::new(&intent, came, true);
    Ok(ok("Payment status retrieved successfully", body))
}

/// Gives up a payment that is not complete. What is paid all the same is still credited.
#[utoipa::path(
    post,
    path = "/api/payments/cancel/{intent_id}",
    tag = "Payments",
    params(("intent_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = OK, body = Done<CancelledBody>)),
    security(("bearer" = [])),
)]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    key: Key,
) -> Result<Response, ApiError> {
    let (rider, id) = (caller.rider, intent_id(&id)?);
    let mut body_hash = [0; 32];
    body_hash[..16].copy_from_slice(id.0.as_bytes());
    let deed = Deed { rider, route: "payments/cancel", body_hash, status: 200 };
    let payments = app.payments.clone();
    let work = async move |key: Option<KeyWrite>| {
        let key = key.map(|write| -> CancelKeyOf {
            Box::new(|intent| remembered(write, intent.id.to_string(), &CancelledBody::new(intent)))
        });
        Ok(payments.cancel(id, rider, key).await?)
    };
    Ok(match once(&app, key, deed, work).await? {
        Outcome::Done(intent) => ok(CANCELLED, CancelledBody::new(&intent)).into_response(),
        Outcome::Again(record) => {
            ok(CANCELLED, record.response).header(REPLAYED.0, REPLAYED.1).into_response()
        }
    })
}

/// A text that names no payment is a payment that is not there.
pub(super) fn intent_id(text: &str) -> Result<IntentId, ApiError> {
    text.trim().parse().map_err(|_| no_intent())
}

fn no_intent() -> ApiError {
    ApiError::new(Code::IntentNotFound, "Payment intent not found")
}

/// Methods are one for each gateway, and keep their ids.
pub(super) fn method_id(gateway: Gateway) -> Uuid {
    let number = match gateway {
        Gateway::Khalti => 1,
        Gateway::Esewa => 2,
        Gateway::Stripe => 3,
        Gateway::Sandbox => 9,
    };
    Uuid::from_u128(0x0b7f_9e2a_5a44_4b7e_9d52_3f1f_4c8a_3000 + number)
}

pub(super) fn gateway_of(offers: &[Offer], method: &str) -> Option<Gateway> {
    let method = method.trim();
    let id: Option<Uuid> = method.parse().ok();
    let is_meant = |offer: &&Offer| {
        id == Some(method_id(offer.gateway)) || offer.gateway.as_str().eq_ignore_ascii_case(method)
    };
    offers.iter().find(is_meant).map(|offer| offer.gateway)
}

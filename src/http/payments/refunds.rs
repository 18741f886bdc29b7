//! `/api/payments/refunds`: money that a rider asks back, and how far that is.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{RefundId, TransferId};
use domain::money::Money;
use domain::refund::{Purpose, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::transaction_id;
use crate::actors::refunds::KeyOf;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{Body, Params};
use crate::http::idempotency::{Deed, Key, REPLAYED};
use crate::http::keyed::{Outcome, once, remembered};
use crate::http::page::{PageQuery, Pagination};
use crate::http::reply::{Done, Reply, made, ok};
use crate::http::token::Caller;
use crate::store::fact::KeyWrite;
use crate::store::refunds::Refund;

const MADE: &str = "Refund request submitted successfully";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, request))
}

#[derive(Debug, Deserialize, ToSchema)]
struct RefundWish {
    /// Of the list of transactions: `id`, or `transaction_id`.
    transaction_id: String,
    /// 10 to 255 characters.
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct RefundBody {
    id: RefundId,
    /// What operators call it.
    refund_id: String,
    transaction: TransferId,
    transaction_id: String,
    /// What is given back: all that was left when it was asked for.
    amount: Money,
    currency: &'static str,
    /// `WALLET`, or `SOURCE` for a top-up.
    refund_to: &'static str,
    reason: String,
    status: Status,
    admin_notes: Option<String>,
    gateway_reference: Option<String>,
    requested_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
}

impl From<&Refund> for RefundBody {
    fn from(row: &Refund) -> RefundBody {
        RefundBody {
            id: row.id,
            refund_id: row.reference.clone(),
            transaction: row.transfer,
            transaction_id: transaction_id(row.transfer, row.transfer_at),
            amount: row.amount,
            currency: Money::CURRENCY,
            refund_to: match row.purpose {
                Purpose::Rental(_) => "WALLET",
                Purpose::TopUp(_) => "SOURCE",
            },
            reason: row.reason.clone(),
            status: row.status,
            admin_notes: row.note.clone(),
            gateway_reference: row.gateway_number.clone(),
            requested_at: row.requested_at,
            processed_at: row.ended_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct RefundsBody {
    refunds: Vec<RefundBody>,
    pagination: Pagination,
}

/// The rider's refunds, newest first.
#[utoipa::path(
    get,
    path = "/api/payments/refunds",
    tag = "Payments",
    params(PageQuery),
    responses((status = OK, body = Done<RefundsBody>)),
    security(("bearer" = [])),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Reply<RefundsBody>, ApiError> {
    let http = &app.config.http;
    let wanted = query.wanted(http.page_size, http.page_size_max)?;
    let (rows, total) = app.store.refunds_of(caller.rider, wanted.offset(), wanted.size).await?;
    let body = RefundsBody {
        refunds: rows.iter().map(RefundBody::from).collect(),
        pagination: Pagination::of(wanted.of(total), None),
    };
    Ok(ok("Refunds retrieved successfully", body))
}

/// Asks for what is left of a transaction: of a rental to the wallet, points as points; of a
/// top-up, as far as it is still in the wallet, to where it came from. An operator decides.
#[utoipa::path(
    post,
    path = "/api/payments/refunds",
    tag = "Payments",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = RefundWish,
    responses((status = CREATED, body = Done<RefundBody>)),
    security(("bearer" = [])),
)]
async fn request(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Body { value, hash }: Body<RefundWish>,
) -> Result<Response, ApiError> {
    let rider = caller.rider;
    let reason = value.reason.trim().to_owned();
    if !(10..=255).contains(&reason.chars().count()) {
        return Err(ApiError::field("reason", "Reason must have 10 to 255 characters"));
    }
    let deed = Deed { rider, route: "payments/refund", body_hash: hash, status: 201 };
    let refunds = app.refunds.clone();
    let work = async move |key: Option<KeyWrite>| {
        let transaction = value.transaction_id.trim();
        Ok(refunds.request(rider, transaction, reason, key.map(record)).await?)
    };
    Ok(match once(&app, key, deed, work).await? {
        Outcome::Done(row) => made(MADE, RefundBody::from(&row)).into_response(),
        Outcome::Again(record) => {
            made(MADE, record.response).header(REPLAYED.0, REPLAYED.1).into_response()
        }
    })
}

fn record(write: KeyWrite) -> KeyOf {
    Box::new(move |row| remembered(write, row.id.to_string(), &RefundBody::from(row)))
}

//! `/api/payments/withdrawals`: money out of the wallet, as a rider asks for it and sees it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::WithdrawalId;
use domain::money::Money;
use domain::withdrawal::{Method, Payee, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::in_rupees;
use crate::actors::withdrawals::{KeyOf, StepError, Wish};
use crate::http::App;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Body, Name, Params};
use crate::http::idempotency::{Deed, Key, REPLAYED};
use crate::http::keyed::{Outcome, once, remembered};
use crate::http::page::{PageQuery, Pagination};
use crate::http::reply::{Done, Reply, made, ok};
use crate::http::token::Caller;
use crate::store::fact::KeyWrite;
use crate::store::withdrawals::Withdrawal;

const MADE: &str = "Withdrawal request submitted successfully";
const CANCELLED: &str = "Withdrawal cancelled successfully";
/// Least and largest amount that can be written.
const AMOUNTS: (Money, Money) = (Money::rupees(1), Money::rupees(100_000));
const TEXT_MAX: usize = 100;
const REASON_MAX: usize = 255;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(request))
        .routes(routes!(list))
        .routes(routes!(detail))
        .routes(routes!(cancel))
}

#[derive(Debug, Deserialize, ToSchema)]
struct WithdrawalWish {
    /// NPR 1 to 100,000, and within the limits that hold here.
    amount: Money,
    /// `esewa`, `khalti` or `bank`.
    withdrawal_method: String,
    /// For `esewa` and `khalti`: 10 digits.
    phone_number: Option<String>,
    /// For `bank`.
    bank_name: Option<String>,
    /// For `bank`.
    account_number: Option<String>,
    /// For `bank`.
    account_holder_name: Option<String>,
    /// `NPR`, which it is without it.
    currency: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct WithdrawalBody {
    id: WithdrawalId,
    /// What operators call it.
    internal_reference: String,
    amount: Money,
    /// Taken out of the amount.
    processing_fee: Money,
    /// What is paid out.
    net_amount: Money,
    currency: &'static str,
    withdrawal_method: Method,
    status: Status,
    account_details: Payee,
    admin_notes: Option<String>,
    /// Of the payment, when it was made.
    gateway_reference: Option<String>,
    requested_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
}

impl From<&Withdrawal> for WithdrawalBody {
    fn from(row: &Withdrawal) -> WithdrawalBody {
        WithdrawalBody {
            id: row.id,
            internal_reference: row.reference.clone(),
            amount: row.amount,
            processing_fee: row.fee,
            net_amount: row.net(),
            currency: Money::CURRENCY,
            withdrawal_method: row.method,
            status: row.status,
            account_details: row.payee.clone(),
            admin_notes: row.note.clone(),
            gateway_reference: row.payout_reference.clone(),
            requested_at: row.requested_at,
            processed_at: row.ended_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct WithdrawalsBody {
    withdrawals: Vec<WithdrawalBody>,
    pagination: Pagination,
}

/// Asks for money out of the wallet. It is set aside at once; an operator pays it out.
#[utoipa::path(
    post,
    path = "/api/payments/withdrawals/request",
    tag = "Payments",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = WithdrawalWish,
    responses((status = CREATED, body = Done<WithdrawalBody>)),
    security(("bearer" = [])),
)]
async fn request(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Body { value, hash }: Body<WithdrawalWish>,
) -> Result<Response, ApiError> {
    let rider = caller.rider;
    in_rupees(value.currency.as_deref())?;
    let amount = value.amount;
    if amount < AMOUNTS.0 || amount > AMOUNTS.1 {
        let message = format!("Amount must be between NPR {} and NPR {}", AMOUNTS.0, AMOUNTS.1);
        return Err(ApiError::new(Code::InvalidAmount, message));
    }
    let (method, payee) = value.payee()?;
    let wish = Wish { rider, amount, method, payee };
    let deed = Deed { rider, route: "payments/withdrawal", body_hash: hash, status: 201 };
    let withdrawals = app.withdrawals.clone();
    let work =
        async move |key: Option<KeyWrite>| Ok(withdrawals.request(wish, key.map(record)).await?);
    Ok(match once(&app, key, deed, work).await? {
        Outcome::Done(row) => made(MADE, WithdrawalBody::from(&row)).into_response(),
        Outcome::Again(record) => {
            made(MADE, record.response).header(REPLAYED.0, REPLAYED.1).into_response()
        }
    })
}

fn record(write: KeyWrite) -> KeyOf {
    Box::new(move |row| remembered(write, row.id.to_string(), &WithdrawalBody::from(row)))
}

/// The rider's withdrawals, newest first.
#[utoipa::path(
    get,
    path = "/api/payments/withdrawals",
    tag = "Payments",
    params(PageQuery),
    responses((status = OK, body = Done<WithdrawalsBody>)),
    security(("bearer" = [])),
)]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Reply<WithdrawalsBody>, ApiError> {
    let http = &app.config.http;
    let wanted = query.wanted(http.page_size, http.page_size_max)?;
    let rows = app.store.withdrawals_of(caller.rider, wanted.offset(), wanted.size).await?;
    let (rows, total) = rows;
    let body = WithdrawalsBody {
        withdrawals: rows.iter().map(WithdrawalBody::from).collect(),
        pagination: Pagination::of(wanted.of(total), None),
    };
    Ok(ok("Withdrawals retrieved successfully", body))
}

/// One of the rider's withdrawals.
#[utoipa::path(
    get,
    path = "/api/payments/withdrawals/{withdrawal_id}",
    tag = "Payments",
    params(("withdrawal_id" = String, Path)),
    responses((status = OK, body = Done<WithdrawalBody>)),
    security(("bearer" = [])),
)]
async fn detail(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
) -> Result<Reply<WithdrawalBody>, ApiError> {
    let row = match app.store.withdrawal(&id).await {
        Ok(row) if row.rider == caller.rider => row,
        Ok(_) | Err(crate::store::Error::NotFound) => return Err(StepError::NotFound.into()),
        Err(error) => return Err(error.into()),
    };
    Ok(ok("Withdrawal retrieved successfully", WithdrawalBody::from(&row)))
}

#[derive(Debug, Deserialize, ToSchema)]
struct WithdrawalCancel {
    /// At most 255 characters.
    reason: Option<String>,
}

/// Takes a withdrawal back, as long as no operator has approved it. All of it is in the wallet
/// again.
#[utoipa::path(
    post,
    path = "/api/payments/withdrawals/{withdrawal_id}/cancel",
    tag = "Payments",
    params(("withdrawal_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = WithdrawalCancel,
    responses((status = OK, body = Done<WithdrawalBody>)),
    security(("bearer" = [])),
)]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    key: Key,
    Body { value, hash }: Body<WithdrawalCancel>,
) -> Result<Response, ApiError> {
    let rider = caller.rider;
    let reason = value.reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        return Err(ApiError::field("reason", "Reason must be at most 255 characters"));
    }
    let known: WithdrawalId = id.parse().map_err(|_| StepError::NotFound)?;
    let mut body_hash = hash;
    // two withdrawals cancelled with one key are two requests
    body_hash.iter_mut().zip(known.0.as_bytes()).for_each(|(byte, more)| *byte ^= more);
    let deed = Deed { rider, route: "payments/withdrawal/cancel", body_hash, status: 200 };
    let withdrawals = app.withdrawals.clone();
    let work = async move |key: Option<KeyWrite>| {
        Ok(withdrawals.cancel(rider, &id, reason, key.map(record)).await?)
    };
    Ok(match once(&app, key, deed, work).await? {
        Outcome::Done(row) => ok(CANCELLED, WithdrawalBody::from(&row)).into_response(),
        Outcome::Again(record) => {
            ok(CANCELLED, record.response).header(REPLAYED.0, REPLAYED.1).into_response()
        }
    })
}

impl WithdrawalWish {
    /// Where the money is to go, if it can go there.
    fn payee(&self) -> Result<(Method, Payee), ApiError> {
        let method = match self.withdrawal_method.trim().to_lowercase().as_str() {
            "esewa" => Method::Esewa,
            "khalti" => Method::Khalti,
            "bank" => Method::Bank,
            "stripe" | "sandbox" => {
                let message = "This method takes no withdrawals";
                return Err(ApiError::new(Code::UnsupportedMethod, message));
            }
            _ => return Err(ApiError::new(Code::InvalidMethod, "Invalid withdrawal method")),
        };
        let payee = match method {
            Method::Esewa | Method::Khalti => {
                let phone_number = required("phone_number", self.phone_number.as_deref())?;
                if !is_phone(&phone_number) {
                    let message = "A phone number has 10 digits and starts with 97 or 98";
                    return Err(ApiError::new(Code::InvalidPhone, message));
                }
                Payee::Phone { phone_number }
            }
            Method::Bank => Payee::Account {
                bank_name: required("bank_name", self.bank_name.as_deref())?,
                account_number: required("account_number", self.account_number.as_deref())?,
                account_holder_name: required(
                    "account_holder_name",
                    self.account_holder_name.as_deref(),
                )?,
            },
        };
        Ok((method, payee))
    }
}

fn required(name: &'static str, text: Option<&str>) -> Result<String, ApiError> {
    let text = text.map(str::trim).unwrap_or_default();
    if text.is_empty() {
        let error = ApiError::new(Code::MissingField, format!("{name} is required"));
        return Err(error.and_field(name, "This field is required."));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(ApiError::field(name, "must be at most 100 characters"));
    }
    Ok(text.to_owned())
}

fn is_phone(text: &str) -> bool {
    let starts = text.starts_with("97") || text.starts_with("98");
    text.len() == 10 && starts && text.bytes().all(|byte| byte.is_ascii_digit())
}

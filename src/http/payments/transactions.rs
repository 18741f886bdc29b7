//! What moved on a rider's wallet, and what is in it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::ids::{RentalId, TransferId};
use domain::money::Money;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::transaction_id;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::page::{Begin, Cursor, List, PageQuery, Pagination};
use crate::http::rentals::Day;
use crate::http::reply::{Done, Reply, ok};
use crate::http::token::Caller;
use crate::store::payments::{Transaction, TransactionFilter, TransactionStatus, TransactionType};

/// Transactions shown beside a balance.
const RECENT: u64 = 5;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(transactions))
        .routes(routes!(balance))
        .routes(routes!(wallet))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TransactionQuery {
    page: Option<u32>,
    /// At most 100.
    page_size: Option<u32>,
    /// In place of a page: the `next_cursor` of an answer before.
    cursor: Option<String>,
    /// `TOPUP`, `RENTAL`, `RENTAL_DUE`, `REFUND` or `WITHDRAWAL`.
    transaction_type: Option<String>,
    /// `PENDING`, `SUCCESS` or `FAILED`.
    status: Option<String>,
    /// A day, or an instant.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    start_date: Option<Day>,
    /// The same; a day counts whole.
    #[param(value_type = Option<String>, example = "2026-11-30")]
    end_date: Option<Day>,
}

#[derive(Serialize, ToSchema)]
struct TransactionsBody {
    transactions: Vec<TransactionBody>,
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
struct TransactionBody {
    id: TransferId,
    transaction_id: String,
    transaction_type: TransactionType,
    status: TransactionStatus,
    /// `GATEWAY` or `WALLET`.
    payment_method_type: &'static str,
    /// Never negative.
    amount: Money,
    currency: &'static str,
    gateway_reference: Option<String>,
    rental_id: Option<RentalId>,
    rental_code: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<Transaction> for TransactionBody {
    fn from(row: Transaction) -> TransactionBody {
        TransactionBody {
            id: row.id,
            transaction_id: transaction_id(row.id, row.at),
            transaction_type: row.kind,
            status: row.status,
            payment_method_type: if row.gateway.is_some() { "GATEWAY" } else { "WALLET" },
            amount: row.amount,
            currency: Money::CURRENCY,
            gateway_reference: row.gateway_ref,
            rental_id: row.rental_id,
            rental_code: row.rental_code,
            created_at: row.at,
        }
    }
}

/// The rider's transactions, newest first.
#[utoipa::path(
    get,
    path = "/api/payments/transactions",
    tag = "Payments",
    params(TransactionQuery),
    responses((status = OK, body = Done<TransactionsBody>)),
    security(("bearer" = [])),
)]
async fn transactions(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<TransactionQuery>,
) -> Result<Reply<TransactionsBody>, ApiError> {
    let http = &app.config.http;
    let asked = PageQuery::new(query.page, query.page_size);
    let cursor = query.cursor.as_deref();
    let begin = asked.begin(List::Transactions, cursor, http.page_size, http.page_size_max)?;
    let (offset, size, after) = match begin {
        Begin::Page(wanted) => (wanted.offset(), wanted.size, None),
        Begin::After { cursor, size } => (0, size, Some(cursor.number)),
    };
    let filter = TransactionFilter {
        kind: query.transaction_type.filter(|word| !word.is_empty()),
        status: query.status.filter(|word| !word.is_empty()),
        from: query.start_date.map(Day::begin),
        to: query.end_date.map(Day::end),
        after,
    };
    let (rows, total) = app.store.transactions(caller.rider, &filter, offset, size).await?;
    let last = rows.last().map(place);
    let pagination = match begin {
        Begin::Page(wanted) => Pagination::of(wanted.of(total), last),
        Begin::After { size, .. } => Pagination::after(size, last.filter(|_| total > size)),
    };
    let transactions = rows.into_iter().map(TransactionBody::from).collect();
    let body = TransactionsBody { transactions, pagination };
    Ok(ok("Transactions retrieved successfully", body))
}

fn place(row: &Transaction) -> Cursor {
    Cursor { list: List::Transactions, number: row.seq, id: row.id.0 }
}

#[derive(Serialize, ToSchema)]
struct BalanceBody {
    balance: Money,
    currency: &'static str,
    formatted_balance: String,
    is_active: bool,
    recent_transactions: Vec<TransactionBody>,
    last_updated: Option<DateTime<Utc>>,
}

/// What is in the rider's wallet, and what moved last.
#[utoipa::path(
    get,
    path = "/api/payments/wallet/balance",
    tag = "Payments",
    responses((status = OK, body = Done<BalanceBody>)),
    security(("bearer" = [])),
)]
async fn balance(State(app): State<App>, caller: Caller) -> Result<Reply<BalanceBody>, ApiError> {
    let wallet = app.store.wallet_view(caller.rider).await?;
    let all = TransactionFilter::default();
    let (recent, _) = app.store.transactions(caller.rider, &all, 0, RECENT).await?;
    let body = BalanceBody {
        balance: wallet.balance,
        currency: Money::CURRENCY,
        formatted_balance: formatted(wallet.balance),
        is_active: true,
        recent_transactions: recent.into_iter().map(TransactionBody::from).collect(),
        last_updated: wallet.moved_at,
    };
    Ok(ok("Wallet balance retrieved successfully", body))
}

/// What a rider has.
#[derive(Serialize, ToSchema)]
pub struct WalletBalance {
    balance: Money,
    /// Set aside for an open rental.
    held: Money,
    /// What the rider owes.
    dues: Money,
    /// Asked to be paid out, and not paid out yet.
    withdrawing: Money,
    /// All that ever came in.
    total_topup: Money,
    currency: &'static str,
    points: PointsBody,
}

/// Riders have no points so far.
#[derive(Serialize, ToSchema)]
struct PointsBody {
    current_points: u64,
    total_points: u64,
    points_value: Money,
}

/// What the rider has, brought in, and owes.
#[utoipa::path(
    get,
    path = "/api/users/wallet",
    tag = "Payments",
    responses((status = OK, body = Done<WalletBalance>)),
    security(("bearer" = [])),
)]
async fn wallet(State(app): State<App>, caller: Caller) -> Result<Reply<WalletBalance>, ApiError> {
    let wallet = app.store.wallet_view(caller.rider).await?;
    let body = WalletBalance {
        balance: wallet.balance,
        held: wallet.held,
        dues: wallet.receivable,
        withdrawing: wallet.withdrawing,
        total_topup: wallet.total_topup,
        currency: Money::CURRENCY,
        points: PointsBody { current_points: 0, total_points: 0, points_value: Money::ZERO },
    };
    Ok(ok("Wallet retrieved successfully", body))
}

/// `NPR 1,050.00`.
fn formatted(amount: Money) -> String {
    let text = amount.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", &*text), |text| ("-", text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
    let groups: Vec<&str> = {
        let first = whole.len() % 3;
        let rest = (first..whole.len()).step_by(3).map(|at| &whole[at..at + 3]);
        Some(&whole[..first]).filter(|head| !head.is_empty()).into_iter().chain(rest).collect()
    };
    format!("NPR {sign}{}.{fraction}", groups.join(","))
}

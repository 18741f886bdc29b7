//! Khalti's KPG-2: what ended unpaid is answered with 400, and keys are asked for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::KEY;
use super::books::{Books, Call, Order, Outcome};

pub fn router(books: Arc<Books>) -> Router {
    Router::new()
        .route("/api/v2/epayment/initiate/", post(initiate))
        .route("/api/v2/epayment/lookup/", post(lookup))
        .route("/api/merchant-transaction/{number}/refund/", post(refund))
        .with_state(books)
}

type Asked = (State<Arc<Books>>, HeaderMap, Json<Value>);

async fn initiate((State(books), headers, Json(body)): Asked) -> Response {
    let make = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        let amount = body["amount"].as_i64().unwrap_or(0);
        if amount < 1_000 {
            let text = "Amount should be greater than Rs. 10, that is 1000 paisa.";
            return wrong("amount", text);
        }
        for name in ["return_url", "website_url"] {
            if !body[name].as_str().is_some_and(|url| url.starts_with("http")) {
                return wrong(name, "Enter a valid URL.");
            }
        }
        let Some(order) = body["purchase_order_id"].as_str() else {
            return wrong("purchase_order_id", "This field may not be blank.");
        };
        let mut orders = books.orders.lock();
        let pidx = format!("pidx{:018}", orders.len());
        orders.insert(pidx.clone(), Order::new(order.to_owned(), amount));
        let url = format!("https://test-pay.khalti.com/?pidx={pidx}");
        let expires_at = "2023-05-25T16:26:16.471649+05:45";
        let body = json!({
            "pidx": pidx, "payment_url": url, "expires_at": expires_at, "expires_in": 1800,
        });
        Json(body).into_response()
    };
    books.handle(Call::Start, make).await
}

async fn lookup((State(books), headers, Json(body)): Asked) -> Response {
    let look = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        let pidx = body["pidx"].as_str().unwrap_or_default();
        let orders = books.orders.lock();
        let Some(order) = orders.get(pidx) else {
            let body = json!({ "detail": "Not found.", "error_key": "validation_error" });
            return (StatusCode::NOT_FOUND, Json(body)).into_response();
        };
        let (status, code) = word(order);
        let paid = code == StatusCode::OK && order.outcome != Outcome::Pending;
        let amount =
            if let Outcome::PaidOther(paisa) = order.outcome { paisa } else { order.paisa };
        let body = json!({
            "pidx": pidx, "total_amount": amount, "status": status, "fee": 0,
            "transaction_id": paid.then(|| order.number(pidx)), "refunded": order.paid_back > 0,
            "mobile": "9800000001",
        });
        (code, Json(body)).into_response()
    };
    books.handle(Call::Check, look).await
}

fn word(order: &Order) -> (&'static str, StatusCode) {
    if order.paid_back > 0 {
        let whole = order.paid_back == order.paisa;
        return (if whole { "Refunded" } else { "Partially Refunded" }, StatusCode::OK);
    }
    match order.outcome {
        Outcome::Pending => ("Initiated", StatusCode::OK),
        Outcome::Paid | Outcome::PaidOther(_) | Outcome::PaidAs(_) => ("Completed", StatusCode::OK),
        Outcome::Cancelled => ("User canceled", StatusCode::BAD_REQUEST),
        Outcome::Expired => ("Expired", StatusCode::BAD_REQUEST),
        Outcome::Unclear => ("Under review", StatusCode::OK),
        Outcome::Refunded => ("Refunded", StatusCode::OK),
    }
}

/// It knows no keys of refunds: twice is twice, up to what was paid.
async fn refund(
    State(books): State<Arc<Books>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let pay_back = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        let mut orders = books.orders.lock();
        let found = orders.iter_mut().find(|(pidx, order)| order.number(pidx) == number);
        let Some((_, order)) = found else { return wrong("detail", "Not found.") };
        if books.is_from_bank.load(Ordering::Relaxed) && body["mobile"].as_str().is_none() {
            return wrong("mobile", "A mobile is needed.");
        }
        let amount = body["amount"].as_i64().unwrap_or(order.paisa);
        if order.paid_back + amount > order.paisa {
            return wrong("detail", "Transaction is already refunded.");
        }
        order.paid_back += amount;
        Json(json!({ "detail": "Transaction refund successful." })).into_response()
    };
    books.handle(Call::Refund, pay_back).await
}

fn stranger(headers: &HeaderMap) -> Option<Response> {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    let body = json!({ "detail": "Invalid token.", "status_code": 401 });
    let known = key.is_some_and(|key| key == format!("Key {KEY}"));
    (!known).then(|| (StatusCode::UNAUTHORIZED, Json(body)).into_response())
}

fn wrong(name: &str, text: &str) -> Response {
    let body = json!({ name: [text], "error_key": "validation_error" });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// Nothing in it is signed.
pub fn way_back(pidx: &str, order: &Order) -> String {
    let Order { ours, paisa, .. } = order;
    format!(
        "/api/payments/khalti/callback?pidx={pidx}&status=Completed&transaction_id=T{pidx}\
         &tidx=T{pidx}&txnId=T{pidx}&amount={paisa}&total_amount={paisa}&mobile=98XXXXX001\
         &purchase_order_id={ours}&purchase_order_name=x"
    )
}

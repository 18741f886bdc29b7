//! Stripe's payment intents and refunds: what was done under a key is not done again, and news is
//! signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::books::{Books, Call, Given, Order, Outcome};
use super::{KEY, STRIPE_SECRET};

type Fields = BTreeMap<String, String>;

pub fn router(books: Arc<Books>) -> Router {
    Router::new()
        .route("/v1/payment_intents", post(create))
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/refunds", post(refund).get(refunds))
        .with_state(books)
}

async fn create(
    State(books): State<Arc<Books>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let make = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        // the key is the order's id, so the same order is the same payment
        let order = fields["metadata[intent_id]"].clone();
        assert_eq!(headers["idempotency-key"], order.as_str());
        assert_eq!(fields["currency"], "npr");
        let id = format!("pi_{}", order.replace('-', ""));
        let paisa = fields["amount"].parse().unwrap();
        let mut orders = books.orders.lock();
        let made = orders.entry(id.clone()).or_insert_with(|| Order::new(order, paisa));
        Json(payment(&id, made, None)).into_response()
    };
    books.handle(Call::Start, make).await
}

async fn retrieve(
    State(books): State<Arc<Books>>,
    Path(id): Path<String>,
    Query(fields): Query<Fields>,
    headers: HeaderMap,
) -> Response {
    let look = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        assert_eq!(fields["expand[]"], "latest_charge");
        match books.orders.lock().get(&id) {
            Some(order) => {
                let mut paid = payment(&id, order, *books.open_status.lock());
                if let Some(currency) = *books.currency.lock() {
                    paid["currency"] = currency.into();
                }
                Json(paid).into_response()
            }
            None => refusal(StatusCode::NOT_FOUND, "resource_missing"),
        }
    };
    books.handle(Call::Check, look).await
}

/// Under a key that is remembered the first answer is given again, whatever became of it since.
async fn refund(
    State(books): State<Arc<Books>>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let pay_back = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        if let Some(answer) = books.keys.lock().get(&key) {
            return Json(answer.clone()).into_response();
        }
        let paisa: i64 = fields["amount"].parse().unwrap();
        let mut orders = books.orders.lock();
        let order = orders.get_mut(&fields["payment_intent"]).unwrap();
        if order.paid_back + paisa > order.paisa {
            return refusal(StatusCode::BAD_REQUEST, "charge_already_refunded");
        }
        let ours = fields["metadata[refund_id]"].clone();
        let status = books.refund_status.lock().unwrap_or("succeeded");
        order.refunds.push(Given { ours, paisa, status });
        order.paid_back += paisa;
        let answer = given(order.refunds.len(), order.refunds.last().unwrap());
        books.keys.lock().insert(key, answer.clone());
        Json(answer).into_response()
    };
    books.handle(Call::Refund, pay_back).await
}

async fn refunds(
    State(books): State<Arc<Books>>,
    Query(fields): Query<Fields>,
    headers: HeaderMap,
) -> Response {
    let look = || {
        if let Some(refused) = stranger(&headers) {
            return refused;
        }
        let orders = books.orders.lock();
        let order = &orders[&fields["payment_intent"]];
        let data: Vec<Value> = (1..).zip(&order.refunds).map(|(at, row)| given(at, row)).collect();
        Json(json!({ "object": "list", "data": data, "has_more": false })).into_response()
    };
    books.handle(Call::Trace, look).await
}

fn given(number: usize, row: &Given) -> Value {
    json!({
        "id": format!("re_{number}"), "object": "refund", "amount": row.paisa,
        "status": row.status, "metadata": { "refund_id": row.ours },
    })
}

fn payment(id: &str, order: &Order, open: Option<&str>) -> Value {
    let received = if let Outcome::PaidOther(paisa) = order.outcome { paisa } else { order.paisa };
    let status = match order.outcome {
        Outcome::Pending => open.unwrap_or("requires_payment_method"),
        Outcome::Paid | Outcome::PaidOther(_) | Outcome::PaidAs(_) => "succeeded",
        Outcome::Cancelled | Outcome::Expired => "canceled",
        Outcome::Unclear | Outcome::Refunded => "frozen",
    };
    let paid = status == "succeeded";
    // as it is asked for: with `expand[]=latest_charge`
    let charge = json!({
        "id": order.number(id), "object": "charge", "amount": received,
        "amount_refunded": order.paid_back, "refunded": order.paid_back == received,
    });
    json!({
        "id": id, "object": "payment_intent", "amount": order.paisa, "currency": "npr",
        "amount_received": if paid { received } else { 0 }, "status": status,
        "client_secret": format!("{id}_secret_x"),
        "latest_charge": paid.then_some(charge),
        "metadata": { "intent_id": order.ours },
    })
}

fn stranger(headers: &HeaderMap) -> Option<Response> {
    let key = headers.get("authorization").and_then(|value| value.to_str().ok());
    let known = key.is_some_and(|key| key == format!("Bearer {KEY}"));
    let known = known && headers.contains_key("stripe-version");
    (!known).then(|| refusal(StatusCode::UNAUTHORIZED, "api_key_invalid"))
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let error = json!({ "type": "invalid_request_error", "code": code, "message": code });
    (status, Json(json!({ "error": error }))).into_response()
}

/// News that somebody wants a payment back, and its signature of that second.
pub fn dispute(event_id: &str, payment: &str, second: i64) -> (String, String) {
    let object = json!({
        "id": "dp_1", "object": "dispute", "payment_intent": payment, "reason": "fraudulent",
        "status": "needs_response",
    });
    let body = json!({
        "id": event_id, "object": "event", "type": "charge.dispute.created",
        "data": { "object": object },
    });
    signed(&body, second)
}

/// News that so much of a payment went back, in all, and its signature of that second.
pub fn returned(event_id: &str, payment: &str, paisa: i64, second: i64) -> (String, String) {
    let object = json!({
        "id": "ch_1", "object": "charge", "payment_intent": payment, "status": "succeeded",
        "amount_refunded": paisa,
    });
    let body = json!({
        "id": event_id, "object": "event", "type": "charge.refunded", "data": { "object": object },
    });
    signed(&body, second)
}

/// News of one refund, with our number of it or none, and its signature of that second.
pub fn refunded(
    event_id: &str,
    payment: &str,
    (ours, status): (Option<&str>, &str),
    second: i64,
) -> (String, String) {
    let metadata = ours.map_or_else(|| json!({}), |ours| json!({ "refund_id": ours }));
    let object = json!({
        "id": "re_9", "object": "refund", "payment_intent": payment, "status": status,
        "metadata": metadata,
    });
    let body = json!({
        "id": event_id, "object": "event", "type": "refund.updated", "data": { "object": object },
    });
    signed(&body, second)
}

/// News that a payment succeeded, and its signature of that second.
pub fn event(event_id: &str, payment: &str, order: &str, second: i64) -> (String, String) {
    let object = json!({
        "id": payment, "object": "payment_intent", "status": "succeeded",
        "metadata": { "intent_id": order },
    });
    let body = json!({
        "id": event_id, "object": "event", "type": "payment_intent.succeeded",
        "data": { "object": object },
    });
    signed(&body, second)
}

fn signed(body: &Value, second: i64) -> (String, String) {
    let body = body.to_string();
    let mac = Hmac::<Sha256>::new_from_slice(STRIPE_SECRET.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("{second}.{body}")).finalize().into_bytes();
    (format!("t={second},v1={}", hex::encode(mac)), body)
}

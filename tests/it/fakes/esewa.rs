//! eSewa's ePay v2: a form that it verifies, a status that is found by the exact amount only, and
//! a signed way back.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::money::Money;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::books::{Books, Call, Order, Outcome};
use super::{ESEWA_KEY, ESEWA_PRODUCT};

type Fields = BTreeMap<String, String>;

pub fn router(books: Arc<Books>) -> Router {
    Router::new()
        .route("/api/epay/main/v2/form", post(form))
        .route("/api/epay/transaction/status/", get(status))
        .with_state(books)
}

async fn form(State(books): State<Arc<Books>>, Form(fields): Form<Fields>) -> Response {
    let take = || {
        if let Some(why) = refused(&books, &fields) {
            return (StatusCode::BAD_REQUEST, why).into_response();
        }
        let uuid = fields["transaction_uuid"].clone();
        let paisa = Money::parse(&fields["total_amount"]).unwrap().to_paisa();
        books.orders.lock().insert(uuid.clone(), Order::new(uuid, paisa));
        "<html>eSewa: log in to pay</html>".into_response()
    };
    books.handle(Call::Start, take).await
}

fn refused(books: &Books, fields: &Fields) -> Option<&'static str> {
    let of = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let part = |name: &str| format!("{name}={}", of(name));
    let signed: Vec<String> = of("signed_field_names").split(',').map(part).collect();
    if sign(&signed.join(","), ESEWA_KEY) != of("signature") {
        return Some("ES104: Invalid payload signature.");
    }
    let money = |name: &str| Money::parse(of(name)).unwrap_or(Money::ZERO);
    let parts = ["amount", "tax_amount", "product_service_charge", "product_delivery_charge"];
    if parts.map(money).into_iter().sum::<Money>() != money("total_amount") {
        return Some("the sum is wrong");
    }
    let uuid = of("transaction_uuid");
    if uuid.is_empty() || !uuid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Some("the uuid is wrong");
    }
    if books.orders.lock().contains_key(uuid) {
        return Some("the uuid was used");
    }
    let urls = ["success_url", "failure_url"];
    urls.iter().any(|name| of(name).contains('?')).then_some("an address has a query")
}

async fn status(State(books): State<Arc<Books>>, Query(query): Query<Fields>) -> Response {
    let look = || {
        let uuid = query["transaction_uuid"].as_str();
        let orders = books.orders.lock();
        let exact = |order: &&Order| {
            let asked = Money::parse(&query["total_amount"]).map(Money::to_paisa);
            query["product_code"] == ESEWA_PRODUCT && asked == Ok(order.paisa)
        };
        let Some(order) = orders.get(uuid).filter(exact) else {
            let body = json!({
                "product_code": ESEWA_PRODUCT, "transaction_uuid": uuid, "total_amount": 0.0,
                "status": "NOT_FOUND", "ref_id": null,
            });
            return Json(body).into_response();
        };
        let word = match order.outcome {
            Outcome::Pending => "PENDING",
            Outcome::Paid | Outcome::PaidOther(_) | Outcome::PaidAs(_) => "COMPLETE",
            Outcome::Cancelled => "CANCELED",
            Outcome::Expired => "NOT_FOUND",
            Outcome::Unclear => "AMBIGUOUS",
            Outcome::Refunded => "FULL_REFUND",
        };
        let paisa = if let Outcome::PaidOther(paisa) = order.outcome { paisa } else { order.paisa };
        let number = match word {
            "COMPLETE" => format!("\"{}\"", order.number(uuid)),
            _ => "null".to_owned(),
        };
        let amount = literal(paisa);
        // by hand, because the number is written with its decimal
        format!(
            r#"{{"product_code":"{ESEWA_PRODUCT}","transaction_uuid":"{uuid}",
            "total_amount":{amount},"status":"{word}","ref_id":{number}}}"#
        )
        .into_response()
    };
    books.handle(Call::Check, look).await
}

/// As eSewa writes amounts: `500.0`.
pub fn literal(paisa: i64) -> String {
    let text = Money::paisa(paisa).unwrap().to_string();
    text.strip_suffix('0').unwrap().to_owned()
}

/// The `data` of the way back for an amount as it is written.
pub fn sealed(uuid: &str, amount: &str, key: &str) -> String {
    let names =
        "transaction_code,status,total_amount,transaction_uuid,product_code,signed_field_names";
    let message = format!(
        "transaction_code=000AWEO,status=COMPLETE,total_amount={amount},transaction_uuid={uuid},\
         product_code={ESEWA_PRODUCT},signed_field_names={names}"
    );
    let signature = sign(&message, key);
    STANDARD.encode(format!(
        r#"{{"transaction_code":"000AWEO","status":"COMPLETE","total_amount":{amount},"transaction_uuid":"{uuid}","product_code":"{ESEWA_PRODUCT}","signed_field_names":"{names}","signature":"{signature}"}}"#
    ))
}

fn sign(message: &str, key: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(message).finalize().into_bytes())
}

//! Stripe's signature by a known vector, and what its payments and refusals mean.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::IntentId;
use domain::money::Money;
use domain::payment::Answer;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::refunds::done as refunded;
use super::{Heard, Stripe, looked_up};
use crate::clients::payments::news::{Back, Hint, News, Odd};
use crate::clients::payments::{Error, PaymentGateway, Refunded};
use crate::clients::web::Web;
use crate::config::{self, Secret};

const SECRET: &str = "whsec_test_chargeghar";
const TIME: i64 = 1_760_000_000;
const BODY: &str = r#"{"id":"evt_test_1","object":"event","api_version":"2026-10-28.endive","created":1760000000,"livemode":false,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_test_1","object":"payment_intent","amount":25000,"amount_received":25000,"currency":"npr","status":"succeeded","metadata":{"intent_id":"01JD3Z8Q"}}}}"#;
const HEADER: &str =
    "t=1760000000,v1=a87b68489fb53581e5b99315855bb0ba0fc931b6d1a9fbb89999604bda47dea7";

#[test]
fn a_webhook_is_verified_over_its_raw_body() {
    let hint = webhook(HEADER, BODY, TIME).unwrap();

    assert_eq!(hint.reference, "pi_test_1");
    assert_eq!(hint.order.as_deref(), Some("01JD3Z8Q"));
    let sealed = hint.sealed.unwrap();
    assert_eq!(sealed.id, "evt_test_1");
    assert_eq!(sealed.raw.hash, <[u8; 32]>::from(Sha256::digest(BODY)));
}

#[test]
fn any_of_several_signatures_will_do() {
    let two = HEADER.replace("v1=", &format!("v1={},v0=x,v1=", "0".repeat(64)));

    assert!(webhook(&two, BODY, TIME).is_ok());
}

#[test]
fn what_is_not_signed_by_the_secret_is_unsigned() {
    let spaced = BODY.replace(',', ", ");
    assert_eq!(webhook(HEADER, &spaced, TIME), Err(Odd::Unsigned), "the raw bytes count");
    let time = HEADER.replace("1760000000", "1760000001");
    for header in ["", "t=1760000000", "v1=00", "t=x,v1=00", &time, &HEADER.replace("v1", "v0")] {
        assert_eq!(webhook(header, BODY, TIME), Err(Odd::Unsigned), "{header}");
    }
    let open = Stripe { webhook_secret: Secret::default(), ..stripe() };
    let header = signed(b"", BODY);
    let news = News::Webhook { signature: &header, body: BODY.as_bytes() };
    assert_eq!(open.read(&news, at(TIME)), Err(Odd::Unsigned), "no secret opens no door");
}

#[test]
fn a_signature_is_good_for_five_minutes_to_both_sides() {
    for second in [TIME - 300, TIME + 300] {
        assert!(webhook(HEADER, BODY, second).is_ok());
    }
    for second in [TIME - 301, TIME + 301, 0, i64::from(u32::MAX)] {
        assert_eq!(webhook(HEADER, BODY, second), Err(Odd::Stale));
    }
}

#[test]
fn news_of_a_charge_names_its_payment_and_other_news_is_foreign() {
    let event = |object: Value| {
        let body = json!({ "id": "evt_2", "data": { "object": object } }).to_string();
        webhook(&signed(SECRET.as_bytes(), &body), &body, TIME)
    };

    let charge = event(json!({ "id": "ch_1", "object": "charge", "payment_intent": "pi_1" }));
    assert_eq!(charge.unwrap().reference, "pi_1");
    let back = |object: Value| event(object).unwrap().back;
    let of = |kind: &str| json!({ "id": "x_1", "object": kind, "payment_intent": "pi_1" });
    assert_eq!((back(of("charge")), back(of("dispute"))), (None, Some(Back::Disputed)));
    let mut charge = of("charge");
    charge["amount_refunded"] = 25_050.into();
    assert_eq!(back(charge), Some(Back::Returned(Money::parse("250.50").unwrap())));
    let mut refund = of("refund");
    refund["metadata"]["refund_id"] = "r-1".into();
    assert_eq!(back(refund.clone()), Some(Back::Refund { ours: Some("r-1".to_owned()) }));
    refund["status"] = "failed".into();
    assert_eq!((back(refund), back(of("refund"))), (None, Some(Back::Refund { ours: None })));
    let payout = event(json!({ "id": "po_1", "object": "payout" }));
    assert_eq!(payout, Err(Odd::Foreign));
    assert_eq!(event(json!("x")), Err(Odd::Unreadable));
}

#[test]
fn each_status_means_what_the_documentation_says() {
    let open = [
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
    ];
    for status in open {
        assert_eq!(looked_up(&payment(status, &order()), order()), Ok(Answer::Pending));
    }
    assert_eq!(looked_up(&payment("canceled", &order()), order()), Ok(Answer::Cancelled));
    let strange = looked_up(&payment("frozen", &order()), order());
    assert_eq!(strange, Ok(Answer::Unclear { word: "frozen".to_owned() }));
}

#[test]
fn a_payment_that_succeeded_is_what_was_received_for_this_order() {
    let paid = |reference: &str| Answer::Paid {
        reference: reference.to_owned(),
        amount: Money::rupees(250),
        currency: "NPR".to_owned(),
        txn_id: "ch_1".to_owned(),
    };
    let other = IntentId(Uuid::from_u128(8));

    assert_eq!(looked_up(&payment("succeeded", &order()), order()), Ok(paid("pi_1")));
    let others = looked_up(&payment("succeeded", &other), order());
    assert_eq!(others, Ok(paid(&format!("order {other}"))));
}

#[test]
fn a_refusal_says_what_may_be_done_next() {
    let refused = |status, code: &str| {
        let body = json!({ "error": { "type": "card_error", "code": code, "message": "m" } });
        refunded(&heard(status, &body)).unwrap_err()
    };

    assert_eq!(refused(402, "card_declined"), Error::Declined("card_declined: m".to_owned()));
    assert!(matches!(refused(401, "key"), Error::Down(_)));
    assert!(matches!(refused(429, "rate_limit"), Error::Down(_)));
    assert!(matches!(refused(409, "lock_timeout"), Error::Unsure(_)));
    assert!(matches!(refused(500, "api_error"), Error::Unsure(_)));
}

#[test]
fn a_refund_is_done_or_under_way_or_refused() {
    let said = |status: &str| refunded(&heard(200, &json!({ "id": "re_1", "status": status })));
    let number = Some("re_1".to_owned());

    assert_eq!(said("succeeded"), Ok(Refunded::Done { number: number.clone() }));
    assert_eq!(said("pending"), Ok(Refunded::Pending { number }));
    assert!(matches!(said("failed"), Err(Error::Declined(_))));
    assert!(matches!(said("odd"), Err(Error::Unsure(_))));
}

#[test]
fn a_redirect_names_a_payment_and_proves_nothing() {
    let fields = BTreeMap::from([("payment_intent".to_owned(), "pi_1".to_owned())]);

    let hint = stripe().read(&News::Fields(&fields), at(TIME)).unwrap();

    assert_eq!((hint.reference.as_str(), hint.sealed), ("pi_1", None));
}

fn webhook(header: &str, body: &str, now: i64) -> Result<Hint, Odd> {
    let news = News::Webhook { signature: header, body: body.as_bytes() };
    stripe().read(&news, at(now))
}

fn signed(secret: &[u8], body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    let mac = mac.chain_update(format!("{TIME}.{body}")).finalize().into_bytes();
    format!("t={TIME},v1={}", hex::encode(mac))
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn order() -> IntentId {
    IntentId(Uuid::from_u128(7))
}

fn payment(status: &str, order: &IntentId) -> Heard {
    let body = json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "currency": "npr",
        "amount": 25_000, "amount_received": 25_000, "latest_charge": "ch_1",
        "metadata": { "intent_id": order },
    });
    heard(200, &body)
}

fn heard(status: u16, body: &Value) -> Heard {
    Heard { status, body: Bytes::from(body.to_string()), retry_after: None }
}

fn stripe() -> Stripe {
    let settings = config::Stripe {
        secret_key: Secret::new("sk_live_x"),
        webhook_secret: Secret::new(SECRET),
        ..config::Stripe::default()
    };
    Stripe::new(&settings, Web::new().unwrap(), "http://here")
}

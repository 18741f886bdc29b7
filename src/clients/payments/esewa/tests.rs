//! eSewa's signatures, by its documentation's own vectors, and its statuses.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use chrono::DateTime;
use domain::ids::{IntentId, RiderId};
use domain::money::Money;
use domain::payment::{Answer, RedirectMethod};
use uuid::Uuid;

use super::seal::Key;
use super::{Esewa, Heard, money, status, text};
use crate::clients::payments::news::{Hint, News, Odd};
use crate::clients::payments::{Error, Order, PaymentGateway};
use crate::clients::web::Web;
use crate::config::{self, Secret};

const KEY: &str = "8gBm/:&EnhH.1/q";
/// The documentation's sample, with its amount as a number.
const SAMPLE: &str = "eyJ0cmFuc2FjdGlvbl9jb2RlIjoiMDAwQVdFTyIsInN0YXR1cyI6IkNPTVBMRVRFIiwidG90YWxfYW1vdW50IjoxMDAwLjAsInRyYW5zYWN0aW9uX3V1aWQiOiIyNTA2MTAtMTYyNDEzIiwicHJvZHVjdF9jb2RlIjoiRVBBWVRFU1QiLCJzaWduZWRfZmllbGRfbmFtZXMiOiJ0cmFuc2FjdGlvbl9jb2RlLHN0YXR1cyx0b3RhbF9hbW91bnQsdHJhbnNhY3Rpb25fdXVpZCxwcm9kdWN0X2NvZGUsc2lnbmVkX2ZpZWxkX25hbWVzIiwic2lnbmF0dXJlIjoiNjJHY2ZaVG1Wa3podFVlaCtRSjFBcWlKcmpvV1dHb2YzVStlVFBUWjdmQT0ifQ==";
const NAMES: &str =
    "transaction_code,status,total_amount,transaction_uuid,product_code,signed_field_names";

#[test]
fn a_form_is_signed_as_the_documentation_says() {
    let vectors = [
        ("110", "241028", "i94zsd3oXF6ZsSr/kGqT4sSzYQzjj1W/waxjWyRwaME="),
        ("100", "11-201-13", "5DZywcrTKD0gia/rsSMcrRHmJl+4Tbol6S+lWgdJ94E="),
        ("250.5", "01JD3Z8Q-TOPUP-1", "wV7kF9r4linzvH7yqOFE5VH4CjC0YRQboC3MS3DwWqU="),
    ];
    for (amount, uuid, signature) in vectors {
        let message =
            format!("total_amount={amount},transaction_uuid={uuid},product_code=EPAYTEST");
        assert_eq!(key().sign(&message), signature);
    }
}

#[test]
fn a_redirect_is_verified_over_the_text_of_its_number() {
    let hint = read(SAMPLE).unwrap();

    assert_eq!(hint.reference, "250610-162413");
    assert_eq!(hint.amount, Some(Money::rupees(1_000)));
    assert!(hint.sealed.is_some());
}

#[test]
fn an_amount_may_be_a_text_and_have_a_comma() {
    let vectors = [
        ("000AWEO", "1000.0", "250610-162413", "62GcfZTmVkzhtUeh+QJ1AqiJrjoWWGof3U+eTPTZ7fA="),
        ("000AWEO", "1,000.0", "250610-162413", "papjo8JJpF2skOaVl21DUR7k7hdectT5lWk+z5xvYIU="),
        ("0007G36", "250.5", "01JD3Z8Q-TOPUP-1", "6k0vkY/zgv8RoKWN4U9GOiVYjkKTDBA6HAH+nolq9Vc="),
    ];
    for (code, amount, uuid, signature) in vectors {
        let json = redirect(code, &format!("\"{amount}\""), uuid, NAMES, signature);
        let hint = read(&STANDARD.encode(&json)).unwrap();
        assert_eq!(hint.reference, uuid);
        assert_eq!(hint.amount, money(amount), "{amount}");
    }
}

#[test]
fn base64_comes_in_all_its_forms() {
    let json = STANDARD.decode(SAMPLE).unwrap();
    let forms = [
        SAMPLE.trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(&json),
        SAMPLE.replace('+', " "),
    ];
    for form in forms {
        assert_eq!(read(&form).unwrap(), read(SAMPLE).unwrap());
    }
}

#[test]
fn what_was_touched_after_the_signing_is_unsigned() {
    let json = String::from_utf8(STANDARD.decode(SAMPLE).unwrap()).unwrap();
    let touched = [
        json.replace("1000.0", "1000"),
        json.replace("1000.0", "9000.0"),
        json.replace("250610-162413", "250610-162414"),
        json.replace("COMPLETE", "PENDING"),
        json.replace("62Gc", "62Gd"),
        json.replace("\"signature\"", "\"seal\""),
    ];
    for text in touched {
        assert_eq!(read(&STANDARD.encode(text)), Err(Odd::Unsigned));
    }
}

#[test]
fn a_field_that_was_dropped_from_the_signature_is_worth_nothing() {
    let names = "status,signed_field_names";
    let signature = key().sign(&format!("status=COMPLETE,signed_field_names={names}"));
    let json = redirect("0", "9000.0", "250610-162413", names, &signature);

    assert_eq!(read(&STANDARD.encode(json)), Err(Odd::Unsigned));
}

#[test]
fn the_money_of_another_merchant_is_foreign() {
    let message = format!(
        "transaction_code=0,status=COMPLETE,total_amount=10,transaction_uuid=1,\
         product_code=OTHER,signed_field_names={NAMES}"
    );
    let json = redirect("0", "10", "1", NAMES, &key().sign(&message));
    let json = json.replace("EPAYTEST", "OTHER");

    assert_eq!(read(&STANDARD.encode(json)), Err(Odd::Foreign));
}

#[test]
fn nothing_and_nonsense_are_unreadable() {
    for data in ["", "%%%", "bm90IGpzb24=", "W10=", &"A".repeat(9_000)] {
        assert_eq!(read(data), Err(Odd::Unreadable), "{data:.9}");
    }
}

#[tokio::test]
async fn the_form_carries_what_its_signature_is_about() {
    let intent = IntentId(Uuid::from_u128(7));
    let amount = Money::parse("250.50").unwrap();
    let order = Order { intent, rider: RiderId(1), amount, expires_at: DateTime::UNIX_EPOCH };

    let started = esewa().start(&order).await.said.unwrap();

    let fields = &started.redirect.fields;
    assert_eq!(started.redirect.method, RedirectMethod::Post);
    assert_eq!(started.redirect.url, "https://epay.esewa.com.np/api/epay/main/v2/form");
    assert_eq!(
        (started.reference.as_str(), fields["total_amount"].as_str()),
        (fields["transaction_uuid"].as_str(), "250.5")
    );
    let signed = fields["signed_field_names"].split(',');
    let message: Vec<String> = signed.map(|name| format!("{name}={}", fields[name])).collect();
    assert!(key().verify(&message.join(","), &fields["signature"]));
    assert_eq!(fields.len(), 11);
    assert!(!fields["success_url"].contains('?'));
}

#[test]
fn each_status_means_what_the_documentation_says() {
    let table = [
        ("PENDING", Answer::Pending),
        ("NOT_FOUND", Answer::Pending),
        ("CANCELED", Answer::Cancelled),
        ("FULL_REFUND", Answer::Refunded { partly: false }),
        ("PARTIAL_REFUND", Answer::Refunded { partly: true }),
        ("AMBIGUOUS", Answer::Unclear { word: "AMBIGUOUS".to_owned() }),
    ];
    for (word, answer) in table {
        assert_eq!(status(&said(word, "null", "100.0"), "EPAYTEST"), Ok(answer), "{word}");
    }
}

#[test]
fn a_complete_payment_needs_our_product_an_amount_and_a_number() {
    let paid = Answer::Paid {
        reference: "u-1".to_owned(),
        amount: Money::rupees(1_000),
        currency: "NPR".to_owned(),
        txn_id: "0001TS9".to_owned(),
    };
    for amount in ["1000", "1000.0", "\"1,000.0\""] {
        let heard = said("COMPLETE", "\"0001TS9\"", amount);
        assert_eq!(status(&heard, "EPAYTEST"), Ok(paid.clone()), "{amount}");
    }
    let odd = [
        (said("COMPLETE", "\"0001TS9\"", "1000"), "OTHER"),
        (said("COMPLETE", "null", "1000"), "EPAYTEST"),
        (said("COMPLETE", "\"0001TS9\"", "1000.001"), "EPAYTEST"),
    ];
    for (heard, product) in odd {
        assert!(matches!(status(&heard, product), Ok(Answer::Unclear { .. })), "{product}");
    }
}

#[test]
fn an_answer_without_a_status_is_none() {
    let busy = r#"{"code":0,"error_message":"Service is currently unavailable"}"#;
    for (code, body) in [(200, busy), (503, "<html>"), (200, "")] {
        let heard = Heard { status: code, body: Bytes::from(body.to_owned()), retry_after: None };
        assert!(matches!(status(&heard, "EPAYTEST"), Err(Error::Unsure(_))), "{body}");
    }
}

#[test]
fn rupees_survive_the_way_to_esewa_and_back() {
    for paisa in [1_000, 1_001, 1_010, 25_050, 5_000_000, 123_456_789] {
        let amount = Money::paisa(paisa).unwrap();
        assert_eq!(money(&text(amount)), Some(amount));
    }
    assert_eq!(text(Money::rupees(100)), "100");
}

fn said(word: &str, number: &str, amount: &str) -> Heard {
    let body = format!(
        r#"{{"product_code":"EPAYTEST","transaction_uuid":"u-1","total_amount":{amount},
        "status":"{word}","ref_id":{number}}}"#
    );
    Heard { status: 200, body: Bytes::from(body), retry_after: None }
}

fn redirect(code: &str, amount: &str, uuid: &str, names: &str, signature: &str) -> String {
    format!(
        r#"{{"transaction_code":"{code}","status":"COMPLETE","total_amount":{amount},
        "transaction_uuid":"{uuid}","product_code":"EPAYTEST","signed_field_names":"{names}",
        "signature":"{signature}"}}"#
    )
}

fn read(data: &str) -> Result<Hint, Odd> {
    let fields = BTreeMap::from([("data".to_owned(), data.to_owned())]);
    esewa().read(&News::Fields(&fields), DateTime::UNIX_EPOCH)
}

fn key() -> Key {
    Key::new(Secret::new(KEY))
}

fn esewa() -> Esewa {
    let settings = config::Esewa {
        secret_key: Secret::new(KEY),
        product_code: "EPAYTEST".to_owned(),
        ..config::Esewa::default()
    };
    Esewa::new(&settings, Web::new().unwrap(), "http://here")
}

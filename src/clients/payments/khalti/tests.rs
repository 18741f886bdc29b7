//! Khalti's answers, as its documentation prints them.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::DateTime;
use domain::money::Money;
use domain::payment::Answer;

use super::{Heard, Khalti, looked_up, refunded, started};
use crate::clients::payments::news::{News, Odd};
use crate::clients::payments::{Error, PaymentGateway, Refunded};
use crate::clients::web::Web;
use crate::config;

#[test]
fn an_order_is_known_by_its_pidx() {
    let body = r#"{"pidx":"bZQLD9wRVWo4CdESSfuSsB",
        "payment_url":"https://test-pay.khalti.com/?pidx=bZQLD9wRVWo4CdESSfuSsB",
        "expires_at":"2023-05-25T16:26:16.471649+05:45","expires_in":1800}"#;

    let started = started(&heard(200, body)).unwrap();

    assert_eq!(started.reference, "bZQLD9wRVWo4CdESSfuSsB");
    assert!(started.redirect.url.ends_with("?pidx=bZQLD9wRVWo4CdESSfuSsB"));
}

#[test]
fn a_refused_order_is_told_from_a_gateway_that_is_away() {
    let small = r#"{"amount":["Amount should be greater than Rs. 10, that is 1000 paisa."],
        "error_key":"validation_error"}"#;
    let key = r#"{"detail":"Invalid token.","status_code":401}"#;

    let Err(Error::Declined(text)) = started(&heard(400, small)) else { panic!("not declined") };
    assert_eq!(text, "amount: Amount should be greater than Rs. 10, that is 1000 paisa.");
    assert!(matches!(started(&heard(401, key)), Err(Error::Down(_))), "our own fault");
    assert!(matches!(started(&heard(429, "slow down")), Err(Error::Down(_))));
    assert!(matches!(started(&heard(502, "<html>")), Err(Error::Unsure(_))));
    assert!(matches!(started(&heard(200, "<html>")), Err(Error::Unsure(_))));
}

#[test]
fn each_status_means_what_the_documentation_says() {
    let table = [
        ("Pending", 200, Answer::Pending),
        ("Initiated", 200, Answer::Pending),
        ("Refunded", 200, Answer::Refunded { partly: false }),
        ("Partially Refunded", 200, Answer::Refunded { partly: true }),
        ("Partially refunded", 200, Answer::Refunded { partly: true }),
        ("Expired", 400, Answer::Expired),
        ("User canceled", 400, Answer::Cancelled),
        (" user canceled ", 400, Answer::Cancelled),
        ("On hold", 200, Answer::Unclear { word: "On hold".to_owned() }),
    ];
    for (status, code, answer) in table {
        assert_eq!(looked_up(&heard(code, &lookup(status, "null"))), Ok(answer), "{status}");
    }
}

#[test]
fn a_completed_payment_is_read_in_paisa() {
    let answer = looked_up(&heard(200, &lookup("Completed", "\"GFq9PFS7b2iYvL8Lir9oXe\"")));

    let paid = Answer::Paid {
        reference: "HT6o6PEZRWFJ5ygavzHWd5".to_owned(),
        amount: Money::parse("1000.50").unwrap(),
        currency: "NPR".to_owned(),
        txn_id: "GFq9PFS7b2iYvL8Lir9oXe".to_owned(),
    };
    assert_eq!(answer, Ok(paid));
    let unnumbered = looked_up(&heard(200, &lookup("Completed", "null")));
    assert!(matches!(unnumbered, Ok(Answer::Unclear { .. })));
}

#[test]
fn what_is_no_lookup_says_nothing_about_the_payment() {
    let missing = r#"{"detail":"Not found.","error_key":"validation_error"}"#;
    let key = r#"{"detail":"Invalid token.","status_code":401}"#;

    assert!(matches!(looked_up(&heard(404, missing)), Ok(Answer::Unclear { .. })));
    assert!(matches!(looked_up(&heard(401, key)), Err(Error::Down(_))));
    for (status, body) in [(500, "<html>"), (502, ""), (200, "OK"), (200, "{}")] {
        assert!(matches!(looked_up(&heard(status, body)), Err(Error::Unsure(_))), "{status}");
    }
}

#[test]
fn a_refund_has_no_number_and_its_address_no_version() {
    let done = r#"{"detail":"Transaction refund successful."}"#;
    assert_eq!(refunded(&heard(200, done)), Ok(Refunded::Done { number: None }));
    assert!(matches!(refunded(&heard(400, r#"{"detail":"no"}"#)), Err(Error::Declined(_))));

    let url = khalti().refund_url("T1");
    assert_eq!(url, "https://khalti.com/api/merchant-transaction/T1/refund/");
}

#[test]
fn a_redirect_names_a_payment_and_proves_nothing() {
    let fields = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let read = |fields| khalti().read(&News::Fields(&fields), DateTime::UNIX_EPOCH);

    let hint = read(fields(&[("pidx", "p"), ("purchase_order_id", "o")])).unwrap();

    assert_eq!((hint.reference.as_str(), hint.order.as_deref()), ("p", Some("o")));
    assert_eq!(hint.sealed, None);
    assert_eq!(read(fields(&[("status", "Completed")])), Err(Odd::Unreadable));
    assert_eq!(read(fields(&[("pidx", "")])), Err(Odd::Unreadable));
    let webhook = News::Webhook { signature: "", body: b"{}" };
    assert_eq!(khalti().read(&webhook, DateTime::UNIX_EPOCH), Err(Odd::Unreadable));
}

fn khalti() -> Khalti {
    Khalti::new(&config::Khalti::default(), Web::new().unwrap(), "http://here")
}

fn lookup(status: &str, number: &str) -> String {
    format!(
        r#"{{"pidx":"HT6o6PEZRWFJ5ygavzHWd5","total_amount":100050,"status":"{status}",
        "transaction_id":{number},"fee":0,"refunded":false}}"#
    )
}

fn heard(status: u16, body: &str) -> Heard {
    Heard { status, body: Bytes::copy_from_slice(body.as_bytes()), retry_after: None }
}

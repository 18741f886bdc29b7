//! Words that claim to be a gateway's, made from true ones: none is believed that says another
//! thing, and none is a panic. `./run fuzz` runs these for as long as one likes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

use super::PaymentGateway;
use super::esewa::Esewa;
use super::khalti::Khalti;
use super::news::{Hint, News, Odd};
use super::stripe::Stripe;
use crate::clients::web::Web;
use crate::config::{self, Secret};
use crate::fuzz::{Change, INPUTS, changed};

/// The sample of eSewa's documentation, and the key of its sandbox.
const ESEWA: &str = r#"{"transaction_code":"000AWEO","status":"COMPLETE","total_amount":1000.0,"transaction_uuid":"250610-162413","product_code":"EPAYTEST","signed_field_names":"transaction_code,status,total_amount,transaction_uuid,product_code,signed_field_names","signature":"62GcfZTmVkzhtUeh+QJ1AqiJrjoWWGof3U+eTPTZ7fA="}"#;
const ESEWA_KEY: &str = "8gBm/:&EnhH.1/q";
/// A signed event of Stripe.
const STRIPE_KEY: &str = "whsec_test_chargeghar";
const STRIPE: &str = r#"{"id":"evt_test_1","object":"event","api_version":"2026-10-28.endive","created":1760000000,"livemode":false,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_test_1","object":"payment_intent","amount":25000,"amount_received":25000,"currency":"npr","status":"succeeded","metadata":{"intent_id":"01JD3Z8Q"}}}}"#;
const SIGNATURE: &str =
    "t=1760000000,v1=a87b68489fb53581e5b99315855bb0ba0fc931b6d1a9fbb89999604bda47dea7";
const TIME: i64 = 1_760_000_000;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn web() -> Web {
    Web::new().unwrap()
}

// made once, and out of the closures that bolero wants to be safe to unwind through

static FROM_ESEWA: LazyLock<Esewa> = LazyLock::new(|| {
    let settings = config::Esewa {
        secret_key: Secret::new(ESEWA_KEY),
        product_code: "EPAYTEST".to_owned(),
        ..config::Esewa::default()
    };
    Esewa::new(&settings, web(), "http://here")
});
static FROM_STRIPE: LazyLock<Stripe> = LazyLock::new(|| {
    let settings = config::Stripe {
        secret_key: Secret::new("sk_live_x"),
        webhook_secret: Secret::new(STRIPE_KEY),
        ..config::Stripe::default()
    };
    Stripe::new(&settings, web(), "http://here")
});
static FROM_KHALTI: LazyLock<Khalti> =
    LazyLock::new(|| Khalti::new(&config::Khalti::default(), web(), "http://here"));

fn esewa(json: &[u8], is_encoded: bool) -> Result<Hint, Odd> {
    let plain = || String::from_utf8_lossy(json).into_owned();
    let data = if is_encoded { plain() } else { STANDARD.encode(json) };
    let fields = BTreeMap::from([("data".to_owned(), data)]);
    FROM_ESEWA.read(&News::Fields(&fields), DateTime::UNIX_EPOCH)
}

fn stripe(signature: &str, body: &[u8]) -> Result<Hint, Odd> {
    FROM_STRIPE.read(&News::Webhook { signature, body }, at(TIME))
}

#[test]
fn fuzz_esewa_word() {
    let said = esewa(ESEWA.as_bytes(), false).unwrap();
    assert!(said.sealed.is_some(), "the sample is true");
    let words = [ESEWA.as_bytes().to_vec(), STANDARD.encode(ESEWA).into_bytes()];
    bolero::check!().with_iterations(INPUTS).with_type::<Change>().for_each(|change: &Change| {
        let word = changed(&words, change);
        for hint in [esewa(&word, false), esewa(&word, true)].into_iter().flatten() {
            let same = hint.reference == said.reference && hint.amount == said.amount;
            assert!(hint.sealed.is_none() || same, "believed: {hint:?}");
        }
    });
}

#[test]
fn fuzz_stripe_event() {
    assert!(stripe(SIGNATURE, STRIPE.as_bytes()).unwrap().sealed.is_some(), "the sample is true");
    let (events, signatures) = ([STRIPE.as_bytes().to_vec()], [SIGNATURE.as_bytes().to_vec()]);
    bolero::check!().with_iterations(INPUTS).with_type::<(Change, Change)>().for_each(
        |(event, signature): &(Change, Change)| {
            let (event, signature) = (changed(&events, event), changed(&signatures, signature));
            let signature = String::from_utf8_lossy(&signature);
            let both = [stripe(&signature, &event), stripe(SIGNATURE, &event)];
            for hint in both.into_iter().flatten() {
                assert!(event == STRIPE.as_bytes(), "believed: {hint:?}");
            }
            let _ = stripe(&signature, STRIPE.as_bytes());
        },
    );
}

#[test]
fn fuzz_khalti_return() {
    let words = ["pidx", "purchase_order_id", "amount", "100050", "HT6o6PEZRWFJ5ygavzHWd5"]
        .map(|word| word.as_bytes().to_vec());
    bolero::check!().with_iterations(INPUTS).with_type::<[Change; 6]>().for_each(
        |changes: &[Change; 6]| {
            let text =
                |change: &Change| String::from_utf8_lossy(&changed(&words, change)).into_owned();
            let mut fields: BTreeMap<String, String> =
                changes.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
            for _ in 0..2 {
                let hint = FROM_KHALTI.read(&News::Fields(&fields), DateTime::UNIX_EPOCH);
                assert!(hint.is_err() || hint.is_ok_and(|hint| hint.sealed.is_none()));
                fields.insert("pidx".to_owned(), text(&changes[0]));
            }
        },
    );
}

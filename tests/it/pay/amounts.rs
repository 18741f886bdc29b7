//! Amounts as nobody should write them, and money that is not ours: refused with the word for it,
//! counted by that word, and nothing moves.

use domain::money::Money;
use serde_json::{Value, json};

use super::owing::Debtor;
use crate::harness::app::{App, HOUR};
use crate::harness::database::Database;
use crate::harness::node::TestNode;

const TOP_UP: &str = "/api/payments/wallet/topup-intent";
const WITHDRAW: &str = "/api/payments/withdrawals/request";
const UNREAD: [&str; 2] = ["validation_error"; 2];
const TOO_LOW: [&str; 2] = ["amount_too_low", "invalid_amount"];
const TOO_HIGH: [&str; 2] = ["amount_too_high", "invalid_amount"];
/// What is written, and how it is refused as a top-up and as a withdrawal.
const AMOUNTS: [(&str, [&str; 2]); 34] = [
    ("0", TOO_LOW),
    ("-0", TOO_LOW),
    ("-1", TOO_LOW),
    ("-0.01", TOO_LOW),
    ("\"-500\"", TOO_LOW),
    ("0.99", TOO_LOW),
    ("9.99", ["amount_too_low", "amount_too_low"]),
    ("50000.01", ["amount_too_high", "daily_limit_exceeded"]),
    ("\"100000.01\"", TOO_HIGH),
    ("\"99999999999.99\"", TOO_HIGH),
    ("10.005", UNREAD),
    ("\"10.001\"", UNREAD),
    ("1e300", UNREAD),
    ("1e-30", UNREAD),
    ("9223372036854775807", UNREAD),
    ("-9223372036854775808", UNREAD),
    ("9223372036854775808", UNREAD),
    ("92233720368547758.07", UNREAD),
    ("18446744073709551616", UNREAD),
    ("79228162514264337593543950335", UNREAD),
    ("\"1e3\"", UNREAD),
    ("\"1,000\"", UNREAD),
    ("\"NaN\"", UNREAD),
    ("\"inf\"", UNREAD),
    ("\"\"", UNREAD),
    ("\" \"", UNREAD),
    ("\"ten\"", UNREAD),
    ("\"0x10\"", UNREAD),
    ("\"१००\"", UNREAD),
    ("null", UNREAD),
    ("true", UNREAD),
    ("[100]", UNREAD),
    ("{}", UNREAD),
    ("\"500 NPR\"", UNREAD),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_amount_is_refused_by_its_word_and_counted_and_nothing_moves() {
    let node = TestNode::start().await;
    let rider = node.rider(500).await;
    let app = node.app(rider);
    let before = written(&node.database).await;

    for (text, words) in AMOUNTS {
        let amount: Value = serde_json::from_str(text).unwrap();
        let top_up = json!({ "amount": amount, "payment_method_id": "sandbox" });
        let withdraw = json!({ "amount": amount, "withdrawal_method": "esewa",
            "phone_number": "9800000000" });
        for ((path, body), word) in [(TOP_UP, &top_up), (WITHDRAW, &withdraw)].iter().zip(words) {
            let counted = refused(&app, word).await;
            assert_eq!(app.post(path, body).await.refusal(), (400, word), "{path} {text}");
            assert!(refused(&app, word).await > counted, "{path} {text}");
        }
    }

    assert_eq!(node.wallet(rider).await, Money::rupees(500));
    assert_eq!(written(&node.database).await, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_another_country_is_refused_and_nothing_moves() {
    let node = TestNode::start().await;
    let debtor = Debtor::with(&node, 500, 0).await;
    let app = node.app(debtor.rider);
    let start = json!({ "station_sn": "CG-9", "package_id": HOUR });
    let dues = debtor.path();
    let wishes = [
        (TOP_UP, json!({ "amount": 100, "payment_method_id": "sandbox" })),
        (
            WITHDRAW,
            json!({ "amount": 200, "withdrawal_method": "esewa",
            "phone_number": "9800000000" }),
        ),
        (&*dues, json!({ "payment_mode": "wallet" })),
        ("/api/rentals/start", start),
    ];
    let before = written(&node.database).await;

    for (path, wish) in &wishes {
        for currency in ["USD", "INR", "", "NPR2"] {
            let mut wish = wish.clone();
            wish["currency"] = currency.into();
            let refused = app.post(path, &wish).await;
            assert_eq!(refused.refusal(), (400, "unsupported_currency"), "{path} {currency}");
        }
        let mut wish = wish.clone();
        wish["currency"] = json!(524);
        assert_eq!(app.post(path, &wish).await.refusal(), (400, "validation_error"), "{path}");
    }
    assert_eq!(written(&node.database).await, before);

    for (currency, (path, wish)) in ["NPR", " npr "].iter().zip(&wishes) {
        let mut wish = wish.clone();
        wish["currency"] = (*currency).into();
        assert_eq!(app.post(path, &wish).await.status, 201, "{path} {currency}");
    }
    node.stop().await;
}

/// Everything that such a request may make.
async fn written(database: &Database) -> String {
    let rows = "select concat_ws(' ', (select count(*) from ledger_transfers),
        (select count(*) from withdrawals), (select count(*) from payment_intents),
        (select count(*) from idempotency_keys), (select count(*) from rentals))";
    database.text(rows).await
}

/// How often a word was counted.
async fn refused(app: &App, word: &str) -> u64 {
    let page = app.stream("/metrics", None).await.text().await.unwrap();
    let name = format!("chargeghar_payment_refused_total{{code=\"{word}\"}}");
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(&name));
    lines.next().map_or(0, |value| value.trim().parse().unwrap())
}

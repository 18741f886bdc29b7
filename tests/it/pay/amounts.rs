//! Amounts as nobody should write them: refused with a word, and nothing moves.

use domain::money::Money;
use serde_json::{Value, json};

use crate::harness::node::TestNode;

const TOP_UP: &str = "/api/payments/wallet/topup-intent";
const WITHDRAW: &str = "/api/payments/withdrawals/request";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_amount_is_refused_and_nothing_moves() {
    let node = TestNode::start().await;
    let rider = node.rider(500).await;
    let app = node.app(rider);
    let before = node.database.number("select count(*) from ledger_transfers").await;

    for text in [
        "0",
        "-0",
        "-1",
        "-0.01",
        "\"-500\"",
        "10.005",
        "\"10.001\"",
        "1e300",
        "1e-30",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "92233720368547758.07",
        "18446744073709551616",
        "79228162514264337593543950335",
        "\"99999999999.99\"",
        "\"1e3\"",
        "\"1,000\"",
        "\"NaN\"",
        "\"inf\"",
        "\"\"",
        "\" \"",
        "\"0x10\"",
        "\"१००\"",
        "null",
        "true",
        "[100]",
        "{}",
    ] {
        let amount: Value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let top_up = json!({ "amount": amount, "payment_method_id": "sandbox" });
        let withdraw = json!({ "amount": amount, "withdrawal_method": "esewa",
            "phone_number": "9800000000" });
        for (path, body) in [(TOP_UP, &top_up), (WITHDRAW, &withdraw)] {
            let refused = app.post(path, body).await;
            assert!((400..=422).contains(&refused.status), "{path} {text}: {refused:?}");
        }
    }

    assert_eq!(node.wallet(rider).await, Money::rupees(500));
    let after = node.database.number("select count(*) from ledger_transfers").await;
    assert_eq!(after, before);
    assert_eq!(node.database.number("select count(*) from withdrawals").await, 0);
    let pending = "select count(*) from payment_intents where status = 'PENDING'";
    assert_eq!(node.database.number(pending).await, 0);
    node.stop().await;
}

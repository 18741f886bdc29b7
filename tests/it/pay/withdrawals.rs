//! Money out of wallets: limits that are counted, each step once, two persons where it is much.

use std::time::Duration;

use chargeghar::actors::withdrawals::{Act, RequestError, StepError, Wish, Withdrawals};
use chargeghar::entropy::Entropy;
use chargeghar::store::withdrawals::Withdrawal;
use chrono::Datelike;
use domain::calendar::local_day;
use domain::ids::RiderId;
use domain::ledger::{Account, WithdrawalFee};
use domain::money::Money;
use domain::withdrawal::{Limits, Method, Payee, Rules, Status, Step};
use serde_json::{Value, json};

use super::giving::{REASON, REFUNDS, transaction};
use crate::harness::node::TestNode;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_goes_from_the_wallet_to_the_bank_and_its_fee_is_earned() {
    let node = TestNode::start().await;
    let rider = node.rider(1_000).await;
    let app = node.app(rider);

    let asked = app.post(REQUEST, &bank(500)).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    let wish = asked.data().clone();
    assert_eq!(
        [&wish["amount"], &wish["processing_fee"], &wish["net_amount"], &wish["status"]],
        ["500.00", "20.00", "480.00", "REQUESTED"]
    );
    assert_eq!(wish["account_details"]["bank_name"], "Nabil");
    assert!(wish["internal_reference"].as_str().unwrap().starts_with("WD"));
    let wallet = node.shown(rider, "users/wallet").await;
    assert_eq!([&wallet["balance"], &wallet["withdrawing"]], ["500.00", "500.00"]);
    assert_eq!(shown_status(&node, rider).await, "PENDING");

    let id = wish["id"].as_str().unwrap();
    let approved = act(&node, id, Step::Approve, "operator:anna").await.unwrap();
    let paid = act(&node, &approved.reference, Step::Complete, "operator:anna").await.unwrap();
    assert_eq!((approved.status, paid.status), (Status::Approved, Status::Completed));

    let seen = node.shown(rider, &format!("payments/withdrawals/{id}")).await;
    assert_eq!([&seen["status"], &seen["gateway_reference"]], ["COMPLETED", "NB-1"]);
    assert_eq!(shown_status(&node, rider).await, "SUCCESS");
    let store = &node.node.context.store;
    let holds = async |account| store.balance(&account).await.unwrap();
    assert_eq!(holds(Account::Payouts).await, Money::rupees(480).into());
    assert_eq!(holds(Account::WithdrawalFees).await, Money::rupees(20).into());
    assert_eq!(holds(Account::Withdrawing(rider)).await, Money::ZERO.into());
    let audited = "select count(*) from audit
        where actor = 'operator:anna' and action in ('withdrawal.approve', 'withdrawal.complete')";
    assert_eq!(node.database.number(audited).await, 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_taken_back_is_in_the_wallet_again_and_never_twice() {
    let node = TestNode::start().await;
    let rider = node.rider(1_000).await;
    let app = node.app(rider);
    let stranger = node.rider(0).await;
    let id = asked(&node, rider, 400).await;
    let path = format!("/api/payments/withdrawals/{id}/cancel");

    let others = node.app(stranger).post(&path, &json!({})).await;
    let others_see = node.app(stranger).get(&format!("/api/payments/withdrawals/{id}")).await;
    let cancelled = app.post(&path, &json!({ "reason": "changed my mind" })).await;
    let again = app.post(&path, &json!({})).await;
    let late = act(&node, &id, Step::Approve, "operator:anna").await;

    assert_eq!(others.refusal(), (404, "withdrawal_not_found"));
    assert_eq!(others_see.refusal(), (404, "withdrawal_not_found"));
    assert_eq!(cancelled.data()["status"], "CANCELLED");
    assert_eq!(again.refusal(), (400, "invalid_withdrawal_status"));
    assert_eq!(late, Err(StepError::Elsewhere(Status::Cancelled)));
    assert_eq!(node.wallet(rider).await, Money::rupees(1_000));

    let id = asked(&node, rider, 400).await;
    act(&node, &id, Step::Approve, "operator:anna").await.unwrap();
    let path = format!("/api/payments/withdrawals/{id}/cancel");
    let approved = app.post(&path, &json!({})).await;
    assert_eq!(approved.refusal(), (400, "invalid_withdrawal_status"));
    act(&node, &id, Step::Reject, "operator:anna").await.unwrap();
    let twice = act(&node, &id, Step::Reject, "operator:bina").await;
    assert_eq!(twice, Err(StepError::Elsewhere(Status::Rejected)));
    assert_eq!(node.wallet(rider).await, Money::rupees(1_000));
    assert_eq!(shown_status(&node, rider).await, "FAILED");
    let listed = node.shown(rider, "payments/withdrawals?page_size=1").await;
    assert_eq!(listed["withdrawals"][0]["status"], "REJECTED");
    assert_eq!(listed["pagination"]["total_count"], 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_can_not_be_met_says_why_in_the_apps_words() {
    let node = TestNode::start().await;
    let app = node.app(node.rider(20_000).await);
    let phone = |amount: i64, method: &str, phone: &str| json!({ "amount": amount, "withdrawal_method": method, "phone_number": phone });
    let wrong = [
        (phone(0, "esewa", "9800000000"), "invalid_amount"),
        (phone(100_001, "esewa", "9800000000"), "invalid_amount"),
        (phone(99, "esewa", "9800000000"), "amount_too_low"),
        (phone(500, "cash", "9800000000"), "invalid_method"),
        (phone(500, "stripe", "9800000000"), "unsupported_method"),
        (phone(500, "khalti", "1234567890"), "invalid_phone"),
        (json!({ "amount": 500, "withdrawal_method": "khalti" }), "missing_field"),
        (json!({ "amount": 500, "withdrawal_method": "bank", "bank_name": "N" }), "missing_field"),
        (phone(10_001, "esewa", "9800000000"), "daily_limit_exceeded"),
    ];
    for (body, code) in wrong {
        assert_eq!(app.post(REQUEST, &body).await.refusal(), (400, code), "{body}");
    }
    let poor = node.app(node.rider(100).await);
    assert_eq!(poor.post(REQUEST, &bank(101)).await.refusal(), (400, "insufficient_balance"));
    node.stop().await;

    let off = TestNode::with_settings(|config| config.withdrawals.enabled = false).await;
    let app = off.app(off.rider(500).await);
    assert_eq!(app.post(REQUEST, &bank(200)).await.refusal(), (400, "withdrawals_disabled"));
    off.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_out_comes_back_neither_by_a_refusal_nor_by_a_refund() {
    let node = TestNode::start().await;
    let rider = node.rider(500).await;
    let id = asked(&node, rider, 400).await;
    act(&node, &id, Step::Approve, "operator:anna").await.unwrap();
    act(&node, &id, Step::Complete, "operator:anna").await.unwrap();

    let over = Err(StepError::Elsewhere(Status::Completed));
    assert_eq!(act(&node, &id, Step::Reject, "operator:anna").await, over);
    let paid_out = transaction(&node, rider, "WITHDRAWAL").await;
    let wish = json!({ "transaction_id": paid_out, "reason": REASON });
    let refund = node.app(rider).post(REFUNDS, &wish).await;

    assert_eq!(refund.refusal(), (400, "invalid_status"));
    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_day_and_a_month_are_counted() {
    let node = TestNode::with_settings(|config| config.withdrawals.month_max_npr = 15_000).await;
    let rider = node.rider(40_000).await;
    let app = node.app(rider);
    let first = asked(&node, rider, 6_000).await;

    let over = app.post(REQUEST, &bank(4_001)).await;
    assert_eq!(over.refusal(), (400, "daily_limit_exceeded"));
    // what is taken back counts no longer
    app.post(&format!("/api/payments/withdrawals/{first}/cancel"), &json!({})).await.data();
    asked(&node, rider, 10_000).await;
    let full = app.post(REQUEST, &bank(100)).await;
    assert_eq!(full.refusal(), (400, "daily_limit_exceeded"));

    // as if it had been asked for on the first of the month
    if local_day(node.clock.now()).day() == 1 {
        node.clock.advance(DAY);
    }
    let first = "update withdrawals set requested_at = date_trunc('month', requested_at
        at time zone 'Asia/Kathmandu') at time zone 'Asia/Kathmandu'";
    node.database.run(first).await;
    let over = app.post(REQUEST, &bank(5_001)).await;
    assert_eq!(over.refusal(), (400, "monthly_limit_exceeded"));
    asked(&node, rider, 5_000).await;
    node.clock.advance(DAY * 40);
    asked(&node, rider, 10_000).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_requests_at_once_pass_neither_the_wallet_nor_the_limit() {
    let node = TestNode::with_settings(|config| config.database.writers = 3).await;
    let (rich, poor) = (node.rider(40_000).await, node.rider(2_500).await);
    let withdrawals = door(&node);

    let wishes = (0..20).flat_map(|_| [wish(rich, 3_000), wish(poor, 1_000)]);
    let asked = wishes.map(|wish| withdrawals.request(wish, None));
    let answers = futures::future::join_all(asked).await;

    let limit = RequestError::DayLimit(Money::rupees(10_000));
    let of = |rider: RiderId| {
        let mine = answers.iter().flatten().filter(|row| row.rider == rider);
        mine.map(|row| row.amount).sum::<Money>()
    };
    assert_eq!((of(rich), of(poor)), (Money::rupees(9_000), Money::rupees(2_000)));
    assert_eq!(answers.iter().filter(|answer| **answer == Err(limit.clone())).count(), 17);
    let short = answers.iter().filter(|answer| **answer == Err(RequestError::Short)).count();
    assert_eq!(short, 18);
    assert_eq!(node.wallet(rich).await, Money::rupees(31_000));
    assert_eq!(node.wallet(poor).await, Money::rupees(500));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_approval_and_a_cancellation_at_once_one_wins() {
    let node = TestNode::with_settings(|config| config.database.writers = 3).await;
    let rider = node.rider(10_000).await;
    for _ in 0..10 {
        let id = asked(&node, rider, 100).await;
        let withdrawals = door(&node);
        let approve = act(&node, &id, Step::Approve, "operator:anna");
        let reject = act(&node, &id, Step::Reject, "operator:bina");
        let (approved, cancelled, rejected) =
            tokio::join!(approve, withdrawals.cancel(rider, &id, None, None), reject);

        let row = node.node.context.store.withdrawal(&id).await.unwrap();
        let won = [approved.is_ok(), cancelled.is_ok(), rejected.is_ok()];
        let ended = won[1..].iter().filter(|won| **won).count();
        assert!(ended <= 1, "{won:?}");
        assert!(!(won[0] && won[1]), "{won:?}");
        let wanted = match won {
            [_, true, _] => Status::Cancelled,
            [_, _, true] => Status::Rejected,
            _ => Status::Approved,
        };
        assert_eq!(row.status, wanted);
        if row.status == Status::Approved {
            act(&node, &id, Step::Reject, "operator:bina").await.unwrap();
        }
    }
    assert_eq!(node.wallet(rider).await, Money::rupees(10_000));
    let completes = (0..2).map(|_| async {
        let id = asked(&node, rider, 100).await;
        act(&node, &id, Step::Approve, "operator:anna").await.unwrap();
        let both = (0..2).map(|_| act(&node, &id, Step::Complete, "operator:anna"));
        let both = futures::future::join_all(both).await;
        both.iter().filter(|done| done.is_ok()).count()
    });
    assert_eq!(futures::future::join_all(completes).await, [1, 1]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn above_an_amount_who_approves_does_not_pay_out() {
    let node = TestNode::start().await;
    let rider = node.rider(6_000).await;
    let id = asked(&node, rider, 5_001).await;

    act(&node, &id, Step::Approve, "operator:anna").await.unwrap();
    let same = act(&node, &id, Step::Complete, "operator:anna").await;
    assert_eq!(same, Err(StepError::SamePerson));
    assert_eq!(node.wallet(rider).await, Money::rupees(999));
    assert!(act(&node, &id, Step::Complete, "operator:bina").await.is_ok());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_one_withdrawal_and_one_cancellation() {
    let node = TestNode::start().await;
    let rider = node.rider(1_000).await;
    let app = node.app(rider);

    let first = app.post_keyed(REQUEST, "w-1", &bank(300)).await;
    let again = app.post_keyed(REQUEST, "w-1", &bank(300)).await;
    let other = app.post_keyed(REQUEST, "w-1", &bank(301)).await;

    assert_eq!((first.status, again.status), (201, 201));
    assert!(again.is_replay() && !first.is_replay());
    assert_eq!(first.data(), again.data());
    assert_eq!(other.refusal(), (422, "idempotency_key_reused"));
    assert_eq!(node.wallet(rider).await, Money::rupees(700));
    let path = format!("/api/payments/withdrawals/{}/cancel", first.data()["id"].as_str().unwrap());
    let first = app.post_keyed(&path, "c-1", &json!({})).await;
    let again = app.post_keyed(&path, "c-1", &json!({})).await;
    assert_eq!((first.data(), again.is_replay()), (again.data(), true));
    assert_eq!(node.wallet(rider).await, Money::rupees(1_000));
    node.stop().await;
}

const REQUEST: &str = "/api/payments/withdrawals/request";

fn bank(rupees: i64) -> Value {
    json!({
        "amount": rupees, "withdrawal_method": "bank", "bank_name": "Nabil",
        "account_number": "0123456789", "account_holder_name": "Sita Rai",
    })
}

fn wish(rider: RiderId, rupees: i64) -> Wish {
    let payee = Payee::Phone { phone_number: "9800000000".to_owned() };
    Wish { rider, amount: Money::rupees(rupees), method: Method::Esewa, payee }
}

/// What operators' commands go through.
fn door(node: &TestNode) -> Withdrawals {
    let (store, clock) = (node.node.context.store.clone(), node.clock.clone());
    let rules = Rules {
        enabled: true,
        least: Money::rupees(100),
        fee: WithdrawalFee { percent: 2.into(), fixed: Money::rupees(10) },
        limits: Limits { per_day: Money::rupees(10_000), per_month: Money::rupees(50_000) },
        two_persons_above: Money::rupees(5_000),
    };
    Withdrawals::new(store, clock, Entropy::system(), rules)
}

/// The id of a withdrawal that a rider asks for.
async fn asked(node: &TestNode, rider: RiderId, rupees: i64) -> String {
    let answer = node.app(rider).post(REQUEST, &bank(rupees)).await;
    answer.data()["id"].as_str().unwrap().to_owned()
}

async fn act(node: &TestNode, id: &str, step: Step, by: &str) -> Result<Withdrawal, StepError> {
    let number = (step == Step::Complete).then(|| "NB-1".to_owned());
    let act = Act { step, by: by.to_owned(), note: None, payout_reference: number };
    door(node).act(id, act, None).await
}

/// The status of the rider's newest withdrawal in the list of transactions.
async fn shown_status(node: &TestNode, rider: RiderId) -> String {
    let rows = node.shown(rider, "payments/transactions?transaction_type=WITHDRAWAL").await;
    rows["transactions"][0]["status"].as_str().unwrap().to_owned()
}

//! Payments of riders who never come back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chargeghar::actors::payments::Outcome;
use domain::ids::RiderId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, IntentStatus};

use super::till::{Script, Till};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_rider_who_pays_and_never_comes_back_is_credited() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.played(rider, Outcome::Paid).await;

    assert_eq!(till.payments.sweep_once().await, 0, "too early");
    till.clock.advance(MINUTE);
    assert_eq!(till.payments.sweep_once().await, 1);

    assert_eq!(till.status(&intent).await, IntentStatus::Completed);
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
    till.clock.advance(7 * 24 * 60 * MINUTE);
    assert_eq!(till.payments.sweep_once().await, 0, "settled, so never again");
}

#[tokio::test]
async fn a_gateway_is_asked_often_at_first_then_hourly_then_daily_and_at_last_no_more() {
    let till = Till::new().await;
    let intent = till.intent(till.rider().await, Gateway::Khalti).await;
    let mut minutes: Vec<i64> = Vec::new();
    while let Some(minute) = next_question(&till).await {
        let before = minutes.last().copied().unwrap_or(0);
        till.clock.advance(MINUTE * u32::try_from(minute - before).unwrap());
        let asked = till.khalti.asked.load(Ordering::SeqCst);
        assert_eq!(till.payments.sweep_once().await, 1);
        assert_eq!(till.khalti.asked.load(Ordering::SeqCst), asked + 1);
        minutes.push(minute);
    }

    assert_eq!(minutes[..7], [1, 3, 5, 10, 20, 40, 65]);
    assert!((125..=127).contains(&minutes[7]), "hourly");
    assert!((30..50).contains(&minutes.len()), "{minutes:?}");
    assert!(minutes.last().unwrap() / (24 * 60) >= 6);
    // it had ended by itself an hour after its time, and was watched all the same
    assert_eq!(till.status(&intent).await, IntentStatus::Expired);
    let checks = till.store.intent(intent.id).await.unwrap().intent.checks;
    assert_eq!(usize::try_from(checks).unwrap(), minutes.len());
}

#[tokio::test]
async fn money_that_comes_after_the_end_is_credited() {
    let till = Till::new().await;
    let riders = [till.rider().await, till.rider().await];
    let expired = till.intent(riders[0], Gateway::Khalti).await;
    till.clock.advance(91 * MINUTE);
    till.payments.sweep_once().await;
    assert_eq!(till.status(&expired).await, IntentStatus::Expired);
    let cancelled = till.intent(riders[1], Gateway::Khalti).await;
    till.payments.cancel(cancelled.id, riders[1], None).await.unwrap();

    till.khalti.then_paid(&cancelled, "T2");
    till.clock.advance(2 * MINUTE);
    till.payments.sweep_once().await;
    till.khalti.then_paid(&expired, "T1");
    till.clock.advance(60 * MINUTE);
    till.payments.sweep_once().await;

    let wallets = [till.wallet(riders[0]).await, till.wallet(riders[1]).await];
    assert_eq!(wallets, [Money::rupees(500); 2]);
}

#[tokio::test]
async fn a_last_word_of_the_gateway_ends_the_questions() {
    let till = Till::new().await;
    let intent = till.intent(till.rider().await, Gateway::Khalti).await;
    till.khalti.then(Script::Says(Answer::Declined));
    till.clock.advance(MINUTE);

    till.payments.sweep_once().await;
    till.clock.advance(60 * MINUTE);

    assert_eq!(till.payments.sweep_once().await, 0);
    assert_eq!(till.status(&intent).await, IntentStatus::Failed);
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_asked_again_by_the_schedule() {
    let till = Till::new().await;
    let rider: RiderId = till.rider().await;
    let intent = till.intent(rider, Gateway::Khalti).await;
    till.khalti.then(Script::Hangs);
    till.clock.advance(MINUTE);
    till.payments.sweep_once().await;

    assert_eq!(till.payments.sweep_once().await, 0, "not at once");
    till.khalti.then_paid(&intent, "T1");
    till.clock.advance(2 * MINUTE);
    till.payments.sweep_once().await;

    assert_eq!(till.wallet(rider).await, Money::rupees(500));
}

/// Started minutes after the beginning, if there is to be one.
async fn next_question(till: &Till) -> Option<i64> {
    let sql = "select ceil(extract(epoch from next_check_at - created_at) / 60)::int
        from payment_intents";
    till.database.text(sql).await.parse().ok()
}

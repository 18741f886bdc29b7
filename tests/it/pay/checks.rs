//! One question, one answer, one credit.

use std::sync::atomic::Ordering;

use chargeghar::actors::payments::{
    CancelError, Outcome, PlayError, StartError, TopUp, VerifyError,
};
use chargeghar::clients::payments::Error;
use chargeghar::store::fact::KeyWrite;
use domain::ids::IntentId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, IntentStatus};
use uuid::Uuid;

use super::till::{Script, Till};

#[tokio::test(flavor = "multi_thread")]
async fn ten_verifications_at_once_credit_once() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.played(rider, Outcome::Paid).await;

    let asked = (0..10).map(|_| till.payments.verify(intent.id, Some(rider)));
    let answers = futures::future::join_all(asked).await;

    for answer in answers {
        assert_eq!(answer.unwrap().status, IntentStatus::Completed);
    }
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
    assert_eq!(till.count("ledger_transfers").await, 1);
    assert_eq!(till.count("outbox").await, 1);
    let again = till.payments.verify(intent.id, Some(rider)).await.unwrap();
    assert_eq!(again.status, IntentStatus::Completed);
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
}

#[tokio::test]
async fn a_settlement_writes_its_payment_once_and_counts_its_question_there() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.played(rider, Outcome::Paid).await;

    till.payments.verify(intent.id, Some(rider)).await.unwrap();

    let once = "select i.xmin::text = (t.xid::text::bigint % 4294967296)::text
        from payment_intents i join ledger_transfers t on t.intent_id = i.id";
    assert_eq!(till.database.text(once).await, "true");
    assert_eq!(till.store.intent(intent.id).await.unwrap().intent.checks, 1);
}

#[tokio::test]
async fn a_verification_without_a_payment_credits_nothing() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let unpaid = till.intent(rider, Gateway::Sandbox).await;
    let declined = till.played(rider, Outcome::Declined).await;
    let expired = till.played(rider, Outcome::Expired).await;
    let verify = |intent| till.payments.verify(intent, Some(rider));

    assert_eq!(verify(unpaid.id).await, Err(VerifyError::Open));
    assert_eq!(verify(declined.id).await, Err(VerifyError::Ended(IntentStatus::Failed)));
    assert_eq!(verify(expired.id).await, Err(VerifyError::Ended(IntentStatus::Expired)));
    assert_eq!(verify(IntentId(Uuid::nil())).await, Err(VerifyError::NotFound));

    assert_eq!(till.status(&unpaid).await, IntentStatus::Pending);
    assert_eq!(till.status(&declined).await, IntentStatus::Failed);
    assert_eq!(till.wallet(rider).await, Money::ZERO);
    assert_eq!(till.count("ledger_transfers").await, 0);
}

#[tokio::test]
async fn a_wrong_amount_is_refused_and_leaves_one_incident() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.played(rider, Outcome::WrongAmount).await;

    for _ in 0..2 {
        let refused = till.payments.verify(intent.id, Some(rider)).await;
        assert_eq!(refused, Err(VerifyError::Mismatch));
    }

    assert_eq!(till.status(&intent).await, IntentStatus::Failed);
    assert_eq!(till.wallet(rider).await, Money::ZERO);
    assert_eq!(till.count("incidents where kind = 'payment_mismatch'").await, 1);
    let evidence = till.database.text("select evidence #>> '{said,amount}' from incidents").await;
    assert_eq!(evidence, "501.00");
}

#[tokio::test]
async fn a_payment_that_settled_one_intent_settles_no_other() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let (first, second) =
        (till.intent(rider, Gateway::Khalti).await, till.intent(rider, Gateway::Khalti).await);
    till.khalti.then_paid(&first, "T1");
    till.payments.verify(first.id, None).await.unwrap();

    till.khalti.then_paid(&second, "T1");
    let same_number = till.payments.verify(second.id, None).await;
    till.khalti.then_paid(&first, "T2");
    let same_order = till.payments.verify(second.id, None).await;

    assert_eq!(same_number, Err(VerifyError::Mismatch));
    assert_eq!(same_order, Err(VerifyError::Mismatch));
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
    assert_eq!(till.count("incidents").await, 1);
}

#[tokio::test]
async fn the_payment_of_another_rider_is_not_found_and_anybody_may_start_a_question() {
    let till = Till::new().await;
    let (rider, other) = (till.rider().await, till.rider().await);
    let intent = till.played(rider, Outcome::Paid).await;

    let others = till.payments.verify(intent.id, Some(other)).await;
    let cancelled = till.payments.cancel(intent.id, other, None).await;
    let nobodys = till.payments.verify(intent.id, None).await;

    assert_eq!(others, Err(VerifyError::NotFound));
    assert_eq!(cancelled, Err(CancelError::NotFound));
    assert_eq!(nobodys.unwrap().rider, rider);
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
    assert_eq!(till.wallet(other).await, Money::ZERO);
}

#[tokio::test]
async fn silence_of_the_gateway_is_no_failure() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.intent(rider, Gateway::Khalti).await;
    let errors = [Script::Hangs, Script::Fails(Error::Down("refused".to_owned()))];
    for error in errors {
        till.khalti.then(error);
    }
    till.khalti.then(Script::Fails(Error::Declined("no such pidx".to_owned())));

    for _ in 0..3 {
        let unknown = till.payments.verify(intent.id, Some(rider)).await;
        assert_eq!(unknown, Err(VerifyError::GatewayUnavailable));
        assert_eq!(till.status(&intent).await, IntentStatus::Pending);
    }
    till.khalti.then_paid(&intent, "T1");

    assert!(till.payments.verify(intent.id, Some(rider)).await.is_ok());
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_the_same_payment_share_its_questions() {
    let till = Till::new().await;
    let intent = till.intent(till.rider().await, Gateway::Khalti).await;
    till.khalti.then(Script::Hangs);

    let asked = (0..10).map(|_| till.payments.verify(intent.id, None));
    futures::future::join_all(asked).await;

    // the second question began when the first had timed out, and all were there by then
    assert!(till.khalti.asked.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn what_is_cancelled_stays_cancelled_unless_it_is_paid() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let intent = till.intent(rider, Gateway::Khalti).await;

    let cancelled = till.payments.cancel(intent.id, rider, None).await.unwrap();
    let again = till.payments.cancel(intent.id, rider, None).await.unwrap();
    assert_eq!((cancelled.status, again.status), (IntentStatus::Cancelled, again.status));
    till.khalti.then(Script::Says(Answer::Pending));
    let unpaid = till.payments.verify(intent.id, Some(rider)).await;
    assert_eq!(unpaid, Err(VerifyError::Ended(IntentStatus::Cancelled)));

    till.khalti.then_paid(&intent, "T1");
    assert!(till.payments.verify(intent.id, Some(rider)).await.is_ok());
    let over = till.payments.cancel(intent.id, rider, None).await;
    assert_eq!(over, Err(CancelError::Over(IntentStatus::Completed)));
    assert_eq!(till.wallet(rider).await, Money::rupees(500));
}

#[tokio::test]
async fn a_top_up_has_bounds_and_a_gateway() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let start = async |rupees, gateway| {
        let wish = TopUp { rider, amount: Money::rupees(rupees), gateway };
        till.payments.start_top_up(wish, None).await.map(|stored| stored.intent.amount)
    };

    let (least, most) = (Money::rupees(10), Money::rupees(50_000));
    assert_eq!(start(9, Gateway::Sandbox).await, Err(StartError::TooLow(least)));
    assert_eq!(start(10, Gateway::Sandbox).await, Ok(least));
    assert_eq!(start(50_000, Gateway::Khalti).await, Ok(most));
    assert_eq!(start(50_001, Gateway::Khalti).await, Err(StartError::TooHigh(most)));
    assert_eq!(start(500, Gateway::Esewa).await, Err(StartError::NotOffered));
}

#[tokio::test]
async fn a_key_makes_one_intent() {
    let till = Till::new().await;
    let rider = till.rider().await;
    let wish = TopUp { rider, amount: Money::rupees(100), gateway: Gateway::Sandbox };
    let start = || {
        let key = move |made: &chargeghar::store::payments::StoredIntent| KeyWrite {
            actor: format!("rider:{rider}"),
            key: "k".to_owned(),
            route: "top_up",
            body_hash: [0; 32],
            status: 201,
            resource: None,
            response: Some(serde_json::json!({ "intent_id": made.intent.id })),
        };
        till.payments.start_top_up(wish, Some(Box::new(key)))
    };

    let (first, second) = tokio::join!(start(), start());

    let made = first.clone().or(second.clone()).unwrap();
    assert!([first, second].contains(&Err(StartError::KeyUsed)));
    assert_eq!(till.count("payment_intents").await, 1);
    let stored = till.store.key(&format!("rider:{rider}"), "k").await.unwrap().unwrap();
    assert_eq!(stored.response.unwrap()["intent_id"], made.intent.id.to_string());
}

#[tokio::test]
async fn the_sandbox_plays_its_own_payments_only() {
    let till = Till::new().await;
    let intent = till.intent(till.rider().await, Gateway::Khalti).await;

    let others = till.payments.play(intent.id, Outcome::Paid).await;
    let unknown = till.payments.play(IntentId(Uuid::nil()), Outcome::Paid).await;

    assert_eq!(others, Err(PlayError::NotFound));
    assert_eq!(unknown, Err(PlayError::NotFound));
}

//! The same stories at Khalti, eSewa and Stripe: who paid is credited once, who did not is not.

use std::collections::BTreeMap;
use std::time::Duration;

use chargeghar::actors::payments::{Odd, VerifyError};
use domain::ledger::{Account, Gateway};
use domain::money::Money;
use domain::payment::IntentStatus;

use super::desk::{Desk, each};
use crate::fakes::books::{Call, Outcome};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_verifications_at_once_credit_once() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::Paid).await;

        let asked = (0..50).map(|_| desk.verify(&intent));
        let answers = futures::future::join_all(asked).await;

        assert!(answers.iter().all(|answer| *answer == Ok(IntentStatus::Completed)));
        assert_eq!(desk.wallet().await, Money::rupees(500));
        assert_eq!(desk.till.count("ledger_transfers").await, 1);
        assert!(desk.company.calls(Call::Check) <= 2, "they share their questions");
        let clearing = Account::Clearing(desk.company.gateway);
        assert_eq!(desk.till.store.balance(&clearing).await.unwrap(), Money::rupees(500).into());
        desk.till.database.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_is_pending_is_credited_when_it_is_paid() {
    each(async |desk| {
        let intent = desk.begun(250).await;
        assert_eq!(desk.verify(&intent).await, Err(VerifyError::Open));
        assert_eq!(desk.wallet().await, Money::ZERO);

        desk.company.play(&intent.gateway_ref, Outcome::Paid);

        assert_eq!(desk.verify(&intent).await, Ok(IntentStatus::Completed));
        assert_eq!(desk.wallet().await, Money::rupees(250));
    })
    .await;
}

/// A bank asks its customer once more, or takes its time: neither is a payment, nor its end.
#[tokio::test]
async fn a_card_that_waits_for_its_bank_is_credited_only_when_stripe_has_the_money() {
    for (end, wallet) in [(Outcome::Paid, 250), (Outcome::Cancelled, 0)] {
        let desk = Desk::at(Gateway::Stripe).await;
        let intent = desk.begun(250).await;
        for word in ["requires_confirmation", "requires_action", "processing", "requires_capture"] {
            desk.company.open_payments_stand(word);
            assert_eq!(desk.verify(&intent).await, Err(VerifyError::Open), "{word}");
            assert_eq!(desk.till.status(&intent).await, IntentStatus::Pending, "{word}");
            assert_eq!(desk.wallet().await, Money::ZERO);
        }

        desk.company.play(&intent.gateway_ref, end);

        assert_eq!(desk.verify(&intent).await.is_ok(), wallet > 0);
        assert_eq!(desk.wallet().await, Money::rupees(wallet));
        desk.till.database.audit().await;
    }
}

#[tokio::test]
async fn who_gives_up_at_the_gateway_has_paid_nothing() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::Cancelled).await;

        let cancelled = Err(VerifyError::Ended(IntentStatus::Cancelled));
        assert_eq!(desk.verify(&intent).await, cancelled);
        assert_eq!(desk.till.status(&intent).await, IntentStatus::Cancelled);
        assert_eq!(desk.wallet().await, Money::ZERO);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_expires_there_ends_here() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::Expired).await;
        // eSewa says the same of a form that was never opened, so its end is our own
        desk.till.clock.advance(91 * MINUTE);

        desk.till.payments.sweep_once().await;

        let ended = match desk.company.gateway {
            Gateway::Stripe => IntentStatus::Cancelled,
            Gateway::Khalti | Gateway::Esewa | Gateway::Sandbox => IntentStatus::Expired,
        };
        assert_eq!(desk.till.status(&intent).await, ended);
        assert_eq!(desk.wallet().await, Money::ZERO);
    })
    .await;
}

#[tokio::test]
async fn money_that_comes_after_the_expiry_is_credited() {
    each(async |desk| {
        let intent = desk.begun(500).await;
        desk.till.clock.advance(91 * MINUTE);
        desk.till.payments.sweep_once().await;
        assert_eq!(desk.till.status(&intent).await, IntentStatus::Expired);

        desk.company.play(&intent.gateway_ref, Outcome::Paid);
        desk.till.clock.advance(60 * MINUTE);
        desk.till.payments.sweep_once().await;

        assert_eq!(desk.till.status(&intent).await, IntentStatus::Completed);
        assert_eq!(desk.wallet().await, Money::rupees(500));
    })
    .await;
}

#[tokio::test]
async fn another_amount_is_never_credited_and_a_person_is_told() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::PaidOther(1_000)).await;

        for _ in 0..2 {
            assert_eq!(desk.verify(&intent).await, Err(VerifyError::Mismatch));
        }

        assert_eq!(desk.wallet().await, Money::ZERO);
        assert_eq!(desk.incidents("payment_mismatch").await, 1);
        let said = "select evidence #>> '{said,amount}' from incidents";
        assert_eq!(desk.till.database.text(said).await, "10.00");
    })
    .await;
}

#[tokio::test]
async fn as_much_of_another_currency_is_never_credited_and_a_person_is_told() {
    let desk = Desk::at(Gateway::Stripe).await;
    let intent = desk.played(500, Outcome::Paid).await;
    desk.company.answers_in("inr");

    for _ in 0..2 {
        assert_eq!(desk.verify(&intent).await, Err(VerifyError::Mismatch));
    }

    assert_eq!(desk.wallet().await, Money::ZERO);
    assert_eq!(desk.till.status(&intent).await, IntentStatus::Failed);
    assert_eq!(desk.incidents("payment_mismatch").await, 1);
    let said = "select evidence #>> '{said,currency}' from incidents";
    assert_eq!(desk.till.database.text(said).await.to_lowercase(), "inr");
    let kept = "gateway_events where source = 'check' and body like '%\"inr\"%'";
    assert_eq!(desk.till.count(kept).await, 2, "its word is kept");
}

#[tokio::test]
async fn the_number_of_one_payment_settles_no_bigger_one() {
    each(async |desk| {
        let small = desk.played(100, Outcome::Paid).await;
        desk.verify(&small).await.unwrap();
        let number = desk.till.store.intent(small.id).await.unwrap().intent.gateway_txn_id.unwrap();

        let big = desk.played(5_000, Outcome::PaidAs(number)).await;

        assert_eq!(desk.verify(&big).await, Err(VerifyError::Mismatch));
        assert_eq!(desk.wallet().await, Money::rupees(100));
        assert_eq!(desk.incidents("payment_mismatch").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_small_payment_brought_for_a_bigger_one_is_refused_and_told() {
    each(async |desk| {
        let small = desk.played(100, Outcome::Paid).await;
        let big = desk.begun(5_000).await;
        let reference = BTreeMap::from([(field(&desk), small.gateway_ref.clone())]);
        let bring = || desk.till.payments.verify_with(big.id, Some(desk.rider), &reference);

        assert_eq!(bring().await, Err(VerifyError::News(Odd::Mismatch)));
        assert_eq!(desk.incidents("payment_replay").await, 0, "nothing was credited yet");
        desk.verify(&small).await.unwrap();
        for _ in 0..2 {
            assert_eq!(bring().await, Err(VerifyError::News(Odd::Mismatch)));
        }

        assert_eq!(desk.wallet().await, Money::rupees(100));
        assert_eq!(desk.till.status(&big).await, IntentStatus::Pending, "nothing was changed");
        assert_eq!(desk.incidents("payment_replay").await, 1);
        assert_eq!(desk.company.calls(Call::Check), 1, "nobody was asked about the bigger one");
    })
    .await;
}

#[tokio::test]
async fn what_the_gateway_does_not_know_is_held_told_once_and_asked_again() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::Unclear).await;

        for _ in 0..2 {
            assert_eq!(desk.verify(&intent).await, Err(VerifyError::Open));
        }
        assert_eq!(desk.incidents("payment_unclear").await, 1);
        desk.till.clock.advance(91 * MINUTE);
        desk.till.payments.sweep_once().await;
        assert_eq!(desk.till.status(&intent).await, IntentStatus::Pending, "never ended by time");

        desk.company.play(&intent.gateway_ref, Outcome::Paid);
        desk.till.clock.advance(60 * MINUTE);
        desk.till.payments.sweep_once().await;
        assert_eq!(desk.wallet().await, Money::rupees(500));
    })
    .await;
}

#[tokio::test]
async fn money_that_somebody_gave_back_at_the_gateway_is_credited_to_nobody() {
    for gateway in [Gateway::Khalti, Gateway::Stripe] {
        for paisa in [50_000, 100] {
            let desk = Desk::at(gateway).await;
            let intent = desk.played(500, Outcome::Paid).await;
            desk.company.pay_back(&intent.gateway_ref, paisa);

            assert_eq!(desk.verify(&intent).await, Err(VerifyError::Mismatch), "{gateway:?}");

            assert_eq!(desk.wallet().await, Money::ZERO);
            assert_eq!(desk.incidents("payment_mismatch").await, 1);
        }
    }
}

#[tokio::test]
async fn money_that_went_back_there_is_credited_to_nobody() {
    for gateway in [Gateway::Khalti, Gateway::Esewa] {
        let desk = Desk::at(gateway).await;
        let intent = desk.played(500, Outcome::Refunded).await;

        assert_eq!(desk.verify(&intent).await, Err(VerifyError::Mismatch));
        assert_eq!(desk.wallet().await, Money::ZERO);
        assert_eq!(desk.incidents("payment_mismatch").await, 1);
    }
}

#[tokio::test]
async fn each_answer_is_kept_without_what_nobody_may_keep() {
    each(async |desk| {
        let intent = desk.begun(500).await;
        desk.verify(&intent).await.unwrap_err();
        desk.company.play(&intent.gateway_ref, Outcome::Paid);
        desk.verify(&intent).await.unwrap();

        let events = desk.till.store.gateway_events(intent.id).await.unwrap();
        let checks: Vec<_> = events.iter().filter(|event| event.source == "check").collect();
        assert_eq!(checks.len(), 2);
        let starts = usize::from(desk.company.gateway != Gateway::Esewa);
        assert_eq!(events.len() - checks.len(), starts, "eSewa is told by the browser");
        for event in &events {
            assert_eq!((event.status, event.hash.len()), (Some(200), 32));
            for private in ["9800000001", "_secret_x"] {
                assert!(!event.body.contains(private), "{}", event.body);
            }
        }
        assert_ne!(checks[0].hash, checks[1].hash);
        let mut session = desk.till.database.connect().await;
        let changed = sqlx::query("update gateway_events set body = ''").execute(&mut session);
        assert!(changed.await.is_err(), "only added to");
        let (now, week) = (desk.till.clock.now(), chrono::TimeDelta::days(7));
        assert_eq!(desk.till.store.purge_gateway_events(now - week).await, Ok(0));
        desk.till.clock.advance(MINUTE);
        let all = u64::try_from(events.len()).unwrap();
        assert_eq!(desk.till.store.purge_gateway_events(desk.till.clock.now()).await, Ok(all));
        desk.till.database.is_crooked(); // so early, the auditor misses them
    })
    .await;
}

/// In which field an app brings the company's reference.
fn field(desk: &Desk) -> String {
    let name = match desk.company.gateway {
        Gateway::Khalti => "pidx",
        Gateway::Esewa => "transaction_uuid",
        Gateway::Stripe => "payment_intent",
        Gateway::Sandbox => "gateway_reference",
    };
    name.to_owned()
}

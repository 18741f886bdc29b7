//! Only the gateway's own word about exactly this payment brings money in.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Answer, Intent, IntentStatus, Mismatch, Verdict, judge, next_check};
use crate::ids::{IntentId, RiderId};
use crate::ledger::Gateway;
use crate::money::Money;

#[test]
fn a_payment_of_this_amount_under_this_reference_settles() {
    let verdict = judge(&intent(), &paid("ours", 500), noon());

    assert_eq!(verdict, Verdict::Settle { txn_id: "T1".to_owned() });
}

#[test]
fn another_amount_currency_or_reference_settles_nothing() {
    assert_eq!(judge(&intent(), &paid("ours", 10), noon()), Verdict::Mismatch(Mismatch::Amount));
    assert_eq!(
        judge(&intent(), &paid("theirs", 500), noon()),
        Verdict::Mismatch(Mismatch::Reference)
    );
    let Answer::Paid { reference, amount, txn_id, .. } = paid("ours", 500) else { unreachable!() };
    let pounds = Answer::Paid { reference, amount, currency: "GBP".to_owned(), txn_id };
    assert_eq!(judge(&intent(), &pounds, noon()), Verdict::Mismatch(Mismatch::Currency));
}

#[test]
fn money_that_comes_late_still_counts() {
    for status in [IntentStatus::Failed, IntentStatus::Cancelled, IntentStatus::Expired] {
        let intent = Intent { status, ..intent() };

        let verdict = judge(&intent, &paid("ours", 500), noon() + TimeDelta::days(3));

        assert_eq!(verdict, Verdict::Settle { txn_id: "T1".to_owned() }, "{status:?}");
    }
}

#[test]
fn what_is_settled_stays_settled() {
    let intent = Intent { status: IntentStatus::Completed, ..intent() };

    for answer in [paid("ours", 500), Answer::Declined, Answer::Pending, Answer::Expired] {
        assert_eq!(judge(&intent, &answer, noon()), Verdict::Nothing);
    }
}

#[test]
fn a_refusal_ends_an_intent_once_and_waiting_ends_it_an_hour_after_its_own_end() {
    let ended = Intent { status: IntentStatus::Cancelled, ..intent() };

    assert_eq!(judge(&intent(), &Answer::Declined, noon()), Verdict::End(IntentStatus::Failed));
    assert_eq!(judge(&intent(), &Answer::Expired, noon()), Verdict::End(IntentStatus::Expired));
    assert_eq!(judge(&ended, &Answer::Declined, noon()), Verdict::Wait);
    assert_eq!(judge(&intent(), &Answer::Pending, noon()), Verdict::Wait);
    let late = intent().expires_at + TimeDelta::hours(1);
    assert_eq!(judge(&intent(), &Answer::Pending, late), Verdict::End(IntentStatus::Expired));
}

#[test]
fn money_that_went_back_is_credited_to_nobody_and_told() {
    for partly in [true, false] {
        let verdict = judge(&intent(), &Answer::Refunded { partly }, noon());

        assert_eq!(verdict, Verdict::Mismatch(Mismatch::Refunded));
    }
}

#[test]
fn what_the_gateway_does_not_know_is_held_and_never_ended_by_time() {
    let unclear = Answer::Unclear { word: "AMBIGUOUS".to_owned() };
    let held = Verdict::Hold { word: "AMBIGUOUS".to_owned() };
    let late = intent().expires_at + TimeDelta::days(2);

    assert_eq!(judge(&intent(), &unclear, noon()), held);
    assert_eq!(judge(&intent(), &unclear, late), held);
    assert!(!unclear.is_final());
    let over = Intent { status: IntentStatus::Expired, ..intent() };
    assert_eq!(judge(&over, &unclear, late), Verdict::Wait);
}

#[test]
fn who_gives_up_at_the_gateway_has_cancelled() {
    let verdict = judge(&intent(), &Answer::Cancelled, noon());

    assert_eq!(verdict, Verdict::End(IntentStatus::Cancelled));
}

#[test]
fn checks_come_often_at_first_and_end_after_a_week() {
    let created = noon();
    let mut now = created;
    let mut times = Vec::new();
    while let Some(at) = next_check(created, now) {
        assert!(at > now);
        times.push((at - created).num_minutes());
        now = at;
    }

    assert_eq!(times[..8], [1, 3, 5, 10, 20, 40, 65, 125]);
    assert!(times.len() < 50, "{}", times.len());
    assert!((7 * 1440..9 * 1440).contains(times.last().unwrap()));
}

fn intent() -> Intent {
    Intent {
        id: IntentId(Uuid::nil()),
        rider: RiderId(7),
        gateway: Gateway::Sandbox,
        amount: Money::rupees(500),
        status: IntentStatus::Pending,
        gateway_ref: "ours".to_owned(),
        gateway_txn_id: None,
        created_at: noon(),
        expires_at: noon() + TimeDelta::minutes(30),
        checks: 0,
    }
}

fn paid(reference: &str, rupees: i64) -> Answer {
    Answer::Paid {
        reference: reference.to_owned(),
        amount: Money::rupees(rupees),
        currency: "NPR".to_owned(),
        txn_id: "T1".to_owned(),
    }
}

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

//! The sandbox answers what it was told to, and money that came stays.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, IntentStatus};
use uuid::Uuid;

use super::{OUTCOMES_MAX, Outcome, Sandbox};
use crate::clients::payments::{Gateways, Order, PaymentGateway};
use crate::clients::web::Web;
use crate::config::{Config, Environment};

#[tokio::test]
async fn an_order_is_pending_until_somebody_says_how_it_ends() {
    let (sandbox, intent) = (Sandbox::new("http://here"), intent(1));

    assert_eq!(sandbox.check(&intent).await.said, Ok(Answer::Pending));
    sandbox.play(intent.id, Outcome::Declined);
    assert_eq!(sandbox.check(&intent).await.said, Ok(Answer::Declined));
    sandbox.play(intent.id, Outcome::Expired);
    assert_eq!(sandbox.check(&intent).await.said, Ok(Answer::Expired));
    sandbox.play(intent.id, Outcome::WrongAmount);
    assert_eq!(amount(&sandbox, &intent).await, Some(Money::rupees(501)));
    sandbox.play(intent.id, Outcome::Paid);
    assert_eq!(amount(&sandbox, &intent).await, Some(Money::rupees(500)));
}

#[tokio::test]
async fn what_is_paid_stays_paid() {
    let (sandbox, intent) = (Sandbox::new("http://here"), intent(1));
    sandbox.play(intent.id, Outcome::Paid);

    assert_eq!(sandbox.play(intent.id, Outcome::Declined), Outcome::Paid);
    assert_eq!(amount(&sandbox, &intent).await, Some(Money::rupees(500)));
}

#[tokio::test]
async fn the_rider_is_sent_to_the_page_of_this_payment() {
    let intent = intent(1);
    let order = Order {
        intent: intent.id,
        rider: intent.rider,
        amount: intent.amount,
        expires_at: intent.expires_at,
    };

    let started = Sandbox::new("http://here").start(&order).await.said.unwrap();

    assert_eq!(started.redirect.url, format!("http://here/sandbox/pay/{}", intent.id));
    assert!(started.reference.ends_with(&intent.id.to_string()));
}

#[test]
fn only_the_newest_outcomes_are_kept() {
    let sandbox = Sandbox::new("");
    for number in 0..=OUTCOMES_MAX {
        sandbox.play(intent(number as u128).id, Outcome::Paid);
    }

    assert_eq!(sandbox.outcomes.lock().len(), OUTCOMES_MAX);
    assert!(!sandbox.outcomes.lock().contains_key(&intent(0).id));
}

#[test]
fn production_does_not_offer_the_sandbox_whatever_is_configured() {
    let config = Config { environment: Environment::Production, ..Config::default() };

    let web = Web::new().unwrap();
    assert!(config.payments.sandbox);
    assert!(Gateways::new(&config, &web, "").offers().is_empty());
    assert!(Gateways::new(&config, &web, "").sandbox().is_none());
    assert!(Gateways::new(&Config::default(), &web, "").sandbox().is_some());
}

async fn amount(sandbox: &Sandbox, intent: &Intent) -> Option<Money> {
    match sandbox.check(intent).await.said.unwrap() {
        Answer::Paid { amount, .. } => Some(amount),
        Answer::Pending
        | Answer::Declined
        | Answer::Cancelled
        | Answer::Expired
        | Answer::Refunded { .. }
        | Answer::Unclear { .. } => None,
    }
}

fn intent(number: u128) -> Intent {
    let created_at: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
    Intent {
        id: IntentId(Uuid::from_u128(number)),
        rider: RiderId(7),
        gateway: Gateway::Sandbox,
        amount: Money::rupees(500),
        status: IntentStatus::Pending,
        gateway_ref: "ours".to_owned(),
        gateway_txn_id: None,
        created_at,
        expires_at: created_at + TimeDelta::minutes(30),
        checks: 0,
    }
}

//! Calls of a gateway's server: signed, kept once, and then the gateway is asked.

use std::time::Duration;

use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Intent, IntentStatus};

use super::counter::Counter;
use crate::fakes::books::{Call, Fault, Outcome};
use crate::fakes::{dispute, event};
use crate::harness::node::SOON;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_starts_the_question_that_credits_the_payment() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let (signature, body) = news(&counter, "evt_1", &intent);

    assert_eq!(counter.webhook(&signature, &body).await, 200);
    settled(&counter, &intent).await;

    // again, and once more under another number
    assert_eq!(counter.webhook(&signature, &body).await, 200);
    let (signature, body) = news(&counter, "evt_2", &intent);
    assert_eq!(counter.webhook(&signature, &body).await, 200);
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    assert_eq!(counter.count("gateway_events where source = 'webhook'").await, 2);
    assert!(counter.news(Gateway::Stripe, "replayed").await >= 1);
    counter.node.audit().await;
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_meets_a_gateway_which_is_away_is_not_lost() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    counter.company(Gateway::Stripe).fault(Call::Check, Fault::Says(500, ""));
    let (signature, body) = news(&counter, "evt_1", &intent);

    assert_eq!(counter.webhook(&signature, &body).await, 200);
    counter
        .node
        .until("the question that fails", || {
            (counter.company(Gateway::Stripe).calls(Call::Check) == 1).then_some(())
        })
        .await;
    counter
        .node
        .until_async("the next question", async || {
            counter.node.clock.advance(Duration::from_mins(1));
            (counter.status(&intent).await == IntentStatus::Completed).then_some(())
        })
        .await;

    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_says_paid_is_not_believed() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.begun(rider, Gateway::Stripe, 500).await;
    let (signature, body) = news(&counter, "evt_1", &intent);

    assert_eq!(counter.webhook(&signature, &body).await, 200);
    counter
        .node
        .until("the question", || {
            (counter.company(Gateway::Stripe).calls(Call::Check) == 1).then_some(())
        })
        .await;
    assert_eq!(counter.status(&intent).await, IntentStatus::Pending);

    counter.company(Gateway::Stripe).play(&intent.gateway_ref, Outcome::Paid);
    let (signature, body) = news(&counter, "evt_2", &intent);
    assert_eq!(counter.webhook(&signature, &body).await, 200);
    settled(&counter, &intent).await;
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credited_payment_that_is_disputed_is_told_to_a_person_once_and_stays_credited() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let (signature, body) = news(&counter, "evt_1", &intent);
    assert_eq!(counter.webhook(&signature, &body).await, 200);
    settled(&counter, &intent).await;

    for id in ["evt_2", "evt_2", "evt_3"] {
        let now = counter.node.clock.now().timestamp();
        let (signature, body) = dispute(id, &intent.gateway_ref, now);
        assert_eq!(counter.webhook(&signature, &body).await, 200);
    }
    let (_, forged) = dispute("evt_4", &intent.gateway_ref, 7);
    assert_eq!(counter.webhook("t=7,v1=00", &forged).await, 400);

    let opened = format!(
        "incidents where kind = 'payment_disputed' and evidence ->> 'intent' = '{}'
        and evidence ->> 'said' like '%fraudulent%'",
        intent.id
    );
    assert_eq!(counter.count(&opened).await, 1);
    assert_eq!(counter.count("incidents").await, 1);
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    counter.node.audit().await;
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_old_and_foreign_news_changes_nothing_and_is_counted() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let (reference, order) = (intent.gateway_ref.as_str(), intent.id.to_string());
    let now = counter.node.clock.now().timestamp();
    let (signature, body) = event("evt_1", reference, &order, now);
    let (old, aged) = event("evt_2", reference, &order, now - 301);
    let (other, others) = event("evt_3", "pi_nobodys", &order, now);
    let (mixed, contradicts) = event("evt_4", reference, "another-order", now);
    let spaced = body.replace(',', ", ");
    let calls = [
        ("unsigned", 400, "", body.as_str()),
        ("unsigned", 400, signature.as_str(), spaced.as_str()),
        ("stale", 400, old.as_str(), aged.as_str()),
        ("foreign", 200, other.as_str(), others.as_str()),
        ("mismatch", 200, mixed.as_str(), contradicts.as_str()),
    ];
    for (kind, status, signature, body) in calls {
        let before = counter.news(Gateway::Stripe, kind).await;
        assert_eq!(counter.webhook(signature, body).await, status, "{kind}");
        assert!(counter.news(Gateway::Stripe, kind).await > before, "{kind}");
    }

    assert_eq!(counter.status(&intent).await, IntentStatus::Pending);
    assert_eq!(counter.count("gateway_events where source = 'webhook'").await, 0);
    assert_eq!(counter.company(Gateway::Stripe).calls(Call::Check), 0);
    counter.node.stop().await;
}

fn news(counter: &Counter, id: &str, intent: &Intent) -> (String, String) {
    let now = counter.node.clock.now().timestamp();
    event(id, &intent.gateway_ref, &intent.id.to_string(), now)
}

async fn settled(counter: &Counter, intent: &Intent) {
    let sql = format!("select status from payment_intents where id = '{}'", intent.id);
    counter.node.database.until(&sql, "COMPLETED", SOON).await;
}

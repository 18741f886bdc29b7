//! Calls of a gateway's server: signed, kept once, and then the gateway is asked.

use std::time::Duration;

use chargeghar::actors::refunds::What;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Intent, IntentStatus};
use serde_json::json;

use super::counter::Counter;
use super::giving::{PROCESS, REASON, act, refunds, spend, transaction};
use crate::fakes::books::{Call, Fault, Outcome};
use crate::fakes::{dispute, event, refunded, returned};
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
async fn money_that_went_back_unasked_is_told_to_a_person_once_and_our_own_refund_is_not() {
    let counter = Counter::open().await;
    let node = &counter.node;
    let rider = node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
    assert_eq!(status, 200, "{body}");
    let top_up = transaction(node, rider, "TOPUP").await;
    spend(node, rider, 400).await;
    let ours = refunds(node).request(rider, &top_up, REASON.to_owned(), None).await.unwrap();
    for what in [What::Approve, PROCESS] {
        act(node, &ours.reference, what, "operator:anna").await.unwrap();
    }
    let (id, at) = (ours.id.to_string(), intent.gateway_ref.as_str());
    let now = node.clock.now().timestamp();

    let expected = [
        refunded("evt_1", at, (Some(&id), "pending"), now),
        returned("evt_2", at, 10_000, now),
        refunded("evt_3", at, (None, "failed"), now),
    ];
    for (signature, body) in expected {
        assert_eq!(counter.webhook(&signature, &body).await, 200);
    }
    let (_, forged) = returned("evt_4", at, 30_000, now);
    assert_eq!(counter.webhook("t=7,v1=00", &forged).await, 400);
    let opened = format!(
        "incidents where kind = 'payment_returned' and evidence ->> 'intent' = '{}'",
        intent.id
    );
    assert_eq!(counter.count(&opened).await, 0);
    let unasked = [
        returned("evt_5", at, 30_000, now),
        returned("evt_5", at, 30_000, now),
        refunded("evt_6", at, (None, "succeeded"), now),
        refunded("evt_7", at, (Some("nobody's"), "succeeded"), now),
    ];
    for (signature, body) in unasked {
        assert_eq!(counter.webhook(&signature, &body).await, 200);
        assert_eq!(counter.count(&opened).await, 1, "{body}");
    }

    assert_eq!(counter.count("gateway_events where source = 'webhook'").await, 6);
    assert_eq!(node.wallet(rider).await, Money::ZERO);
    node.audit().await;
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_refund_that_nobody_asked_for_is_told_too() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
    assert_eq!(status, 200, "{body}");
    let now = counter.node.clock.now().timestamp();

    let (signature, body) = refunded("evt_1", &intent.gateway_ref, (None, "succeeded"), now);
    assert_eq!(counter.webhook(&signature, &body).await, 200);

    assert_eq!(counter.count("incidents where kind = 'payment_returned'").await, 1);
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500), "a person decides");
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

#[tokio::test(flavor = "multi_thread")]
async fn ten_webhooks_and_ten_browsers_at_once_credit_once() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let way_back = counter.company(Gateway::Stripe).way_back(&intent);
    let calls = (0..10).map(|number| news(&counter, &format!("evt_{}", number / 2), &intent));
    let calls: Vec<_> = calls.collect();

    let webhooks = calls.iter().map(|(signature, body)| counter.webhook(signature, body));
    let browsers = (0..10).map(|_| counter.sent_on(&way_back));
    let (webhooks, browsers) =
        tokio::join!(futures::future::join_all(webhooks), futures::future::join_all(browsers));

    assert!(webhooks.iter().all(|status| *status == 200), "{webhooks:?}");
    assert_eq!(browsers.len(), 10);
    settled(&counter, &intent).await;
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    assert_eq!(counter.count("ledger_transfers where kind = 'top_up'").await, 1);
    assert_eq!(counter.count("gateway_events where source = 'webhook'").await, 5);
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_comes_before_its_payment_is_stored_is_followed_when_it_comes_again() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.paid(rider, Gateway::Stripe, 500).await;
    let sql = "update payment_intents set gateway_ref = ";
    counter.node.database.run(&format!("{sql}'not stored yet'")).await;
    let (signature, body) = news(&counter, "evt_1", &intent);
    assert_eq!(counter.webhook(&signature, &body).await, 200);
    assert_eq!(counter.count("gateway_events where source = 'webhook'").await, 0);
    counter.node.database.run(&format!("{sql}'{}'", intent.gateway_ref)).await;

    assert_eq!(counter.webhook(&signature, &body).await, 200);
    settled(&counter, &intent).await;

    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
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

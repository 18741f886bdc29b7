//! Browsers and apps that come back from a gateway: a reason to ask, never a reason to believe.

use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::IntentStatus;
use serde_json::json;

use super::counter::Counter;
use crate::fakes::books::{Call, Fault, Outcome};
use crate::fakes::{ALL, ESEWA_KEY, sealed};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_comes_back_is_sent_on_and_the_payment_is_credited() {
    let counter = Counter::open().await;
    for gateway in ALL {
        let rider = counter.node.rider(0).await;
        let intent = counter.paid(rider, gateway, 500).await;
        let way_back = counter.company(gateway).way_back(&intent);

        let page = counter.sent_on(&way_back).await;

        let (name, id) = (gateway.as_str(), intent.id);
        let wanted = format!("/payment-status?status=success&provider={name}&intent_id={id}");
        assert_eq!(page, wanted);
        assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
        let shown = counter.get(&page).await.text().await.unwrap();
        assert!(shown.contains("The money is in your wallet."), "{shown}");
    }
    counter.node.audit().await;
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_browsers_at_once_and_one_more_credit_once() {
    let counter = Counter::open().await;
    for gateway in ALL {
        let rider = counter.node.rider(0).await;
        let intent = counter.paid(rider, gateway, 500).await;
        let way_back = counter.company(gateway).way_back(&intent);

        futures::future::join_all((0..5).map(|_| counter.sent_on(&way_back))).await;
        let page = counter.sent_on(&way_back).await;

        assert!(page.contains("status=success"), "{page}");
        assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
        assert!(counter.news(gateway, "replayed").await >= 1);
    }
    counter.node.audit().await;
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_says_paid_before_the_gateway_does_is_told_to_wait() {
    let counter = Counter::open().await;
    for gateway in ALL {
        let rider = counter.node.rider(0).await;
        let intent = counter.begun(rider, gateway, 500).await;
        let page = counter.sent_on(&counter.company(gateway).way_back(&intent)).await;
        assert!(page.contains("status=pending"), "{page}");

        counter.company(gateway).play(&intent.gateway_ref, Outcome::Paid);
        counter.company(gateway).fault(Call::Check, Fault::Says(500, ""));
        let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
        assert_eq!((status, &body["error"]["code"]), (503, &json!("gateway_unavailable")));
        assert_eq!(counter.status(&intent).await, IntentStatus::Pending);

        let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
        assert_eq!((status, &body["data"]["status"]), (200, &json!("COMPLETED")));
        assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    }
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_redirect_changes_nothing_asks_nobody_and_is_counted() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let esewa = counter.paid(rider, Gateway::Esewa, 500).await;
    let khalti = counter.paid(rider, Gateway::Khalti, 500).await;
    let other = counter.begun(rider, Gateway::Khalti, 5_000).await;
    let uuid = esewa.gateway_ref.as_str();
    let success =
        |data: String| format!("/api/payments/esewa/success?data={}", data.replace('+', "%2B"));
    let foreign = "00000000-0000-0000-0000-000000000000";
    let pidx = &khalti.gateway_ref;
    let forged = [
        (Gateway::Esewa, "unsigned", success(sealed(uuid, "500.0", "another key"))),
        (Gateway::Esewa, "mismatch", success(sealed(uuid, "10.0", ESEWA_KEY))),
        (Gateway::Esewa, "foreign", success(sealed(foreign, "500.0", ESEWA_KEY))),
        (Gateway::Esewa, "unreadable", success("nonsense".to_owned())),
        (Gateway::Esewa, "unreadable", "/api/payments/esewa/success".to_owned()),
        (Gateway::Esewa, "unreadable", "/api/payments/esewa/failure?data=e30=".to_owned()),
        (Gateway::Esewa, "foreign", format!("/api/payments/esewa/failure/{foreign}")),
        (Gateway::Khalti, "foreign", "/api/payments/khalti/callback?pidx=nobodys".to_owned()),
        (
            Gateway::Khalti,
            "unreadable",
            "/api/payments/khalti/callback?status=Completed".to_owned(),
        ),
        (
            Gateway::Khalti,
            "mismatch",
            format!("/api/payments/khalti/callback?pidx={pidx}&purchase_order_id={}", other.id),
        ),
        (Gateway::Stripe, "foreign", "/api/payments/stripe/return?payment_intent=pi_0".to_owned()),
    ];
    for (gateway, kind, path) in forged {
        let before = counter.news(gateway, kind).await;
        let page = counter.sent_on(&path).await;
        assert!(page.ends_with("&intent_id="), "{page}");
        assert!(counter.news(gateway, kind).await > before, "{kind}: {path}");
    }
    for intent in [&esewa, &khalti, &other] {
        assert_eq!(counter.status(intent).await, IntentStatus::Pending);
    }
    assert_eq!(counter.node.wallet(rider).await, Money::ZERO);
    assert_eq!(counter.count("gateway_events where source <> 'start'").await, 0);
    for gateway in ALL {
        assert_eq!(counter.company(gateway).calls(Call::Check), 0);
    }
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_the_payment_of_another_by_opening_the_failure_page() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.begun(rider, Gateway::Esewa, 500).await;
    let failure = format!("/api/payments/esewa/failure/{}", intent.id);

    let page = counter.sent_on(&failure).await;
    assert!(page.contains("status=pending"), "{page}");
    assert_eq!(counter.status(&intent).await, IntentStatus::Pending);

    counter.company(Gateway::Esewa).play(&intent.gateway_ref, Outcome::Paid);
    let page = counter.sent_on(&failure).await;
    assert!(page.contains("status=success"), "what eSewa says counts: {page}");
    assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_verifies_with_what_each_gateway_gave_it() {
    let counter = Counter::open().await;
    for gateway in ALL {
        let rider = counter.node.rider(0).await;
        let intent = counter.paid(rider, gateway, 500).await;
        let (id, reference) = (intent.id, intent.gateway_ref.as_str());
        let proof = match gateway {
            Gateway::Khalti => json!({ "pidx": reference, "status": "Completed", "txnId": "T" }),
            Gateway::Esewa => json!({ "data": sealed(reference, "500.0", ESEWA_KEY) }),
            Gateway::Stripe | Gateway::Sandbox => json!({ "gateway_reference": reference }),
        };
        let with = |fields: &serde_json::Value| {
            let mut body = fields.clone();
            body["intent_id"] = json!(id);
            body
        };

        let strange = counter.verify(with(&json!({ "gateway_reference": "another" }))).await;
        assert_eq!(strange.1["error"]["code"], "payment_verification_failed");
        let empty = counter.verify(with(&json!({ "callback_data": {} }))).await;
        assert_eq!((empty.0, &empty.1["error"]["code"]), (400, &json!("validation_error")));
        assert_eq!(counter.company(gateway).calls(Call::Check), 0);

        let (status, body) = counter.verify(with(&proof)).await;
        assert_eq!((status, &body["data"]["status"]), (200, &json!("COMPLETED")), "{body}");
        let (status, body) = counter.verify(with(&json!({ "callback_data": proof }))).await;
        assert_eq!((status, &body["data"]["status"]), (200, &json!("COMPLETED")), "{body}");
        assert_eq!(counter.node.wallet(rider).await, Money::rupees(500));
    }
    let unknown = json!({ "intent_id": "00000000-0000-0000-0000-000000000000", "pidx": "p" });
    assert_eq!(counter.verify(unknown).await.0, 404);
    counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_given_the_form_that_it_posts_to_esewa() {
    let counter = Counter::open().await;
    let rider = counter.node.rider(0).await;
    let intent = counter.begun(rider, Gateway::Esewa, 500).await;
    let khalti = counter.begun(rider, Gateway::Khalti, 500).await;

    let page = counter.get(&format!("/pay/esewa/{}", intent.id)).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let text = page.text().await.unwrap();

    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert!(nonce.len() >= 20 && text.contains(&format!("<script nonce=\"{nonce}\">")));
    let uuid = format!("name=\"transaction_uuid\" value=\"{}\"", intent.id);
    assert!(text.contains(&uuid) && text.contains("name=\"signature\""), "{text}");
    assert_eq!(counter.get(&format!("/pay/esewa/{}", khalti.id)).await.status().as_u16(), 404);
    counter.company(Gateway::Esewa).play(&intent.gateway_ref, Outcome::Paid);
    counter.verify(json!({ "intent_id": intent.id })).await;
    let over = counter.sent_on(&format!("/pay/esewa/{}", intent.id)).await;
    assert!(over.contains("status=success"), "{over}");
    counter.node.stop().await;
}

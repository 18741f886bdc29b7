//! What of a top-up is left goes back to where it came from: told once, looked up before it is told
//! again, in parts that are never more than the payment, and back in the wallet if it cannot go.

use std::time::Duration;

use chargeghar::actors::refunds::{RequestError, StepError, What};
use chargeghar::store::fact::Fact;
use domain::ids::RiderId;
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use domain::payment::Intent;
use domain::points::Points;
use domain::refund::Status;
use serde_json::json;

use super::counter::Counter;
use super::giving::{PROCESS, REASON, REFUNDS, act, refunds, spend, transaction};
use super::owing::give_points;
use crate::fakes::books::{Call, Fault};
use crate::harness::node::SOON;

mod earned;

/// Points for each NPR 100, where there are any.
const EARNED: u32 = 10;
const TOLD: [Gateway; 2] = [Gateway::Khalti, Gateway::Stripe];

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_gateway_pays_back_once() {
    for gateway in TOLD {
        let scene = Scene::sent(gateway, &[(Call::Refund, Fault::BreaksAfter)]).await;
        scene.becomes("PROCESSED").await;

        assert_eq!((scene.paid_back(), scene.told()), (50_000, 1), "{gateway:?}");
        assert_eq!(scene.wallet().await, Money::ZERO);
        scene.counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_took_nothing_is_told_again() {
    for gateway in TOLD {
        let lost = (Call::Refund, Fault::Says(502, "<html>Bad Gateway</html>"));
        let scene = Scene::sent(gateway, &[lost]).await;
        scene.becomes("PROCESSED").await;

        assert_eq!((scene.paid_back(), scene.told()), (50_000, 2), "{gateway:?}");
        scene.counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_key_the_gateway_has_forgotten_is_not_paid_again() {
    let scene = Scene::sent_part(Gateway::Stripe, &[(Call::Refund, Fault::BreaksAfter)]).await;
    scene.until_told(1).await;
    scene.counter.company(Gateway::Stripe).forget_keys();
    scene.becomes("PROCESSED").await;

    assert_eq!((scene.paid_back(), scene.told()), (10_000, 1));
    assert_eq!(scene.text("gateway_number").await, "re_1");
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_pending_there_ends_as_it_ends_there() {
    for (end, status, left) in [("succeeded", "PROCESSED", 0), ("failed", "REJECTED", 500)] {
        let scene = Scene::begun(Gateway::Stripe).await;
        let stripe = scene.counter.company(Gateway::Stripe);
        stripe.refunds_begin("pending");
        scene.process().await;
        scene.until_looked_up(2).await;
        assert_eq!(scene.text("status").await, "PROCESSING");
        assert_eq!(scene.wallet().await, Money::ZERO);
        let kept = "gateway_events where source = 'refund' and body::jsonb ->> 'id' = 're_1'
            and body::jsonb ->> 'status' = 'pending'";
        assert_eq!(scene.counter.count(kept).await, 1, "the answer that it is pending");

        stripe.refunds_end(end);
        scene.becomes(status).await;

        assert_eq!(scene.wallet().await, Money::rupees(left));
        assert_eq!(scene.told(), 1);
        scene.counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_refuses_is_in_the_wallet_again_and_can_be_asked_for_again() {
    let declines = Fault::Says(400, r#"{"mobile":["A mobile is needed."]}"#);
    let scene = Scene::sent(Gateway::Khalti, &[(Call::Refund, declines)]).await;
    scene.becomes("REJECTED").await;

    assert_eq!(scene.wallet().await, Money::rupees(500));
    assert!(scene.text("note").await.contains("A mobile is needed."));
    let refunds = refunds(&scene.counter.node);
    let again = refunds.request(scene.rider, &scene.top_up, REASON.into(), None).await;
    assert_eq!(again.unwrap().amount, Money::rupees(500));
    scene.counter.node.stop().await;
}

/// Khalti refuses a second refund of the same money, which is no word against the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_after_a_lost_answer_is_looked_up_before_it_is_believed() {
    let old = r#"{"pidx":"pidx000000000000000000","total_amount":50000,"status":"Completed",
        "transaction_id":"Tpidx000000000000000000","fee":0,"refunded":false}"#;
    let faults = [(Call::Refund, Fault::BreaksAfter)];
    let scene = Scene::sent(Gateway::Khalti, &faults).await;
    scene.until_told(1).await;
    scene.counter.company(Gateway::Khalti).fault(Call::Check, Fault::Says(200, old));
    scene.becomes("PROCESSED").await;

    assert_eq!((scene.paid_back(), scene.told()), (50_000, 2));
    assert_eq!(scene.wallet().await, Money::ZERO);
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_refusal_that_nobody_can_explain_is_kept_and_looked_up_later() {
    let old = r#"{"pidx":"pidx000000000000000000","total_amount":50000,"status":"Completed",
        "transaction_id":"Tpidx000000000000000000","fee":0,"refunded":false}"#;
    let scene = Scene::sent(Gateway::Khalti, &[(Call::Refund, Fault::BreaksAfter)]).await;
    scene.until_told(1).await;
    for fault in [Fault::Says(200, old), Fault::Says(500, "")] {
        scene.counter.company(Gateway::Khalti).fault(Call::Check, fault);
    }
    scene.becomes("PROCESSED").await;

    let refused = "gateway_events where source = 'refund' and body like '%is already refunded%'";
    assert_eq!(scene.counter.count(refused).await, 1, "the refusal is kept");
    assert_eq!((scene.paid_back(), scene.told()), (50_000, 2));
    assert_eq!(scene.wallet().await, Money::ZERO);
    scene.counter.node.stop().await;
}

/// What came from a bank goes to an account at Khalti, which is asked for by its mobile.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_bank_paid_goes_back_to_the_mobile_that_is_named() {
    let scene = Box::pin(Scene::topped_up(Gateway::Khalti)).await;
    scene.counter.company(Gateway::Khalti).paid_from_a_bank();
    scene.ask().await;
    scene.process().await;
    scene.becomes("REJECTED").await;
    assert!(scene.text("note").await.contains("A mobile is needed."));
    assert_eq!(scene.wallet().await, Money::rupees(500));

    scene.ask().await;
    let mobile = What::Process { mobile: Some("9800000001".to_owned()) };
    let name = scene.text("reference").await;
    act(&scene.counter.node, &name, mobile, "operator:anna").await.unwrap();
    scene.becomes("PROCESSED").await;

    assert_eq!((scene.paid_back(), scene.wallet().await), (50_000, Money::ZERO));
    assert_eq!(scene.text("mobile").await, "9800000001");
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_look_up_is_told_to_a_person_once_and_goes_on() {
    let away = (Call::Check, Fault::Says(500, ""));
    let mut faults = vec![(Call::Refund, Fault::BreaksAfter)];
    faults.extend(std::iter::repeat_n(away, 7));
    let scene = Scene::sent(Gateway::Khalti, &faults).await;
    scene.becomes("PROCESSED").await;

    assert_eq!(scene.counter.count("incidents where kind = 'refund_open'").await, 1);
    assert_eq!((scene.paid_back(), scene.told()), (50_000, 1));
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn esewa_is_by_hand_and_a_person_is_told_once() {
    let scene = Scene::sent(Gateway::Esewa, &[]).await;
    let node = &scene.counter.node;
    let open = "select count(*) from incidents where kind = 'refund_open'";
    node.while_time_passes(node.database.until(open, "1", SOON)).await;
    let name = scene.text("reference").await;

    let number = "ES-9".to_owned();
    let done = act(node, &name, What::Arrived { number }, "operator:anna").await.unwrap();
    let again = act(node, &name, What::Bounced, "operator:anna").await;

    assert_eq!((done.status, done.tries), (Status::Processed, 1));
    assert_eq!(again, Err(StepError::Elsewhere(Status::Processed)));
    assert_eq!((scene.wallet().await, scene.told()), (Money::ZERO, 0));
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_a_refund_bounced_while_its_gateway_may_be_carrying_it_out() {
    let scene = Scene::sent(Gateway::Khalti, &[(Call::Refund, Fault::HangsAfter)]).await;
    scene.until_told(1).await;
    let name = scene.text("reference").await;

    let bounced = act(&scene.counter.node, &name, What::Bounced, "operator:anna").await;

    assert_eq!(bounced, Err(StepError::Underway));
    assert_eq!((scene.wallet().await, scene.paid_back()), (Money::ZERO, 50_000));
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_wishes_approvals_and_orders_at_once_are_one_refund() {
    let scene = Scene::topped_up(Gateway::Khalti).await;
    let node = &scene.counter.node;
    let app = node.app(scene.rider);
    let wish = json!({ "transaction_id": scene.top_up, "reason": REASON });

    let asked = futures::future::join_all((0..20).map(|_| app.post(REFUNDS, &wish))).await;
    let made: Vec<_> = asked.iter().filter(|answer| answer.status == 201).collect();
    let refused = asked.iter().filter(|answer| answer.status != 201);
    assert!(refused.into_iter().all(|answer| answer.refusal() == (400, "duplicate_refund")));
    assert_eq!((made.len(), scene.counter.count("refunds").await), (1, 1));
    let name = made[0].data()["refund_id"].as_str().unwrap();
    for (what, status) in [(What::Approve, "APPROVED"), (PROCESS, "PROCESSING")] {
        let steps = (0..20).map(|_| act(node, name, what.clone(), "operator:anna"));
        let steps = futures::future::join_all(steps).await;
        assert_eq!(steps.iter().filter(|step| step.is_ok()).count(), 1, "{steps:?}");
        assert_eq!(scene.text("status").await, status);
    }
    scene.becomes("PROCESSED").await;

    assert_eq!((scene.paid_back(), scene.told()), (50_000, 1));
    assert_eq!(scene.wallet().await, Money::ZERO);
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_never_more_than_the_payment() {
    for gateway in TOLD {
        let scene = Scene::sent_part(gateway, &[]).await;
        scene.becomes("PROCESSED").await;
        assert_eq!(scene.paid_back(), 10_000, "what was not spent");
        let node = &scene.counter.node;
        node.top_up(scene.rider, 2_000).await;

        let rest = refunds(node).request(scene.rider, &scene.top_up, REASON.into(), None).await;
        let rest = rest.unwrap();
        assert_eq!(rest.amount, Money::rupees(400), "the wallet holds more, the payment does not");
        act(node, &rest.reference, What::Approve, "operator:anna").await.unwrap();
        act(node, &rest.reference, PROCESS, "operator:anna").await.unwrap();
        let ended = format!("select status from refunds where id = '{}'", rest.id);
        node.while_hours_pass(node.database.until(&ended, "PROCESSED", SOON)).await;

        assert_eq!(scene.paid_back(), 50_000);
        assert_eq!(scene.wallet().await, Money::rupees(1_600));
        let more = refunds(node).request(scene.rider, &scene.top_up, REASON.into(), None).await;
        assert_eq!(more, Err(RequestError::NothingLeft));
        scene.counter.node.stop().await;
    }
}

/// A node that takes payments at all companies, and a rider who has topped up 500 at one.
struct Scene {
    counter: Counter,
    rider: RiderId,
    intent: Intent,
    top_up: String,
}

impl Scene {
    async fn topped_up(gateway: Gateway) -> Scene {
        Scene::at(Counter::open().await, gateway).await
    }

    /// The rider has 50 points for it.
    async fn earning(gateway: Gateway) -> Scene {
        let scene = Scene::at(Box::pin(Counter::open_where(EARNED)).await, gateway).await;
        assert_eq!(scene.points().await, Points(50));
        scene
    }

    async fn at(counter: Counter, gateway: Gateway) -> Scene {
        let rider = counter.node.rider(0).await;
        let intent = counter.paid(rider, gateway, 500).await;
        let (status, body) = counter.verify(json!({ "intent_id": intent.id })).await;
        assert_eq!(status, 200, "{body}");
        let top_up = transaction(&counter.node, rider, "TOPUP").await;
        Scene { counter, rider, intent, top_up }
    }

    /// Asked for and approved.
    async fn begun(gateway: Gateway) -> Scene {
        let scene = Box::pin(Scene::topped_up(gateway)).await;
        scene.ask().await;
        scene
    }

    /// On its way back, all of it, by calls that go wrong like this.
    async fn sent(gateway: Gateway, faults: &[(Call, Fault)]) -> Scene {
        let scene = Scene::begun(gateway).await;
        scene.send(faults).await;
        scene
    }

    /// The same of what is left when 400 were spent.
    async fn sent_part(gateway: Gateway, faults: &[(Call, Fault)]) -> Scene {
        let scene = Box::pin(Scene::topped_up(gateway)).await;
        spend(&scene.counter.node, scene.rider, 400).await;
        scene.ask().await;
        scene.send(faults).await;
        scene
    }

    async fn ask(&self) {
        let node = &self.counter.node;
        let asked = refunds(node).request(self.rider, &self.top_up, REASON.to_owned(), None).await;
        act(node, &asked.unwrap().reference, What::Approve, "operator:anna").await.unwrap();
    }

    async fn send(&self, faults: &[(Call, Fault)]) {
        for (call, fault) in faults {
            self.counter.company(self.intent.gateway).fault(*call, *fault);
        }
        self.process().await;
    }

    async fn process(&self) {
        let name = self.text("reference").await;
        act(&self.counter.node, &name, PROCESS, "operator:anna").await.unwrap();
    }

    async fn becomes(&self, status: &str) {
        let sql = newest("status");
        self.counter
            .node
            .while_hours_pass(self.counter.node.database.until(&sql, status, SOON))
            .await;
    }

    async fn until_told(&self, times: usize) {
        let told = self.counter.node.until("the gateway is told", || {
            self.counter.node.clock.advance(Duration::from_secs(1));
            (self.told() >= times).then_some(())
        });
        told.await;
    }

    async fn until_looked_up(&self, times: usize) {
        let company = self.counter.company(self.intent.gateway);
        let looked = self.counter.node.until("the refund is looked up", || {
            (company.calls(Call::Trace) >= times).then_some(())
        });
        self.counter.node.while_hours_pass(looked).await;
    }

    async fn text(&self, column: &str) -> String {
        self.counter.node.database.text(&newest(column)).await
    }

    async fn points(&self) -> Points {
        self.counter.node.node.context.store.purse(self.rider).await.unwrap().points
    }

    async fn wallet(&self) -> Money {
        self.counter.node.wallet(self.rider).await
    }

    fn paid_back(&self) -> i64 {
        self.counter.company(self.intent.gateway).paid_back(&self.intent.gateway_ref)
    }

    fn told(&self) -> usize {
        self.counter.company(self.intent.gateway).calls(Call::Refund)
    }
}

fn newest(column: &str) -> String {
    format!("select {column} from refunds order by requested_at desc, id desc limit 1")
}

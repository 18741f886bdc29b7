//! The points that a top-up earned go with its money, when the gateway is told; those that are
//! spent by then are paid by the wallet.

use super::*;
use crate::harness::node::TestNode;
use chargeghar::store::fact::CommitError;
use domain::ledger::Account;

#[tokio::test(flavor = "multi_thread")]
async fn points_that_a_top_up_earned_leave_with_it_and_come_back_if_it_bounces() {
    let declines = Fault::Says(400, r#"{"mobile":["A mobile is needed."]}"#);
    for (given, faults, status, left) in [
        (0, vec![], "PROCESSED", 0),
        (30, vec![], "PROCESSED", 30),
        (0, vec![(Call::Refund, declines)], "REJECTED", 50),
    ] {
        let scene = Scene::earning(Gateway::Khalti).await;
        let node = &scene.counter.node;
        if given > 0 {
            give_points(node, scene.rider, given).await;
        }
        scene.ask().await;
        scene.send(&faults).await;
        assert_eq!(scene.points().await, Points(given), "before the gateway is told");
        scene.becomes(status).await;

        assert_eq!(scene.points().await, Points(left), "{status}");
        node.audit().await;
        scene.counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_were_spent_are_taken_off_the_refund_and_the_books_say_so() {
    let declines = Fault::Says(400, r#"{"mobile":["A mobile is needed."]}"#);
    for (faults, status, wallet, points) in
        [(vec![], "PROCESSED", 0, 0), (vec![(Call::Refund, declines)], "REJECTED", 500, 30)]
    {
        let scene = Scene::earning(Gateway::Khalti).await;
        let node = &scene.counter.node;
        spend_points(node, scene.rider, 20).await.unwrap();
        scene.ask().await;
        assert_eq!(scene.text("amount").await, "498.00", "20 points are worth 2");
        scene.send(&faults).await;
        scene.becomes(status).await;

        assert_eq!(scene.wallet().await, Money::rupees(wallet), "{status}");
        assert_eq!(scene.points().await, Points(points));
        assert_eq!(scene.paid_back(), if wallet == 0 { 49_800 } else { 0 });
        let store = &node.node.context.store;
        let issued = store.balance(&Account::PointsIssued).await.unwrap();
        assert_eq!(issued, Points(if wallet == 0 { 0 } else { 50 }).into());
        node.audit().await;
        scene.counter.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_cannot_be_spent_while_their_money_is_on_its_way_back() {
    let scene = Scene::earning(Gateway::Esewa).await;
    let node = &scene.counter.node;
    scene.ask().await;
    scene.process().await;

    let spent = spend_points(node, scene.rider, 1).await;
    let (number, reference) = ("E-1".to_owned(), scene.text("reference").await);
    let arrived = act(node, &reference, What::Arrived { number }, "operator:anna").await;

    assert!(matches!(spent, Err(CommitError::Short { .. })), "{spent:?}");
    assert_eq!(arrived.unwrap().status, Status::Processed);
    assert_eq!(scene.points().await, Points(0));
    node.audit().await;
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_are_spent_after_the_asking_stop_the_refund_and_it_is_asked_for_anew() {
    let scene = Scene::earning(Gateway::Khalti).await;
    let node = &scene.counter.node;
    scene.ask().await;
    spend_points(node, scene.rider, 20).await.unwrap();
    let name = scene.text("reference").await;

    let sent = act(node, &name, What::Process { mobile: None }, "operator:anna").await;
    act(node, &name, What::Reject, "operator:anna").await.unwrap();
    let anew = refunds(node).request(scene.rider, &scene.top_up, REASON.into(), None).await;

    assert_eq!(sent, Err(StepError::NothingLeft));
    assert_eq!(anew.unwrap().amount, Money::rupees(498));
    assert_eq!((scene.told(), scene.wallet().await), (0, Money::rupees(500)));
    scene.counter.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_takes_its_share_of_the_points_and_points_from_elsewhere_stay() {
    let scene = Scene::earning(Gateway::Khalti).await;
    spend(&scene.counter.node, scene.rider, 400).await;
    scene.ask().await;
    scene.send(&[]).await;
    scene.becomes("PROCESSED").await;
    assert_eq!((scene.paid_back(), scene.points().await), (10_000, Points(40)));
    scene.counter.node.stop().await;

    let scene = Scene::topped_up(Gateway::Khalti).await;
    give_points(&scene.counter.node, scene.rider, 30).await;
    scene.ask().await;
    scene.send(&[]).await;
    scene.becomes("PROCESSED").await;
    assert_eq!((scene.paid_back(), scene.points().await), (50_000, Points(30)));
    scene.counter.node.stop().await;
}

async fn spend_points(node: &TestNode, rider: RiderId, points: u32) -> Result<(), CommitError> {
    let mut fact = Fact::at(node.clock.now());
    fact.movements = vec![Movement::PointsSpent { rider, points: Points(points) }];
    node.node.context.store.commit(fact).await.map(drop)
}

//! After a restart our broker knows no session. Cabinets that were there dial again by themselves,
//! and whoever calls in the name of one waits until it could have come: once, and not for long.

use std::time::Duration;

use cabinet::{Cabinet, Cut, Timing};
use chargeghar::config::{Config, Seconds};

use crate::harness::node::TestNode;
use crate::unsigned::connect;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";
/// As long as a cabinet has to answer.
const WAIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_while_a_cabinet_comes_back_after_a_restart_gets_no_password() {
    let (node, cabinet) = restarted_without_its_cabinet().await;

    let call = connect(&cabinet);
    let comes_back = async {
        node.settle(20).await;
        node.clock.advance(WAIT.checked_sub(Duration::from_secs(1)).unwrap());
        cabinet.restore();
        node.until_reachable("CG-1", true).await;
    };
    let (answer, ()) = tokio::join!(call, comes_back);

    assert_eq!((answer.status, answer.access()), (500, None), "{answer:?}");
    assert_eq!(connect(&cabinet).await.access(), None, "it is on its session");
    assert_eq!(cabinet.counts().reboots, 0);
    node.until_heard("CG-1").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_started_anew_with_the_node_gets_in_after_one_wait_and_then_at_once() {
    let (node, cabinet) = restarted_without_its_cabinet().await;

    let call = connect(&cabinet);
    let time_passes = async {
        let id = node.view("CG-1").info.id;
        assert_eq!(node.node.stations.may_connect(id, false).await, None, "it is waited for");
        node.clock.advance(WAIT);
    };
    let (answer, ()) = tokio::join!(call, time_passes);

    assert!(answer.access().is_some(), "{answer:?}");
    assert!(connect(&cabinet).await.access().is_some(), "and it has waited");
    cabinet.restore();
    node.until_heard("CG-1").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_found_no_place_to_wait_gets_in_with_its_next_call() {
    let (node, cabinet) = restarted_without_its_cabinet().await;
    let id = node.view("CG-1").info.id;

    assert_eq!(node.node.stations.may_connect(id, false).await, None);
    node.clock.advance(WAIT);

    let admitted = async || node.node.stations.may_connect(id, false).await;
    node.until_async("it has waited elsewhere", admitted).await;
    assert!(connect(&cabinet).await.access().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_cabinet_that_was_away_before_or_stays_away() {
    let node = TestNode::with_settings(watchful).await;
    let cabinet = patient(&node).await;
    cabinet.cut(Cut::Mqtt);
    let clock = node.clock.clone();

    let node = node.again_after(async |_| clock.advance(Duration::from_mins(13))).await;
    assert!(connect(&cabinet).await.access().is_some(), "it was silent before the restart");

    cabinet.restore();
    node.until_heard("CG-1").await;
    cabinet.cut(Cut::Mqtt);
    let node = node.again().await;
    node.clock.advance(Duration::from_mins(2));
    assert!(connect(&cabinet).await.access().is_some(), "it had the time to come back");
}

/// The cabinet was there until the node ended, and cannot dial.
async fn restarted_without_its_cabinet() -> (TestNode, Cabinet) {
    let node = TestNode::with_settings(watchful).await;
    let cabinet = patient(&node).await;
    cabinet.cut(Cut::Mqtt);
    (node.again().await, cabinet)
}

/// A cabinet that dials seldom, and so does not call before it can dial again.
async fn patient(node: &TestNode) -> Cabinet {
    let seldom = Duration::from_secs(5);
    let timing = Timing { retry_min: seldom, retry_max: seldom, ..Timing::quick() };
    node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.timing(timing)).await
}

/// As the service is by default.
fn watchful(config: &mut Config) {
    config.stations.comeback_s = Seconds(120);
}

//! A cabinet listens to its own heartbeats and starts anew when it does not hear them: its
//! rights at the broker must let it.

use std::time::Duration;

use cabinet::{Cabinet, Snapshot, Timing};

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::{SOON, TestNode};

on_the_embedded_broker! { no_cabinet_starts_anew_for_want_of_its_own_heartbeats }

const CABINET: &str = "860000000000017";
const BEAT: Duration = Duration::from_millis(50);
/// A cabinet endures two beats without an echo.
const BEATS: u64 = 10;

pub async fn no_cabinet_starts_anew_for_want_of_its_own_heartbeats(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = beating(&node).await;

    beats(&cabinet).await;

    let counts = cabinet.counts();
    assert_eq!((counts.reboots, counts.sessions), (0, 1), "{counts:?}");
    assert!(counts.echoes + 2 >= counts.heartbeats, "{counts:?}");
}

pub async fn without_the_right_to_its_own_heartbeats_it_starts_anew_again_and_again(edges: Edges) {
    let mut node = TestNode::with(edges).await;
    let cabinet = beating(&node).await;
    beats(&cabinet).await;
    let heart = cabinet.topic("heart");

    node.edges.outside().broker.take_right(CABINET, &heart).await;
    cabinet.reboot(); // what it has subscribed to already it keeps
    let reboots = |state: &Snapshot| (state.counts.reboots_no_echo >= 3).then_some(());
    // each time it is first asked over the session that it may still have
    let rebooted = cabinet.wait_for("three reboots", SOON, reboots);
    node.while_time_passes(rebooted).await.unwrap();

    node.edges.outside().broker.give_right(CABINET, &heart).await;
    let before = cabinet.counts().echoes;
    let again = |state: &Snapshot| (state.counts.echoes >= before + BEATS).then_some(());
    node.while_time_passes(cabinet.wait_for("echoes", SOON, again)).await.unwrap();
    let before = cabinet.counts().reboots;
    beats(&cabinet).await;
    assert_eq!(cabinet.counts().reboots, before);
}

async fn beating(node: &TestNode) -> Cabinet {
    let timing = Timing::quick().heartbeats_every(BEAT);
    node.cabinet_like(CABINET, "CG-1", &["40818048"], |spec| spec.timing(timing)).await
}

/// Waits for several more.
async fn beats(cabinet: &Cabinet) {
    let before = cabinet.counts().heartbeats;
    let beaten = |state: &Snapshot| (state.counts.heartbeats >= before + BEATS).then_some(());
    cabinet.wait_for("heartbeats", SOON, beaten).await.unwrap();
}

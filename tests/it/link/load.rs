//! Much at once: nothing is lost, nothing comes twice, and heartbeats give way.

use std::collections::BTreeMap;
use std::time::Duration;

use chargeghar::link::{LinkEvent, TopicKind};
use chargeghar::spawn::spawn;
use tokio::time::timeout;

use super::rig::*;

const CABINETS: usize = 20;
const EACH: usize = 1_000;
/// Bytes of some thousand heartbeats.
const PILE: usize = 200_000;

on_both_brokers! {
    twenty_thousand_updates_arrive_once_each_and_in_order
    a_flood_of_heartbeats_does_not_delay_updates
}

async fn twenty_thousand_updates_arrive_once_each_and_in_order(rig: Rig) {
    let uuids: Vec<String> = (0..CABINETS).map(|n| format!("8600000002{n:05}")).collect();
    rig.enrol_all(&uuids).await;
    let mut link = rig.link().await;
    for uuid in &uuids {
        let mut cabinet = rig.cabinet(uuid).await;
        spawn("test.sender", async move {
            for number in 0..EACH {
                cabinet.send_update(&number.to_string()).await;
            }
            cabinet.received(EACH).await;
        });
    }

    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..CABINETS * EACH {
        let update = link.update().await;
        let expected = next.entry(update.uuid.0.clone()).or_default();
        assert_eq!(text(&update), expected.to_string(), "of {}", update.uuid);
        *expected += 1;
        confirm(update);
    }

    assert_eq!(next.values().filter(|count| **count == EACH).count(), CABINETS);
    assert_eq!(rig.tap.noted().len(), 2, "neither session was lost");
}

async fn a_flood_of_heartbeats_does_not_delay_updates(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    let flooding = rig.cabinet(SECOND).await;
    let flood = spawn("test.flood", async move {
        loop {
            flooding.beat("beat").await;
        }
    });
    // whoever reads is slow, so heartbeats pile up
    until("many heartbeats", || rig.tap.came() > PILE).await;

    let asked = rig.clock.now();
    cabinet.update("urgent").await;
    let update = timeout(Duration::from_secs(5), async {
        loop {
            if let LinkEvent::Message(message) = link.event().await
                && message.kind == TopicKind::Update
            {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(1)).await; // slow, as said
        }
    });

    let update = update.await.expect("the update waited behind heartbeats");
    assert!(update.live);
    let took = (update.at - asked).num_milliseconds();
    assert!(took < 3_000, "{took} ms");
    confirm(update);
    flood.abort();
}

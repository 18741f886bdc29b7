//! What is live, what is backlog, and what a broker that forgot everything costs.

use std::time::Duration;

use chargeghar::link::{Link, LinkEvent, TopicKind};
use chrono::TimeDelta;
use tokio::time::timeout;

use super::rig::*;

on_both_brokers! {
    what_waited_at_the_broker_is_backlog_and_then_it_is_live_again
    a_broker_that_forgot_everything_is_subscribed_anew
    a_first_session_is_live_at_once
    a_second_process_begins_where_the_first_was
    what_nobody_confirmed_comes_again_no_later_than_it_first_came
    heartbeats_arrive_and_are_not_kept
    a_connection_that_went_silent_is_made_anew
    frames_from_nobody_are_counted_and_do_no_harm
}

async fn what_waited_at_the_broker_is_backlog_and_then_it_is_live_again(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("before").await;
    assert!(link.update().await.live);
    let began = link.link.complete_until();

    rig.tap.cut();
    link.until_down().await;
    let sent_after = rig.clock.now();
    cabinet.update("meanwhile").await;
    rig.tap.mend();

    let mut meanwhile = link.update().await;
    if text(&meanwhile) == "before" {
        confirm(meanwhile);
        meanwhile = link.update().await;
    }
    assert_eq!(text(&meanwhile), "meanwhile");
    assert!(!meanwhile.live);
    assert!(meanwhile.earliest >= began && meanwhile.earliest < sent_after);
    assert!(meanwhile.at > sent_after);
    confirm(meanwhile);
    link.until_marked().await;
    cabinet.update("after").await;
    let after = link.update().await;
    assert!(after.live && after.earliest == after.at);
}

async fn a_broker_that_forgot_everything_is_subscribed_anew(mut rig: Rig) {
    let mut link = rig.link().await;
    let before = rig.clock.now();

    rig.restart_broker().await;
    link.until_down().await;
    link.until_up().await;

    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("hello").await;
    cabinet.beat("beat").await;
    let update = link.update().await;
    assert!(update.live && update.at > before);
    assert_eq!(confirm(update), "hello");
    assert_eq!(link.publish(FIRST, "command").await, Ok(()));
    while cabinet.message().await != ("get".into(), "command".into()) {}
}

async fn a_first_session_is_live_at_once(rig: Rig) {
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("nobody listens").await;

    let mut link = rig.link().await;
    cabinet.update("hello").await;

    let update = link.update().await;
    assert!(update.live);
    assert_eq!(confirm(update), "hello");
}

async fn a_second_process_begins_where_the_first_was(rig: Rig) {
    let link = rig.link().await;
    link.link.close().await;
    let known = rig.clock.now() - TimeDelta::minutes(7);
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("in between").await;
    let mut settings = rig.settings.clone();
    settings.complete_until = known;

    let mut link = rig.link_with(settings).await;

    let update = link.update().await;
    assert!(!update.live);
    assert_eq!(update.earliest, known);
    assert_eq!(confirm(update), "in between");
}

async fn what_nobody_confirmed_comes_again_no_later_than_it_first_came(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("a return").await;
    let first = link.update().await;
    link.until_marked().await;

    rig.tap.blink();
    link.until_down().await;
    let again = link.update().await;

    assert_eq!(text(&again), "a return");
    assert!(!again.live);
    assert!(again.earliest <= first.at, "{} is after {}", again.earliest, first.at);
    drop(first);
    confirm(again);
}

async fn heartbeats_arrive_and_are_not_kept(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.beat("echo").await;
    assert_eq!(cabinet.message().await, ("heart".into(), "echo".into()));
    beat_until_heard(&mut link, &cabinet, "first").await;

    rig.tap.cut();
    link.until_down().await;
    cabinet.beat("lost").await;
    while cabinet.message().await.1 != "lost" {}
    rig.tap.mend();
    link.until_up().await;

    beat_until_heard(&mut link, &cabinet, "second").await;
}

/// The session of the heartbeats may be subscribed a little later than the other.
async fn beat_until_heard(link: &mut TestLink, cabinet: &Cabinet, payload: &str) {
    for _ in 0..100 {
        cabinet.beat(payload).await;
        let heard = async {
            loop {
                if let LinkEvent::Message(message) = link.event().await {
                    assert_eq!(message.kind, TopicKind::Heart);
                    assert!(message.live && message.ack.is_none());
                    assert_ne!(text(&message), "lost", "it was kept");
                    if text(&message) == payload {
                        return;
                    }
                }
            }
        };
        if timeout(Duration::from_millis(100), heard).await.is_ok() {
            return;
        }
    }
    panic!("no heartbeat came");
}

async fn a_connection_that_went_silent_is_made_anew(rig: Rig) {
    let mut settings = rig.settings.clone();
    settings.silence_max = Duration::from_secs(3);
    let mut link = rig.link_with(settings).await;
    let began = rig.clock.now();
    let longer = TimeDelta::seconds(4);
    until("markers", || link.link.complete_until() > began + longer).await;
    assert_eq!(rig.tap.noted().len(), 2, "markers keep it alive");

    rig.tap.stall(true);
    link.until_down().await;
    rig.tap.stall(false);

    link.until_up().await;
}

async fn frames_from_nobody_are_counted_and_do_no_harm(rig: Rig) {
    let TheBroker::Embedded(broker) = &rig.broker else {
        return; // Mosquitto's administration knows cabinets only
    };
    let word = password("nobody", 1).expose().to_owned();
    let account =
        broker::Account { username: "nobody".into(), password: word, role: broker::Role::Cabinet };
    broker.put("nobody", account).unwrap();
    let mut link = rig.link().await;
    let mut nobody = Cabinet::connect("nobody", rig.options("nobody")).await.unwrap();
    let mut cabinet = rig.cabinet(FIRST).await;

    for _ in 0..3 {
        nobody.update("who am I").await;
    }
    nobody.beat("beat").await;
    cabinet.update("").await;
    cabinet.update("hello").await;

    assert_eq!(confirm(link.update().await), "");
    assert_eq!(confirm(link.update().await), "hello");
    rig.tap.blink();
    link.until_up().await;
    cabinet.update("after").await;
    while confirm(link.update().await) != "after" {}
}

//! What is live, what is backlog, and what a broker that forgot everything costs.

use chrono::TimeDelta;

use super::rig::*;
use chargeghar::link::{Link, LinkEvent, TopicKind};

on_both_brokers! {
    what_waited_at_the_broker_is_backlog_and_then_it_is_live_again
    a_broker_that_forgot_everything_is_subscribed_anew
    a_first_session_is_live_at_once
    a_second_process_begins_where_the_first_was
    heartbeats_arrive_and_are_not_kept
}

async fn what_waited_at_the_broker_is_backlog_and_then_it_is_live_again(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("before").await;
    assert!(link.update().await.live);
    let began = link.link.complete_until();

    rig.tap.cut();
    link.until_down().await;
    pause(1_000).await;
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
    pause(500).await;
    cabinet.update("after").await;
    let after = link.update().await;
    assert!(after.live && after.earliest == after.at);
    assert!(link.link.complete_until() > sent_after);
}

async fn a_broker_that_forgot_everything_is_subscribed_anew(mut rig: Rig) {
    let mut link = rig.link().await;
    let before = rig.clock.now();

    rig.restart_broker().await;
    link.until_down().await;
    link.until_up().await;

    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("hello").await;
    cabinet.beat().await;
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

async fn heartbeats_arrive_and_are_not_kept(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.beat().await;
    assert_eq!(cabinet.message().await, ("heart".into(), "beat".into()), "the echo");
    loop {
        if let LinkEvent::Message(message) = link.event().await {
            assert_eq!(message.kind, TopicKind::Heart);
            assert!(message.live && message.ack.is_none());
            break;
        }
    }

    rig.tap.cut();
    link.until_down().await;
    cabinet.beat().await;
    cabinet.message().await;
    rig.tap.mend();
    link.until_up().await;

    cabinet.update("next").await;
    let LinkEvent::Message(next) = link.event().await else { panic!("no message") };
    assert_eq!(text(&next), "next", "the heartbeat in between is gone");
}

//! Commands are sent over the connection that is up, or never.

use chrono::TimeDelta;

use super::rig::*;
use chargeghar::link::{Link, PublishError};

on_both_brokers! {
    a_command_arrives_once
    what_is_published_while_down_is_refused_and_never_sent
    what_a_dead_connection_swallowed_is_never_sent_again
    a_late_command_is_not_sent
    many_commands_at_once_all_arrive
    a_closed_link_sends_nothing
}

async fn a_command_arrives_once(rig: Rig) {
    let link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    let mut other = rig.cabinet(SECOND).await;

    link.publish(FIRST, "eject").await.unwrap();
    link.publish(FIRST, "end").await.unwrap();
    link.publish(SECOND, "end").await.unwrap();

    assert_eq!(cabinet.message().await.1, "eject");
    assert_eq!(cabinet.message().await.1, "end");
    assert_eq!(other.message().await.1, "end");
}

async fn what_is_published_while_down_is_refused_and_never_sent(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;

    rig.tap.cut();
    link.until_down().await;
    assert!(!link.link.is_up());
    for _ in 0..10 {
        assert_eq!(link.publish(FIRST, "eject").await, Err(PublishError::Down));
    }
    rig.tap.mend();
    link.until_up().await;

    assert!(link.link.is_up());
    link.publish(FIRST, "after").await.unwrap();
    assert_eq!(cabinet.message().await.1, "after");
}

async fn what_a_dead_connection_swallowed_is_never_sent_again(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;

    rig.tap.stall(true);
    let mut handed_over = 0;
    for _ in 0..40 {
        let soon = rig.clock.now() + TimeDelta::milliseconds(100);
        if link.publish_until(FIRST, "eject", soon).await.is_ok() {
            handed_over += 1;
        }
    }
    assert!(handed_over > 0, "the connection took some of them");
    rig.tap.cut();
    rig.tap.stall(false);
    link.until_down().await;
    rig.tap.mend();
    link.until_up().await;

    link.publish(FIRST, "after").await.unwrap();
    assert_eq!(cabinet.message().await.1, "after");
}

async fn a_late_command_is_not_sent(rig: Rig) {
    let link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;

    let late = link.publish_until(FIRST, "late", rig.clock.now()).await;
    link.publish(FIRST, "after").await.unwrap();

    assert_eq!(late, Err(PublishError::TooLate));
    assert_eq!(cabinet.message().await.1, "after");
}

async fn many_commands_at_once_all_arrive(rig: Rig) {
    let link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;

    for _ in 0..20 {
        let batch = (0..25).map(|_| link.publish(FIRST, "check"));
        for published in futures::future::join_all(batch).await {
            published.unwrap();
        }
        for _ in 0..25 {
            assert_eq!(cabinet.message().await.1, "check");
        }
    }
}

async fn a_closed_link_sends_nothing(rig: Rig) {
    let mut link = rig.link().await;

    link.link.close().await;

    assert_eq!(link.publish(FIRST, "eject").await, Err(PublishError::Down));
    while link.events.next().await.is_some() {}
}

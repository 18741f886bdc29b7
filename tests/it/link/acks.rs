//! Acknowledgements: in order, only after confirmation, and what happens without it.

use bytes::BytesMut;
use rumqttc::{Packet, QoS};

use super::rig::*;

on_both_brokers! {
    acknowledgements_leave_in_the_order_of_arrival
    what_was_not_confirmed_comes_again_after_a_reconnect
    a_dropped_receipt_brings_the_frame_again
    a_postponed_frame_comes_again_until_it_is_confirmed
    beyond_the_bound_frames_wait_in_their_order
    an_unread_window_keeps_the_link_up
    an_oversize_payload_is_acknowledged_and_forgotten
    a_packet_that_cannot_be_read_costs_one_session
    a_frame_sent_at_most_once_arrives_too
}

async fn acknowledgements_leave_in_the_order_of_arrival(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    for number in 0..20 {
        cabinet.update(&number.to_string()).await;
    }
    let mut updates = link.updates(20).await;
    assert_eq!(updates.iter().map(text).collect::<Vec<_>>()[..3], ["0", "1", "2"]);

    let first = updates.remove(0);
    for update in updates.into_iter().rev() {
        confirm(update);
    }
    confirm(first);

    let sent = wait_for(&rig, |seen| seen.acked.len() >= 20).await;
    assert_eq!(sent.acked, sent.arrived[..sent.acked.len()]);
}

async fn what_was_not_confirmed_comes_again_after_a_reconnect(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    for number in ["1", "2", "3"] {
        cabinet.update(number).await;
    }
    let mut held = link.updates(3).await;
    assert_eq!(confirm(held.remove(0)), "1");
    wait_for(&rig, |seen| !seen.acked.is_empty()).await;
    link.until_marked().await;
    let before = rig.clock.now();

    rig.tap.blink();
    link.until_up().await;

    let again = link.updates(2).await;
    assert_eq!(again.iter().map(text).collect::<Vec<_>>(), ["2", "3"]);
    assert!(again.iter().all(|update| !update.live && update.earliest <= before));
    // The receipts of the first delivery are worth nothing any more.
    drop(held);
    for update in again {
        confirm(update);
    }
    cabinet.update("4").await;
    assert_eq!(confirm(link.update().await), "4");
}

async fn a_dropped_receipt_brings_the_frame_again(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("once").await;
    cabinet.update("twice").await;
    let first = link.update().await;
    let (at, live) = (first.at, first.live);

    drop(first);
    assert_eq!(confirm(link.update().await), "twice");

    let again = link.update().await;
    assert_eq!((text(&again), again.at, again.live), ("once", at, live));
    confirm(again);
    let seen = wait_for(&rig, |seen| seen.acked.len() >= 2).await;
    assert_eq!(seen.acked, seen.arrived[..seen.acked.len()]);
    assert_eq!(rig.tap.noted().len(), 2, "no session was lost for it");
}

async fn a_postponed_frame_comes_again_until_it_is_confirmed(rig: Rig) {
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;
    cabinet.update("stubborn").await;

    for _ in 0..3 {
        link.update().await.ack.unwrap().postpone();
    }

    assert_eq!(confirm(link.update().await), "stubborn");
    cabinet.update("next").await;
    assert_eq!(confirm(link.update().await), "next");
}

async fn beyond_the_bound_frames_wait_in_their_order(rig: Rig) {
    let mut settings = rig.settings.clone();
    settings.unacked_max = 10;
    let mut link = rig.link_with(settings).await;
    let mut cabinet = rig.cabinet(FIRST).await;
    for number in 0..50 {
        cabinet.update(&number.to_string()).await;
    }

    let mut held = link.updates(10).await;
    wait_for(&rig, |seen| seen.arrived.len() > 10).await;
    let none = link.has_no_update_before_a_heartbeat(&cabinet).await;
    assert!(none, "no more than ten are out");
    held.reverse();
    for update in held {
        confirm(update);
    }
    for number in 10..50 {
        assert_eq!(confirm(link.update().await), number.to_string());
    }
    assert_eq!(rig.tap.noted().len(), 2, "neither session was lost");
}

async fn an_unread_window_keeps_the_link_up(rig: Rig) {
    let mut settings = rig.settings.clone();
    settings.address.keep_alive = std::time::Duration::from_secs(1);
    let mut link = rig.link_with(settings).await;
    let mut cabinet = rig.cabinet(FIRST).await;
    for number in 0..300 {
        cabinet.update(&number.to_string()).await;
    }

    let before = signs_of_life(&rig);
    until("signs of life", || signs_of_life(&rig) >= before + 3).await;

    assert_eq!(rig.tap.noted().len(), 2, "neither session was lost");
    for number in 0..300 {
        assert_eq!(confirm(link.update().await), number.to_string());
    }
}

async fn an_oversize_payload_is_acknowledged_and_forgotten(rig: Rig) {
    let mut settings = rig.settings.clone();
    settings.payload_max = 1_000;
    let mut link = rig.link_with(settings).await;
    let mut cabinet = rig.cabinet(FIRST).await;

    cabinet.update(&"x".repeat(1_001)).await;
    cabinet.update(&"y".repeat(1_000)).await;

    assert_eq!(confirm(link.update().await), "y".repeat(1_000));
    wait_for(&rig, |seen| seen.acked.len() >= 2).await;
    link.until_marked().await;
    rig.tap.blink();
    link.until_up().await;
    cabinet.update("after").await;
    loop {
        let said = confirm(link.update().await);
        assert!(!said.starts_with('x'), "it was acknowledged");
        if said == "after" {
            break;
        }
    }
}

async fn a_packet_that_cannot_be_read_costs_one_session(rig: Rig) {
    if matches!(rig.broker, TheBroker::Embedded(_)) {
        return; // it cuts the cabinet that sends so much
    }
    let mut link = rig.link().await;
    let mut cabinet = rig.cabinet(FIRST).await;

    cabinet.update(&"x".repeat(2 * 1024 * 1024)).await;
    link.until_down().await;
    link.until_up().await;

    cabinet.update("after").await;
    let update = link.update().await;
    assert!(update.live, "the broker holds nothing for us");
    assert_eq!(confirm(update), "after");
}

async fn a_frame_sent_at_most_once_arrives_too(rig: Rig) {
    let mut link = rig.link().await;
    let cabinet = rig.cabinet(FIRST).await;

    cabinet.publish(&topic(FIRST, "update"), QoS::AtMostOnce, b"lightly").await;

    drop(link.update().await);
    assert_eq!(confirm(link.update().await), "lightly");
}

/// Packet ids on the connection of the updates that is the last one.
struct Seen {
    /// Of messages from the broker, in the order they came.
    arrived: Vec<u16>,
    /// Of our acknowledgements, in the order they left.
    acked: Vec<u16>,
}

async fn wait_for(rig: &Rig, enough: impl Fn(&Seen) -> bool) -> Seen {
    until("acknowledgements", || enough(&seen(rig))).await;
    seen(rig)
}

/// What the last connection of the updates has said unasked: more than one for each keep-alive.
fn signs_of_life(rig: &Rig) -> usize {
    let is_sign = |packet: &Packet| matches!(packet, Packet::PingReq | Packet::Publish(_));
    packets(&updates(rig).0).iter().filter(|packet| is_sign(packet)).count()
}

/// What went over the last connection of the updates, up and down.
fn updates(rig: &Rig) -> (Vec<u8>, Vec<u8>) {
    let noted = rig.tap.noted();
    let is_updates = |up: &[u8]| up.windows(8).any(|window| window == b"-updates");
    noted.into_iter().rev().find(|(up, _)| is_updates(up)).unwrap()
}

fn seen(rig: &Rig) -> Seen {
    let (up, down) = &updates(rig);
    let mut seen = Seen { arrived: Vec::new(), acked: Vec::new() };
    for packet in packets(down) {
        if let Packet::Publish(publish) = packet
            && publish.pkid != 0
        {
            seen.arrived.push(publish.pkid);
        }
    }
    for packet in packets(up) {
        if let Packet::PubAck(ack) = packet {
            seen.acked.push(ack.pkid);
        }
    }
    seen
}

fn packets(bytes: &[u8]) -> Vec<Packet> {
    let mut bytes = BytesMut::from(bytes);
    std::iter::from_fn(|| Packet::read(&mut bytes, 4 * 1024 * 1024).ok()).collect()
}

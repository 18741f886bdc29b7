//! What waits, what is dropped, and in which order it is read.

use bytes::Bytes;
use chrono::DateTime;
use futures::FutureExt;

use super::*;
use crate::link::{Ack, TopicKind};

#[tokio::test]
async fn updates_and_sessions_keep_their_order_and_heartbeats_come_last() {
    let (inbox, mut events) = inbox(10);
    inbox.heart(frame("1", TopicKind::Heart));
    inbox.update(frame("2", TopicKind::Update)).unwrap();
    inbox.session("860602069165357".into(), true).await;
    inbox.update(frame("3", TopicKind::Update)).unwrap();
    inbox.up();

    let read: Vec<String> = read(&mut events).into_iter().map(|event| name(&event)).collect();

    assert_eq!(read, ["up", "2", "session true", "3", "1"]);
}

#[tokio::test]
async fn a_flap_between_two_reads_is_told() {
    let (inbox, mut events) = inbox(10);
    inbox.up();
    assert_eq!(names(&mut events), ["up"]);

    inbox.down();
    inbox.up();
    inbox.down();
    inbox.up();

    assert_eq!(names(&mut events), ["down", "up"]);
}

#[tokio::test]
async fn a_connection_that_came_and_went_unread_is_not_told() {
    let (inbox, mut events) = inbox(10);

    inbox.up();
    inbox.down();

    assert_eq!(names(&mut events), [""; 0]);
}

#[tokio::test]
async fn a_full_inbox_gives_updates_back() {
    let (inbox, mut events) = inbox(2);
    inbox.update(frame("1", TopicKind::Update)).unwrap();
    inbox.update(frame("2", TopicKind::Update)).unwrap();

    assert!(inbox.update(frame("3", TopicKind::Update)).is_err());
    events.next().await;

    assert!(inbox.update(frame("3", TopicKind::Update)).is_ok());
}

#[tokio::test]
async fn heartbeats_beyond_the_bound_are_dropped() {
    let (inbox, mut events) = inbox(2);

    for _ in 0..HEARTS_MAX + 10 {
        inbox.heart(frame("1", TopicKind::Heart));
    }
    inbox.update(frame("2", TopicKind::Update)).unwrap();

    let names = names(&mut events);
    assert_eq!(names[0], "2");
    assert_eq!(names.len(), HEARTS_MAX + 1);
}

#[tokio::test]
async fn session_events_wait_for_room() {
    let (inbox, mut events) = inbox(2);
    for _ in 0..SESSIONS_MAX {
        inbox.session("860602069165357".into(), true).await;
    }

    let mut waiting = Box::pin(inbox.session("860602069165357".into(), false));
    assert!(waiting.as_mut().now_or_never().is_none());
    events.next().await;

    waiting.await;
    assert_eq!(names(&mut events).last().unwrap(), "session false");
}

#[tokio::test]
async fn after_closing_the_rest_is_read_and_then_nothing() {
    let (inbox, mut events) = inbox(2);
    inbox.up();
    assert_eq!(names(&mut events), ["up"]);
    inbox.update(frame("1", TopicKind::Update)).unwrap();

    inbox.close();

    assert!(inbox.update(frame("2", TopicKind::Update)).is_err());
    let mut read = Vec::new();
    while let Some(event) = events.next().await {
        read.push(name(&event));
    }
    assert_eq!(read, ["down", "1"]);
}

#[tokio::test]
async fn without_a_reader_updates_are_lost_and_not_confirmed() {
    let (inbox, events) = inbox(2);
    let told = Arc::new(Mutex::new(None));
    let teller = Arc::clone(&told);
    let ack = Ack::new(move |outcome| *teller.lock() = Some(outcome));
    inbox.update(Incoming { ack: Some(ack), ..frame("1", TopicKind::Update) }).unwrap();

    drop(events);

    assert_eq!(*told.lock(), Some(crate::link::ack::Outcome::Lost));
    assert!(inbox.update(frame("2", TopicKind::Update)).is_err());
}

fn frame(payload: &'static str, kind: TopicKind) -> Incoming {
    let at = DateTime::UNIX_EPOCH;
    let payload = Bytes::from_static(payload.as_bytes());
    let uuid = "860602069165357".into();
    Incoming { uuid, kind, payload, at, live: true, earliest: at, ack: None }
}

fn read(events: &mut Events) -> Vec<LinkEvent> {
    std::iter::from_fn(|| events.next().now_or_never().flatten()).collect()
}

fn names(events: &mut Events) -> Vec<String> {
    read(events).iter().map(name).collect()
}

fn name(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up => "up".into(),
        LinkEvent::Down => "down".into(),
        LinkEvent::Session { connected, .. } => format!("session {connected}"),
        LinkEvent::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
    }
}

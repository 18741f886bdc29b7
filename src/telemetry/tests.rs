//! Announcements have the shape scripts wait for, and a flood of warnings is one line.

use std::time::Duration;

use serde_json::json;

use super::*;

#[test]
fn an_announcement_begins_with_its_event() {
    let line = announcement("ready", json!({"http": "127.0.0.1:8080", "mqtt": 1883}));

    assert_eq!(line, r#"{"event":"ready","http":"127.0.0.1:8080","mqtt":1883}"#);
}

#[test]
fn announcements_are_written_again_once_their_listener_is_gone() {
    let mut heard = listen();

    assert!(is_heard("one"));
    assert_eq!(heard.try_recv().as_deref(), Ok("one"));

    drop(heard);
    assert!(!is_heard("two"));
    assert!(LISTENER.lock().is_none());
}

#[tokio::test]
async fn a_kind_is_heard_once_a_minute_with_the_number_held_back() {
    let clock = Clock::manual();
    let warnings = LogLimit::new(clock.clone());

    assert_eq!(warnings.pass("bad_checksum"), Some(0));
    assert_eq!(warnings.pass("bad_checksum"), None);
    assert_eq!(warnings.clone().pass("bad_checksum"), None);
    assert_eq!(warnings.pass("wrong_topic"), Some(0));

    clock.advance(Duration::from_secs(61));
    assert_eq!(warnings.pass("bad_checksum"), Some(2));
}

#[test]
fn a_bad_filter_is_refused_with_an_example() {
    let refused = init(Output::Stderr, "chargeghar=loud").unwrap_err().to_string();

    assert!(refused.contains("chargeghar=loud") && refused.contains("info,chargeghar=debug"));
}

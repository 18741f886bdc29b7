//! Commands are read as strictly as firmware does.

use super::*;

#[test]
fn an_eject_carries_its_time_limit() {
    let text = br#"{"cmd":"popup_sn","data":"40818048","timestamp":"1700000000","ttl":"15"}"#;
    let command = Command::parse(text).expect("a command");

    let limit = command.limit().expect("a limit");

    assert_eq!(command.field("data"), Some("40818048"));
    assert!(!limit.is_over(1_700_000_015));
    assert!(limit.is_over(1_700_000_016));
}

#[test]
fn a_slot_has_a_serial_port() {
    let slot = |text: &str| Command::parse(text.as_bytes()).and_then(|command| command.slot());

    assert_eq!(slot(r#"{"cmd":"popup","data":"31","io":"1"}"#), Some(SlotKey::new(1, 31)));
    assert_eq!(slot(r#"{"cmd":"popup","data":"3"}"#), Some(SlotKey::new(0, 3)));
    assert_eq!(slot(r#"{"cmd":"popup","data":"x","io":"1"}"#), None);
}

#[test]
fn anything_but_strings_is_not_understood() {
    assert_eq!(Command::parse(br#"{"cmd":"volume","data":5}"#), None);
    assert_eq!(Command::parse(br#"{"data":"5"}"#), None);
    assert_eq!(Command::parse(b"\xA8\x00"), None);
}

#[test]
fn one_value_is_kept_under_the_name_of_its_command() {
    let settings = |text: &str| -> Vec<_> {
        Command::parse(text.as_bytes()).expect("a command").settings().collect()
    };

    let volume = settings(r#"{"cmd":"volume","data":"80"}"#);
    let wifi = settings(r#"{"cmd":"setWifi","username":"a","password":"b"}"#);

    assert_eq!(volume, [("volume".to_owned(), "80".to_owned())]);
    assert_eq!(wifi.len(), 2);
    assert_eq!(wifi[1], ("setWifi.username".to_owned(), "a".to_owned()));
}

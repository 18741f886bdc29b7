//! Heartbeats and the signal text.

use super::*;
use crate::a8::{A8, build};
use crate::{Codec, Uplink};

#[test]
fn signals_are_read_from_any_text() {
    check("CSQ:27", Some(Signal::Csq(27)));
    check("CSQ:0;BP:3", Some(Signal::Csq(0)));
    check("CSQ:31", Some(Signal::Csq(31)));
    check("CSQ:99", Some(Signal::NoNetwork));
    check("RSSI:-65", Some(Signal::Rssi(-65)));
    check("RSSI:-65dBm;BP:0", Some(Signal::Rssi(-65)));
    check("BP:0; RSSI: -70", Some(Signal::Rssi(-70)));
    for nonsense in ["", ";", "CSQ", "CSQ:", "CSQ:32", "CSQ:-1", "CSQ:x", "RSSI:", "RSSI:-", "27"] {
        check(nonsense, None);
    }
}

#[test]
fn backup_power_has_four_meanings() {
    let backup = |code| match A8::default().decode(&build::heartbeat(1, Signal::Csq(9), code)) {
        Ok(Uplink::Heartbeat(beat)) => beat.backup,
        other => panic!("{other:?}"),
    };
    assert_eq!(backup(0), Some(BackupPower::None));
    assert_eq!(backup(1), Some(BackupPower::Invalid(1)));
    assert_eq!(backup(2), Some(BackupPower::Stopped));
    assert_eq!(backup(3), Some(BackupPower::Running));
}

#[test]
fn built_heartbeats_read_back() {
    for signal in [Signal::Csq(27), Signal::Rssi(-65), Signal::NoNetwork] {
        let expected = Heartbeat { signal: Some(signal), backup: Some(BackupPower::None) };
        let decoded = A8::default().decode(&build::heartbeat(0x10, signal, 0));
        assert_eq!(decoded, Ok(Uplink::Heartbeat(expected)));
    }
}

#[test]
fn a_heartbeat_that_cannot_be_read_is_a_heartbeat_still() {
    let silent = Uplink::Heartbeat(Heartbeat { signal: None, backup: None });
    for payload in [&[0x10][..], &[0x10, 0xFF, 0xFE], b"\x10hello"] {
        assert_eq!(A8::default().decode(&build::frame(0x7A, payload)), Ok(silent.clone()));
    }
    let error = A8::default().decode(&build::frame(0x7A, &[])).unwrap_err();
    assert_eq!(error.code(), "bad_layout");
}

fn check(text: &str, expected: Option<Signal>) {
    assert_eq!(signal(text), expected, "{text}");
}

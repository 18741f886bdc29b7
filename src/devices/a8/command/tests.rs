//! Commands as they go over the wire, checked against the vector file.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::ids::{SlotKey, Sn};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn every_command_of_the_vector_file_is_written_byte_by_byte() {
    let file: Value = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let entries = file["json_commands"].as_array().unwrap();
    let mut commands = vector_commands();
    for entry in entries {
        let id = entry["id"].as_str().unwrap();
        let command = commands.remove(id).unwrap_or_else(|| panic!("{id} is not covered"));
        assert_eq!(text(&command), entry["json"], "{id}");
    }
    assert!(commands.is_empty(), "not in the file: {commands:?}");
}

#[test]
fn the_remaining_commands_have_their_names() {
    check(Downlink::ResetBoard, r#"{"cmd":"reset_mcu"}"#);
    check(Downlink::NetworkMode(NetworkMode::Mobile), r#"{"cmd":"setMode","data":"4g"}"#);
    check(Downlink::WifiEnabled(true), r#"{"cmd":"open_wifi"}"#);
    check(Downlink::WifiEnabled(false), r#"{"cmd":"close_wifi"}"#);
    check(Downlink::SetApn("ntc".into()), r#"{"cmd":"set_apn","data":"ntc"}"#);
    check(Downlink::Roaming(true), r#"{"cmd":"open_roam"}"#);
    check(Downlink::Roaming(false), r#"{"cmd":"close_roam"}"#);
    check(Downlink::RawUpload(true), r#"{"cmd":"buffer_upload","data":"true"}"#);
    check(Downlink::LogRecording(true), r#"{"cmd":"open_log_recording"}"#);
    check(Downlink::LogRecording(false), r#"{"cmd":"close_log_recording"}"#);
    check(Downlink::UploadLog, r#"{"cmd":"upload_app_log"}"#);
    check(Downlink::CheckLog, r#"{"cmd":"check_log"}"#);
    check(Downlink::AskVersion, r#"{"cmd":"get_version"}"#);
    check(Downlink::RestartScreen, r#"{"cmd":"apk_restart"}"#);
    check(Downlink::UploadScreenshot, r#"{"cmd":"upload_screen_capture"}"#);
    check(Downlink::SetLocation("tml_1".into()), r#"{"cmd":"location","data":"tml_1"}"#);
    check(Downlink::PublishFirmware(FirmwareTarget::ModuleTest), r#"{"cmd":"push_version_test"}"#);
    check(Downlink::PublishFirmware(FirmwareTarget::Boards), r#"{"cmd":"push_version_holesite"}"#);
    let url = "https://example.test/voice.json".to_owned();
    let expected = r#"{"cmd":"setAudio","data":"https://example.test/voice.json"}"#;
    check(Downlink::SetVoice { url }, expected);
}

#[test]
fn a_screen_cabinet_names_its_network_differently() {
    let model = CabinetModel::Screen;
    let command = Downlink::WifiSet { ssid: "Cafe".into(), password: String::new(), model };
    check(command, r#"{"cmd":"set_wifi","name":"Cafe","password":""}"#);
}

#[test]
fn volume_stops_at_its_end() {
    check(Downlink::Volume(0), r#"{"cmd":"volume","data":"0"}"#);
    check(Downlink::Volume(255), r#"{"cmd":"volume","data":"100"}"#);
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_string(ssid in any::<String>(), password in any::<String>()) {
        let model = CabinetModel::Small;
        let command = Downlink::WifiSet { ssid: ssid.clone(), password: password.clone(), model };
        let read: BTreeMap<String, String> = serde_json::from_slice(&encode(&command)).unwrap();
        prop_assert_eq!(read.len(), 3);
        prop_assert_eq!(&read["username"], &ssid);
        prop_assert_eq!(&read["password"], &password);
    }

    #[test]
    fn every_value_is_a_string(slot in any::<u16>(), io in any::<u8>(), ttl_s in any::<u16>()) {
        let limit = Some(TimeLimit { at: DateTime::UNIX_EPOCH, ttl_s });
        let command = Downlink::EjectBySlot { key: SlotKey::new(io, slot), limit };
        let read: BTreeMap<String, String> = serde_json::from_slice(&encode(&command)).unwrap();
        prop_assert_eq!(&read["data"], &slot.to_string());
        prop_assert_eq!(&read["ttl"], &ttl_s.to_string());
    }
}

fn vector_commands() -> BTreeMap<&'static str, Downlink> {
    let at = DateTime::from_timestamp(1_759_941_810, 0).unwrap();
    let limit = Some(TimeLimit { at, ttl_s: 30 });
    let sn = || Sn::from("10211856");
    let key = SlotKey::new(0, 16);
    let (ssid, password) = ("Cafe".to_owned(), "secret12".to_owned());
    BTreeMap::from([
        ("J01", Downlink::Check),
        ("J02", Downlink::CheckAll),
        ("J03", Downlink::UploadAll),
        ("J04", Downlink::EjectBySn { sn: sn(), limit: None }),
        ("J05", Downlink::EjectBySn { sn: sn(), limit }),
        ("J06", Downlink::EjectBySlot { key, limit: None }),
        ("J07", Downlink::EjectBySlot { key, limit }),
        ("J08", Downlink::LoadAdverts),
        ("J09", Downlink::PublishFirmware(FirmwareTarget::Module)),
        ("J10", Downlink::PublishFirmware(FirmwareTarget::Screen)),
        ("J11", Downlink::Reboot),
        ("J12", Downlink::Volume(70)),
        ("J13", Downlink::NetworkMode(NetworkMode::Wifi)),
        ("J14", Downlink::WifiScan),
        ("J15", Downlink::WifiSet { ssid, password, model: CabinetModel::Small }),
    ])
}

fn check(command: Downlink, expected: &str) {
    assert_eq!(text(&command), expected);
}

fn text(command: &Downlink) -> String {
    String::from_utf8(encode(command)).unwrap()
}

//! Answers as cabinets expect them.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;

#[test]
fn the_envelope_has_five_fields() {
    let at = DateTime::from_timestamp_millis(1_705_661_910_697).unwrap();
    let ok = serde_json::to_value(Envelope::ok("x", at)).unwrap();
    let expected =
        json!({"code": 200, "type": 0, "data": "x", "msg": "OK", "time": 1_705_661_910_697_i64});
    assert_eq!(ok, expected);
    let refused = serde_json::to_value(Envelope::refused("not enrolled", at)).unwrap();
    assert_eq!((&refused["code"], &refused["data"]), (&json!(500), &Value::Null));
    let read: Envelope<String> = serde_json::from_value(ok).unwrap();
    assert_eq!(read.data, "x");
}

#[test]
fn no_value_of_a_connect_line_can_become_two() {
    let good = answer();
    assert_eq!(ConnectAnswer::parse(&good.line().unwrap()), Ok(good.clone()));
    for bad in ["a,b", "", "a\nb"] {
        let answer = ConnectAnswer { password: bad.to_owned(), ..good.clone() };
        assert_eq!(answer.line(), Err(ConnectLineError::BadValue), "{bad:?}");
    }
}

#[test]
fn lines_that_are_no_answers_are_refused() {
    for line in ["", ",,,,,,", "a,b,c,1883,e,f", "a,b,c,port,e,f,1", "a,b,c,1,e,f,1,2"] {
        assert_eq!(ConnectAnswer::parse(line), Err(ConnectLineError::NotALine), "{line}");
    }
}

#[test]
fn a_password_never_shows_in_a_log() {
    let shown = format!("{:?}", answer());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_configuration_is_json_in_a_string_with_strings_inside() {
    let config = CabinetConfig { area: 357, rotation_number: 5, ..CabinetConfig::default() };
    let data: Value = serde_json::from_str(&config.data()).unwrap();
    let expected = json!({
        "dRotationRefer": "15", "dReturnLocked": "0", "dHeadConfig": "43", "dRotationNumber": "5",
        "dRotationEnable": "1", "dMotorEnable": "1", "dAreaConfig": "357",
    });
    assert_eq!(data, expected);
}

#[test]
fn an_advert_calls_its_volume_weight() {
    let advert = Advert {
        id: 1,
        title: "Welcome".into(),
        file_type: 1,
        url1: "https://example.test/1.png".into(),
        url2: String::new(),
        url3: String::new(),
        forward: String::new(),
        guuid: String::new(),
        play_time: 5,
        volume: 40,
        screen_brightness: 255,
    };
    let value = serde_json::to_value(&advert).unwrap();
    assert_eq!((&value["weight"], &value["fileType"]), (&json!(40), &json!(1)));
    assert_eq!((&value["playTime"], &value["screenBrightness"]), (&json!(5), &json!(255)));
}

#[test]
fn firmware_is_name_size_and_address() {
    let newest = Firmware {
        name: "BST6_ZS_EC20_V6088_0x926C_100520.bin".into(),
        size: 100_520,
        url: "http://host.test/apps/x.bin".into(),
    };
    let expected = "BST6_ZS_EC20_V6088_0x926C_100520.bin,100520,http://host.test/apps/x.bin";
    assert_eq!(Firmware::data(Some(&newest)), expected);
    assert_eq!(Firmware::data(None), "");
}

fn answer() -> ConnectAnswer {
    ConnectAnswer {
        client_id: "860000000000017".into(),
        product_key: "powerbank".into(),
        host: "broker.test".into(),
        port: 1883,
        username: "860000000000017".into(),
        password: "s3cret".into(),
        time: 1_705_661_910_800,
    }
}

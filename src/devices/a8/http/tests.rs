//! The calls of both generations.

use std::collections::BTreeSet;

use super::*;

const IMEI: &str = "860000000000017";

#[test]
fn every_path_is_listed_once() {
    let paths: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(paths.len(), ROUTES.len());
}

#[test]
fn both_generations_have_a_path_for_what_both_can() {
    for endpoint in [Endpoint::Connect, Endpoint::Config, Endpoint::Report] {
        assert_eq!(ROUTES.iter().filter(|route| route.endpoint == endpoint).count(), 2);
    }
}

#[test]
fn a_connect_call_says_who_and_what() {
    let body = "hardware=V6086&software=20240904-RBMG-3.0.0.0";
    let query = "simUUID=8986&simMobile=&uuid=860000000000017&deviceId=0&sign=00";
    let call = ConnectCall::parse(query, body).unwrap();
    assert_eq!(call.device, DeviceUuid::from(IMEI));
    assert_eq!((call.sim.as_str(), call.sim_mobile.as_str()), ("8986", ""));
    assert_eq!(call.hardware.as_deref(), Some("V6086"));
    assert_eq!(call.software.as_deref(), Some("20240904-RBMG-3.0.0.0"));
    assert_eq!(call.signature, Signature::Wrong);
}

#[test]
fn a_connect_body_that_is_no_query_is_overlooked() {
    for body in ["", "hardware", "%", "\u{0}"] {
        let call = ConnectCall::parse("uuid=441A847D6121&deviceId=0", body).unwrap();
        assert_eq!((call.hardware, call.software), (None, None));
        assert_eq!(call.signature, Signature::Absent);
    }
}

#[test]
fn a_call_without_a_cabinet_is_refused() {
    let missing = ConnectCall::parse("deviceId=0", "").unwrap_err();
    assert_eq!((missing.code(), missing), ("missing_parameter", CallError::Missing("uuid")));
    let strange = ReportCall::parse("rentboxSN=..%2Fetc&signal=").unwrap_err();
    assert_eq!(strange.code(), "not_a_device");
    assert_eq!(AdvertCall::parse("uuid=%").unwrap_err().code(), "bad_query");
}

#[test]
fn a_config_call_may_be_anonymous() {
    assert_eq!(ConfigCall::parse("").unwrap().device, None);
    let call = ConfigCall::parse("rentboxSN=860000000000017").unwrap();
    assert_eq!(call.device, Some(DeviceUuid::from(IMEI)));
    assert_eq!(ConfigCall::parse("rentboxSN=x").unwrap_err().code(), "not_a_device");
}

#[test]
fn a_report_call_signs_port_and_network_when_it_has_them() {
    let base = [("rentboxSN", IMEI), ("signal", "RSSI:-65")];
    let more = [base[0], base[1], ("io", "1"), ("ssid", "My Cafe")];
    check_report(&base, Signature::Good);
    check_report(&more, Signature::Good);
    let query = format!("{}&sign={}&CRC16=1234", join(&more), crate::a8::sign::sign(&more));
    let call = ReportCall::parse(&query).unwrap();
    assert_eq!(call.signal, Some(Signal::Rssi(-65)));
    assert_eq!((call.io, call.ssid.as_deref()), (Some(1), Some("My Cafe")));
    assert_eq!(call.signature, Signature::Good, "parameters beside the signed ones do not count");
}

#[test]
fn a_return_call_may_lack_its_slot_and_level() {
    let call = ReturnCall::parse("rentboxSN=860000000000017&singleSN=40818048&hole=0").unwrap();
    assert_eq!((call.sn, call.slot, call.level), (Sn::from("40818048"), None, None));
    let call = ReturnCall::parse("rentboxSN=860000000000017&singleSN=1&hole=3&power=64").unwrap();
    assert_eq!((call.slot, call.level), (Some(3), Some(64)));
    let call = ReturnCall::parse("rentboxSN=860000000000017&singleSN=1&power=250").unwrap();
    assert_eq!(call.level, None);
}

#[test]
fn a_returned_bank_has_a_decimal_serial() {
    for bad in ["0", "-1", "0x26ED580", "4294967295", "40818048'"] {
        let query = format!("rentboxSN={IMEI}&singleSN={bad}&hole=1");
        assert_eq!(ReturnCall::parse(&query).unwrap_err().code(), "not_a_bank", "{bad}");
    }
    let query = format!("rentboxSN={IMEI}&singleSN=040818048");
    assert_eq!(ReturnCall::parse(&query).unwrap().sn, Sn::from("40818048"));
}

#[test]
fn adverts_are_signed_with_a_position_that_is_not_sent() {
    let sent = ("uuid", IMEI);
    let quirk = crate::a8::sign::sign(&[("position", "screen"), sent]);
    let plain = crate::a8::sign::sign(&[sent]);
    for sign in [quirk, plain] {
        let call = AdvertCall::parse(&format!("uuid={IMEI}&sign={sign}")).unwrap();
        assert_eq!(call.signature, Signature::Good);
    }
    let call = AdvertCall::parse(&format!("uuid={IMEI}&sign=00")).unwrap();
    assert_eq!(call.signature, Signature::Wrong);
}

#[test]
fn firmware_calls_of_both_generations_are_read() {
    let call = FirmwareCall::parse(FirmwarePath::Main, "id=3").unwrap();
    assert_eq!((call.id, call.app, call.signature), (Some(3), None, Signature::Absent));
    let call = FirmwareCall::parse(FirmwarePath::Published, "appUuid=01&deviceUuid=").unwrap();
    assert_eq!((call.app.as_deref(), call.device), (Some("01"), None));
}

fn check_report(params: &[(&str, &str)], expected: Signature) {
    let query = format!("{}&sign={}", join(params), crate::a8::sign::sign(params));
    assert_eq!(ReportCall::parse(&query).unwrap().signature, expected);
}

fn join(params: &[(&str, &str)]) -> String {
    let encode = |value: &str| value.replace(' ', "%20").replace(':', "%3A");
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

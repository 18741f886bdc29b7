//! URLs of brokers, and what is wrong with bad ones.

use chrono::DateTime;

use super::*;
use crate::config::Endpoint;

#[test]
fn urls_are_taken_apart() {
    check("mqtt://broker", false, "broker", 1883, "", "");
    check("mqtts://broker", true, "broker", 8883, "", "");
    check("tcp://10.0.0.1:1884/", false, "10.0.0.1", 1884, "", "");
    check("ssl://u@broker:1", true, "broker", 1, "u", "");
    check("mqtt://u:p%40%2F:w@broker", false, "broker", 1883, "u", "p@/:w");
    check("mqtt://u:p@[::1]", false, "[::1]", 1883, "u", "p");
    check("mqtt://[fe80::1]:99", false, "[fe80::1]", 99, "", "");
}

#[test]
fn an_address_that_names_no_broker_is_refused() {
    for url in [
        "",
        "broker",
        "http://broker",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://u:p@:1",
        "mqtt://broker:port",
        "mqtt://broker:70000",
        "mqtt://broker/path",
        "mqtt://u:%4@broker",
        "mqtt://u:%zz@broker",
        "mqtt://u:%ff@broker",
    ] {
        assert!(Parsed::of(url).is_err(), "{url}");
    }
}

#[test]
fn the_setting_wins_over_the_name_in_the_url() {
    let mut config =
        config::Mqtt { url: Endpoint::new("mqtt://u:p@broker"), ..config::Mqtt::default() };
    let from_url = Settings::external(&config, DateTime::UNIX_EPOCH).unwrap().address;
    config.username = "service".into();
    config.password = Secret::new("word");

    let address = Settings::external(&config, DateTime::UNIX_EPOCH).unwrap().address;

    assert_eq!((&*from_url.username, from_url.password.expose()), ("u", "p"));
    assert_eq!((&*address.username, address.password.expose()), ("service", "word"));
    assert_eq!(format!("{address:?}"), "mqtt://broker:1883");
}

#[test]
fn tls_trusts_the_public_authorities_or_the_given_one() {
    let mut config =
        config::Mqtt { url: Endpoint::new("mqtts://broker"), ..config::Mqtt::default() };
    assert!(Settings::external(&config, DateTime::UNIX_EPOCH).unwrap().address.tls.is_some());

    config.ca_file = "no/such/file.pem".into();
    let error = Settings::external(&config, DateTime::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().starts_with("mqtt.ca_file: no/such/file.pem cannot be used"));

    let folder = tempfile::tempdir().unwrap();
    config.ca_file = folder.path().join("empty.pem");
    std::fs::write(&config.ca_file, "").unwrap();
    assert!(Settings::external(&config, DateTime::UNIX_EPOCH).is_err());
}

#[test]
fn sessions_have_names_of_their_own() {
    let config = config::Mqtt { url: Endpoint::new("mqtt://broker"), ..config::Mqtt::default() };
    let settings = Settings::external(&config, DateTime::UNIX_EPOCH).unwrap();

    assert_eq!(settings.updates_id(), "chargeghar-updates");
    assert_eq!(settings.hearts_id(), "chargeghar-hearts");
    assert_eq!(settings.marker_topic(), "/chargeghar/marker/chargeghar-updates");
}

#[track_caller]
fn check(url: &str, is_tls: bool, host: &str, port: u16, username: &str, password: &str) {
    let (host, username, password) = (host.into(), username.into(), password.into());
    assert_eq!(Parsed::of(url), Ok(Parsed { is_tls, host, port, username, password }), "{url}");
}

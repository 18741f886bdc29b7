//! The report tells what is wrong, what to do, and no password.

use std::net::Ipv4Addr;

use super::*;
use crate::config::{EmailProvider, Endpoint, Secret, SmsProvider};

#[tokio::test]
async fn a_machine_with_nothing_configured_is_fine() {
    let data = tempfile::tempdir().unwrap();

    let report = examine(&config(data.path())).await;

    let failed: Vec<_> = report.edges.iter().filter(|edge| edge.state == State::Fail).collect();
    let only_programs = failed.iter().all(|edge| edge.advice.contains("apt-get install"));
    assert!(report.ok || only_programs, "{report}");
    assert_eq!(state(&report, "ephemera"), State::Ok);
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_with_advice_and_without_its_password() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.database.url = Endpoint::new("postgres://me:hidden@127.0.0.1:1/x");
    config.mqtt.url = Endpoint::new("mqtt://127.0.0.1:1");
    config.ephemera.redis_url = Endpoint::new("redis://:hidden@127.0.0.1:1");

    let report = examine(&config).await;

    assert!(!report.ok);
    for (edge, variable) in
        [("database", "DATABASE__URL"), ("broker", "MQTT__URL"), ("ephemera", "REDIS_URL")]
    {
        assert_eq!(state(&report, edge), State::Fail, "{edge}");
        assert!(finding(&report, edge).advice.contains(variable), "{edge}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("hidden") && !report.to_string().contains("hidden"), "{report}");
}

#[tokio::test]
async fn a_port_in_use_is_a_failure_unless_a_node_runs() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut config = config(data.path());
    config.http.port = taken.local_addr().unwrap().port();

    let before = examine(&config).await;
    let _node = DataFolder::open(&config).unwrap().lock().unwrap();
    let running = examine(&config).await;

    assert_eq!(state(&before, "http"), State::Fail);
    assert!(finding(&before, "http").advice.contains("CHARGEGHAR__HTTP__PORT"));
    assert_eq!(state(&running, "http"), State::Ok);
    assert_eq!(finding(&running, "data folder").found, "a node runs on it");
}

#[tokio::test]
async fn looking_makes_nothing() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");

    let report = examine(&config(&data)).await;

    assert_eq!(finding(&report, "data folder").found, "will be made");
    assert!(!data.exists());
}

#[test]
fn a_broker_that_keeps_old_ejects_fails() {
    let found = |keeps| mqtt::Found { version: Some("5.8".into()), keeps_at_most_once: keeps };

    assert_eq!(judged(String::new(), found(Ok(false))).state, State::Ok);
    assert_eq!(judged(String::new(), found(Err("no".into()))).state, State::Warn);
    let keeps = judged(String::new(), found(Ok(true)));
    assert_eq!((keeps.state, keeps.version.as_deref()), (State::Fail, Some("5.8")));
    assert!(keeps.advice.contains("mqueue_store_qos0"));
}

#[tokio::test]
async fn nobody_can_log_in_without_messages() {
    let mut config = Config::default();
    config.sms.provider = SmsProvider::Off;
    config.email.provider = EmailProvider::Off;

    for finding in [carriers::sms(&config).await, carriers::email(&config).await] {
        assert_eq!((finding.state, &*finding.found), (State::Warn, "nobody can log in"));
    }
    assert_eq!(leading_number("15.14"), 15);
}

#[tokio::test]
async fn a_carrier_that_can_not_be_reached_is_told_without_its_secrets() {
    let mut config = Config::default();
    config.sms.provider = SmsProvider::Sparrow;
    config.sms.sparrow_url = "http://127.0.0.1:1/v2/".to_owned();
    config.sms.sparrow_token = Secret::new("hidden-token");
    config.email.provider = EmailProvider::Smtp;
    config.email.from = "no-reply@example.com".to_owned();
    config.email.smtp_host = "127.0.0.1".to_owned();
    config.email.smtp_port = 1;
    config.email.smtp_password = Secret::new("hidden-password");

    let (sms, email) = (carriers::sms(&config).await, carriers::email(&config).await);

    assert_eq!((sms.state, email.state), (State::Fail, State::Fail));
    assert!(sms.advice.contains("CHARGEGHAR__SMS__SPARROW_URL"), "{sms:?}");
    assert!(email.advice.contains("CHARGEGHAR__EMAIL__SMTP_HOST"), "{email:?}");
    assert!(!format!("{sms:?}{email:?}").contains("hidden"));
}

/// Settings of a machine of its own: any free port.
fn config(data: &Path) -> Config {
    let mut config = Config { data_dir: data.to_owned(), ..Config::default() };
    config.http.port = 0;
    config.mqtt.port = 0;
    config
}

fn finding<'r>(report: &'r Report, edge: &str) -> &'r Finding {
    report.edges.iter().find(|finding| finding.edge == edge).unwrap()
}

fn state(report: &Report, edge: &str) -> State {
    finding(report, edge).state
}

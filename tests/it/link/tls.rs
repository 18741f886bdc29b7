//! The link over TLS, which the embedded broker does not speak.

use std::time::Duration;

use chargeghar::link::Link;
use chargeghar::link::mqtt::Settings;
use tokio::time::timeout;

use super::rig::*;
use crate::harness::mosquitto::{PASSWORD, USER, tls_folder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_a_trusted_authority_is_spoken_to() {
    let Some(rig) = Rig::mosquitto().await else { return };
    let mut link = rig.link_with(settings(&rig, "authority.pem")).await;
    let mut cabinet = rig.cabinet(FIRST).await;

    cabinet.update("hello").await;
    link.publish(FIRST, "command").await.unwrap();

    assert_eq!(confirm(link.update().await), "hello");
    assert_eq!(cabinet.message().await.1, "command");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_another_authority_is_not() {
    let Some(rig) = Rig::mosquitto().await else { return };
    for authority in ["stranger.pem", ""] {
        let mut link = rig.start(settings(&rig, authority));

        let up = timeout(Duration::from_secs(1), link.until_up()).await;

        assert!(up.is_err() && !link.link.is_up(), "{authority}");
        link.link.close().await;
    }
}

/// An empty name trusts the public authorities.
fn settings(rig: &Rig, authority: &str) -> Settings {
    let TheBroker::Mosquitto(mosquitto) = &rig.broker else { panic!("no Mosquitto") };
    let port = mosquitto.tls_port();
    let mut config = config(&format!("mqtts://{USER}:{PASSWORD}@localhost:{port}"));
    if !authority.is_empty() {
        config.ca_file = tls_folder().join(authority);
    }
    Settings::external(&config, rig.clock.now()).unwrap()
}

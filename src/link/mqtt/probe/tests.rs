//! A real broker in both of its moods; nothing is tried where Mosquitto is not installed.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::config::{Endpoint, Mqtt};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_broker_that_drops_messages_for_the_absent_is_recognised() {
    let Some(broker) = Broker::start("queue_qos0_messages false") else { return };

    let found = broker.probe().await;

    assert_eq!(found.keeps_at_most_once, Ok(false));
    assert!(found.version.unwrap().starts_with("mosquitto version"));
}

#[tokio::test]
async fn a_broker_that_keeps_them_is_recognised() {
    let Some(broker) = Broker::start("queue_qos0_messages true") else { return };

    assert_eq!(broker.probe().await.keeps_at_most_once, Ok(true));
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error() {
    let nowhere = settings(1);

    let refused = probe(&nowhere, &Entropy::seeded(1), PATIENCE).await.unwrap_err();

    assert!(refused.contains("no connection"), "{refused}");
}

struct Broker {
    child: Child,
    port: u16,
    _settings: tempfile::NamedTempFile,
}

impl Broker {
    fn start(setting: &str) -> Option<Broker> {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "listener {port} 127.0.0.1\nallow_anonymous true\n{setting}").unwrap();
        let programs = ["mosquitto", "/usr/sbin/mosquitto"];
        let child = programs.iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(file.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        Some(Broker { child: child?, port, _settings: file })
    }

    /// Asks until the broker is there.
    async fn probe(&self) -> Found {
        let entropy = Entropy::system();
        let settings = settings(self.port);
        let found = async {
            loop {
                if let Ok(found) = probe(&settings, &entropy, PATIENCE).await {
                    break found;
                }
            }
        };
        Clock::system()
            .within(PATIENCE, Box::pin(found))
            .await
            .expect("the broker is there in time")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(port: u16) -> Settings {
    let url = Endpoint::new(format!("mqtt://127.0.0.1:{port}"));
    Settings::external(&Mqtt { url, ..Mqtt::default() }, Clock::system().now()).unwrap()
}

//! Debian's Mosquitto with dynamic security, as a child process on a port of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The administrator of the plugin, which is also the service.
pub const USER: &str = "service";
pub const PASSWORD: &str = "pw";

/// Where they are, by whoever runs the tests; found by themselves otherwise.
const BINARY: &str = "CHARGEGHAR_TEST_MOSQUITTO";
const PLUGIN: &str = "CHARGEGHAR_TEST_MOSQUITTO_PLUGIN";

/// What the plugin starts with: that user, as its own tool makes it.
const PLUGIN_FILE: &str = r#"{
  "clients": [{
    "username": "service",
    "password": "rRm/1BZARnuCqyhX9l2B1wg0mH+42jKO3ksWX87PLHlFhUwHLucMw0IxtFJYoCEPReKVvcgvbeSa+25lyW/dHQ==",
    "salt": "nR2O2meaADPeQp9r",
    "iterations": 101,
    "roles": [{"rolename": "admin"}]
  }],
  "roles": [{
    "rolename": "admin",
    "acls": [
      {"acltype": "publishClientSend", "topic": "$CONTROL/dynamic-security/#", "allow": true},
      {"acltype": "publishClientReceive", "topic": "$CONTROL/dynamic-security/#", "allow": true},
      {"acltype": "subscribePattern", "topic": "$CONTROL/dynamic-security/#", "allow": true}
    ]
  }],
  "defaultACLAccess": {
    "publishClientSend": false,
    "publishClientReceive": true,
    "subscribe": false,
    "unsubscribe": true
  }
}"#;

/// The child, its files and its port, gone with this value.
pub struct Mosquitto {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// None, with a word about it, where there is no Mosquitto.
    pub fn start() -> Option<Mosquitto> {
        let (Some(_), Some(plugin)) = (binary(), plugin()) else {
            println!("skipped: no Mosquitto with its dynamic security plugin");
            let asked = ["CI", BINARY, PLUGIN].iter().find(|name| std::env::var_os(name).is_some());
            assert_eq!(asked, None, "no Mosquitto, and this says that there must be one");
            return None;
        };
        // a port that was free may be taken by the time it is opened
        let started = (0..3).find_map(|_| Mosquitto::on_free_ports(&plugin));
        assert!(started.is_some(), "Mosquitto ended at once, three times");
        started
    }

    fn on_free_ports(plugin: &Path) -> Option<Mosquitto> {
        let folder = tempfile::tempdir().unwrap();
        let (port, tls_port) = free_ports();
        let shown = folder.path().display();
        let settings = format!(
            "listener {port} 127.0.0.1\n\
             user root\n\
             allow_anonymous false\n\
             plugin {plugin}\n\
             plugin_opt_config_file {shown}/plugin.json\n\
             persistence true\n\
             persistence_location {shown}/\n\
             retain_available false\n\
             max_inflight_messages 200\n\
             max_queued_messages 200000\n\
             set_tcp_nodelay true\n\
             listener {tls_port} 127.0.0.1\n\
             certfile {tls}/server.pem\n\
             keyfile {tls}/server.key\n\
             log_dest file {shown}/log\n",
            plugin = plugin.display(),
            tls = tls_folder().display(),
        );
        std::fs::write(folder.path().join("mosquitto.conf"), settings).unwrap();
        let mut mosquitto = Mosquitto { folder, port, tls_port, child: None };
        mosquitto.forget();
        mosquitto.runs().then_some(mosquitto)
    }

    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it speaks TLS, with the certificate of `tls_folder`.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Ends it at once; sessions and messages are lost, accounts are not.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let _ = std::fs::remove_file(self.folder.path().join("mosquitto.db"));
    }

    /// Once it is ended: accounts and rights are as they were at first.
    pub fn forget(&self) {
        std::fs::write(self.folder.path().join("plugin.json"), PLUGIN_FILE).unwrap();
    }

    /// The service's role for this cabinet no longer lets it listen to this topic.
    pub async fn take_right(&self, cabinet: &str, topic: &str) {
        let rolename = role(cabinet);
        let acltype = "subscribeLiteral";
        self.control(json!({ "command": "removeRoleACL", "rolename": rolename,
            "acltype": acltype, "topic": topic }))
            .await;
    }

    pub async fn give_right(&self, cabinet: &str, topic: &str) {
        let rolename = role(cabinet);
        let acltype = "subscribeLiteral";
        self.control(json!({ "command": "addRoleACL", "rolename": rolename,
            "acltype": acltype, "topic": topic, "allow": true, "priority": 0 }))
            .await;
    }

    /// Has the plugin carry out a command.
    async fn control(&self, command: Value) {
        let mut options = MqttOptions::new("another-admin", "127.0.0.1", self.port);
        options.set_credentials(USER, PASSWORD);
        let (client, mut events) = AsyncClient::new(options, 10);
        let topic = "$CONTROL/dynamic-security/v1";
        client.subscribe(format!("{topic}/response"), QoS::AtLeastOnce).await.unwrap();
        let name = command["command"].clone();
        let commands = json!({ "commands": [command] }).to_string();
        let said = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                match events.poll().await.unwrap() {
                    Event::Incoming(Packet::SubAck(_)) => {
                        let sent = client.publish(topic, QoS::AtLeastOnce, false, commands.clone());
                        sent.await.unwrap();
                    }
                    Event::Incoming(Packet::Publish(answer)) => {
                        let said: Value = serde_json::from_slice(&answer.payload).unwrap();
                        if said["responses"][0]["command"] == name {
                            break said;
                        }
                    }
                    Event::Incoming(_) | Event::Outgoing(_) => {}
                }
            }
        });
        let said = said.await.unwrap();
        assert_eq!(said["responses"][0]["error"], Value::Null, "{said}");
    }

    /// Starts it again where it was.
    pub fn run(&mut self) {
        assert!(self.runs(), "Mosquitto did not start: {}", self.log());
    }

    /// Starts it; false when it ended at once.
    fn runs(&mut self) -> bool {
        let child = Command::new(binary().unwrap())
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = self.child.insert(child.unwrap());
        let (addr, deadline) = ((Ipv4Addr::LOCALHOST, self.port), now() + Duration::from_secs(20));
        while TcpStream::connect(addr).is_err() {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(now() < deadline, "Mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `authority.pem` signed `server.pem`, which is for localhost; `stranger.pem` signed nothing.
pub fn tls_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/link/tls")
}

/// What the service calls the rights of one cabinet.
fn role(cabinet: &str) -> String {
    format!("chargeghar-cabinet-{cabinet}")
}

fn binary() -> Option<PathBuf> {
    let named = std::env::var_os(BINARY).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    named.into_iter().chain(folders.map(|folder| folder.join("mosquitto"))).find(|p| p.is_file())
}

fn plugin() -> Option<PathBuf> {
    const NAME: &str = "mosquitto_dynamic_security.so";
    let named = std::env::var_os(PLUGIN).map(PathBuf::from);
    let mut folders: Vec<PathBuf> = vec!["/usr/lib".into(), "/usr/local/lib".into()];
    for folder in folders.clone() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    named.into_iter().chain(folders.iter().map(|folder| folder.join(NAME))).find(|p| p.is_file())
}

/// Two that differ: the first is held until the second is found.
fn free_ports() -> (u16, u16) {
    let open = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (one, other) = (open(), open());
    (one.local_addr().unwrap().port(), other.local_addr().unwrap().port())
}

#[expect(clippy::disallowed_methods, reason = "a child process does not know our clock")]
fn now() -> Instant {
    Instant::now()
}

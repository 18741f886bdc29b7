//! Debian's Mosquitto with dynamic security: started, killed, and started again with or without
//! what it knew.

use std::env::{split_paths, var_os};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::first_file;
use crate::process::signal;

/// The service at the broker, which is also its administrator.
pub const ACCOUNT: (&str, &str) = ("service", "pw");
/// What the plugin starts with: that account, as its own tool makes it.
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
const MISSING: &str = "no Mosquitto with its dynamic security plugin here: as root, \
                       apt-get install -y mosquitto";
/// Longest start, and longest orderly end.
const START_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

pub struct Mosquitto {
    folder: PathBuf,
    program: PathBuf,
    port: u16,
    child: Child,
}

impl Mosquitto {
    pub async fn start_new(folder: &Path) -> anyhow::Result<Mosquitto> {
        let plugin = plugin().context(MISSING)?;
        let access = format!(
            "allow_anonymous false\nplugin {}\nplugin_opt_config_file {}/plugin.json",
            plugin.display(),
            folder.display(),
        );
        Mosquitto::start_with(folder, &access).await
    }

    /// One with the same settings that lets in everybody: clients may read and write every topic.
    pub async fn start_open(folder: &Path) -> anyhow::Result<Mosquitto> {
        Mosquitto::start_with(folder, "allow_anonymous true").await
    }

    async fn start_with(folder: &Path, access: &str) -> anyhow::Result<Mosquitto> {
        let program = program().context(MISSING)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let shown = folder.display();
        let settings = format!(
            "listener {port} 127.0.0.1\n\
             user root\n\
             {access}\n\
             persistence true\n\
             persistence_location {shown}/\n\
             retain_available false\n\
             max_inflight_messages 200\n\
             max_queued_messages 200000\n\
             set_tcp_nodelay true\n\
             log_dest file {shown}/log\n",
        );
        fs::write(folder.join("mosquitto.conf"), settings)?;
        fs::write(folder.join("plugin.json"), PLUGIN_FILE)?;
        let child = run(&program, folder, port).await?;
        Ok(Mosquitto { folder: folder.to_owned(), program, port, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Tells the service of it.
    pub fn settings(&self) -> [(&'static str, String); 4] {
        self.settings_over(self.address())
    }

    /// The same, for a service that reaches it over a cable; cabinets come to it itself.
    pub fn settings_over(&self, cable: SocketAddr) -> [(&'static str, String); 4] {
        let ((user, password), broker) = (ACCOUNT, self.address());
        [
            ("MQTT__URL", format!("mqtt://{user}:{password}@{cable}")),
            ("MQTT__ADMIN", "dynamic_security".to_owned()),
            ("MQTT__ADVERTISED_HOST", broker.ip().to_string()),
            ("MQTT__ADVERTISED_PORT", broker.port().to_string()),
        ]
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Ends it in order and starts it: it knows its sessions and what waits for them.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        signal(self.child.id().context("Mosquitto has ended")?, rustix::process::Signal::TERM)?;
        timeout(START_MAX, self.child.wait()).await.context("Mosquitto did not end")??;
        self.run().await
    }

    /// Kills it and starts it with nothing: neither sessions, nor messages, nor accounts but the
    /// service's.
    pub async fn replace(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        let _ = fs::remove_file(self.folder.join("mosquitto.db")); // it may never have written it
        fs::write(self.folder.join("plugin.json"), PLUGIN_FILE)?;
        self.run().await
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        self.child = run(&self.program, &self.folder, self.port).await?;
        Ok(())
    }
}

/// Starts it; done when it listens.
async fn run(program: &Path, folder: &Path, port: u16) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.join("mosquitto.conf")).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().context("Mosquitto did not start")?;
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        if child.try_wait()?.is_some() || begun.elapsed() > START_MAX {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            bail!("Mosquitto does not listen:\n{log}");
        }
        sleep(LOOK).await;
    }
    Ok(child)
}

fn program() -> Option<PathBuf> {
    let named = var_os("CHARGEGHAR_TEST_MOSQUITTO").map(PathBuf::from);
    let path = var_os("PATH").unwrap_or_default();
    let folders = split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    first_file(named.into_iter().chain(folders.map(|folder| folder.join("mosquitto"))))
}

fn plugin() -> Option<PathBuf> {
    const NAME: &str = "mosquitto_dynamic_security.so";
    let named = var_os("CHARGEGHAR_TEST_MOSQUITTO_PLUGIN").map(PathBuf::from);
    let mut folders: Vec<PathBuf> = vec!["/usr/lib".into(), "/usr/local/lib".into()];
    for folder in folders.clone() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    first_file(named.into_iter().chain(folders.iter().map(|folder| folder.join(NAME))))
}

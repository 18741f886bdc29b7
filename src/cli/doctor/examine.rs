//! A look at each edge but the carriers of messages, and the order in which they are told.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use super::carriers;
use super::report::{Finding, Report, State, word};
use crate::clock::Clock;
use crate::config::Config;
use crate::embedded::postgres::{self, OLDEST, Programs};
use crate::embedded::{DataFolder, Error};
use crate::entropy::Entropy;
use crate::ephemera::{Ephemera, Redis};
use crate::link::mqtt;

#[cfg(test)]
mod tests;

/// Longest look at one edge.
const PATIENCE: Duration = Duration::from_secs(10);
/// Less free space than this is told, in bytes.
const SPACE_LOW: u64 = 2 << 30;
/// Less free space than this is a failure, in bytes.
const SPACE_NONE: u64 = 256 << 20;

/// Whether a node runs on the data folder; its ports are in use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Runs,
    Absent,
}

/// An edge that the service listens at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Http,
    Broker,
}

impl Listener {
    fn edge(self) -> &'static str {
        match self {
            Listener::Http => "http",
            Listener::Broker => "broker",
        }
    }

    /// Where its port is in the settings, as a part of a variable's name.
    fn section(self) -> &'static str {
        match self {
            Listener::Http => "HTTP",
            Listener::Broker => "MQTT",
        }
    }
}

/// Looks at every edge that the settings name.
pub async fn examine(config: &Config) -> Report {
    let node = node(config);
    let mut edges = vec![settings(config), data_folder(config, node), space(config)];
    edges.push(database(config).await);
    edges.push(broker(config, node).await);
    edges.push(ephemera(config).await);
    edges.push(port(Listener::Http, SocketAddr::new(config.http.bind, config.http.port), node));
    edges.extend([carriers::sms(config).await, carriers::email(config).await]);
    edges.extend([carriers::push(config), objects(config), payments(config)]);
    Report { ok: edges.iter().all(|edge| edge.state < State::Fail), edges }
}

/// Whether a node holds the data folder.
fn node(config: &Config) -> Node {
    let there = DataFolder::path(config).is_ok_and(|path| path.join("node.lock").exists());
    let lock = || DataFolder::open(config).and_then(|folder| folder.lock());
    if there && matches!(lock(), Err(Error::Locked(_))) { Node::Runs } else { Node::Absent }
}

fn settings(config: &Config) -> Finding {
    let environment = if config.is_production() { "production" } else { "development" };
    let problems = config.problems();
    if problems.is_empty() {
        return Finding::ok("settings", environment, "every value can be used");
    }
    Finding::fail("settings", environment, problems.join("; "), "correct these values")
}

fn data_folder(config: &Config, node: Node) -> Finding {
    let path = match DataFolder::path(config) {
        Ok(path) => path,
        Err(error) => return Finding::fail("data folder", "", error.to_string(), "set HOME"),
    };
    let shown = path.display().to_string();
    if node == Node::Runs {
        return Finding::ok("data folder", shown, "a node runs on it");
    }
    let nearest = existing(&path);
    if let Err(error) = access(&nearest, Access::WRITE_OK | Access::EXEC_OK) {
        let found = format!("{} is not writable: {error}", nearest.display());
        return Finding::fail("data folder", shown, found, "set CHARGEGHAR__DATA_DIR");
    }
    let is_there = path.is_dir();
    Finding::ok("data folder", shown, if is_there { "writable" } else { "will be made" })
}

fn space(config: &Config) -> Finding {
    let path = DataFolder::path(config).unwrap_or_default();
    let nearest = existing(&path);
    let shown = nearest.display().to_string();
    let free = match statvfs(&nearest) {
        Ok(disk) => disk.f_bavail * disk.f_frsize,
        Err(error) => return Finding::warn("disk", shown, error.to_string(), "look at the disk"),
    };
    let found = format!("{} MB free", free >> 20);
    match free {
        ..SPACE_NONE => Finding::fail("disk", shown, found, "make room: 256 MB at the very least"),
        SPACE_NONE..SPACE_LOW => Finding::warn("disk", shown, found, "make room: 2 GB or more"),
        SPACE_LOW.. => Finding::ok("disk", shown, found),
    }
}

async fn database(config: &Config) -> Finding {
    let settings = &config.database;
    if !settings.url.is_set() {
        return embedded_database(config);
    }
    let shown = settings.url.to_string();
    match postgres::probe(&settings.url, settings.password.expose(), PATIENCE).await {
        Ok(version) => {
            let major: u32 = leading_number(&version);
            let finding = Finding::ok("database", shown.clone(), "it answers");
            let too_old = || {
                let advice = format!("use Postgres {OLDEST} or later");
                Finding::fail("database", shown, "it is too old", advice)
            };
            if major < OLDEST { too_old() } else { finding }.version(version)
        }
        Err(error) => {
            let advice = "start it, or correct CHARGEGHAR__DATABASE__URL; empty means embedded";
            Finding::fail("database", shown, error, advice)
        }
    }
}

fn embedded_database(config: &Config) -> Finding {
    let folder = DataFolder::path(config).unwrap_or_default().join("postgres");
    let made_by = postgres::made_by(&folder);
    let made = made_by.map_or("will be made".to_owned(), |major| format!("made by {major}"));
    match Programs::find(&config.database.embedded_programs, made_by) {
        Ok(programs) => {
            let found = format!("{}; programs in {}", made, programs.folder.display());
            Finding::ok("database", "embedded", found).version(programs.major.to_string())
        }
        Err(error) => Finding::fail("database", "embedded", made, error.to_string()),
    }
}

async fn broker(config: &Config, node: Node) -> Finding {
    let settings = &config.mqtt;
    if !settings.url.is_set() {
        if !cfg!(feature = "embedded-broker") {
            let advice = "set CHARGEGHAR__MQTT__URL";
            return Finding::fail("broker", "embedded", "this build has none", advice);
        }
        let version = env!("CARGO_PKG_VERSION");
        let address = SocketAddr::new(settings.bind, settings.port);
        return port(Listener::Broker, address, node).version(version);
    }
    let shown = settings.url.to_string();
    let advice = "start it, or correct CHARGEGHAR__MQTT__URL and its user; empty means embedded";
    let link = match mqtt::Settings::external(settings, Clock::system().now()) {
        Ok(link) => link,
        Err(error) => return Finding::fail("broker", shown, error.to_string(), advice),
    };
    match mqtt::probe(&link, &Entropy::system(), PATIENCE).await {
        Ok(found) => judged(shown, found),
        Err(error) => Finding::fail("broker", shown, error, advice),
    }
}

fn judged(shown: String, found: mqtt::Found) -> Finding {
    let finding = match found.keeps_at_most_once {
        Ok(false) => Finding::ok("broker", shown, "it answers, and drops ejects for the absent"),
        Ok(true) => Finding::fail(
            "broker",
            shown,
            "it keeps messages at most once for cabinets that are away: an old eject would be \
             carried out late",
            "EMQX: mqtt.mqueue_store_qos0 = false; Mosquitto: queue_qos0_messages false",
        ),
        Err(reason) => Finding::warn(
            "broker",
            shown,
            format!("it answers; whether it keeps old ejects could not be tried: {reason}"),
            "let the service's user publish and subscribe below /chargeghar/",
        ),
    };
    match found.version {
        Some(version) => finding.version(version),
        None => finding,
    }
}

async fn ephemera(config: &Config) -> Finding {
    let settings = &config.ephemera;
    if !settings.redis_url.is_set() {
        return Finding::ok("ephemera", "memory", "a restart forgets login codes and limits");
    }
    let shown = settings.redis_url.to_string();
    let password = settings.redis_password.expose();
    let timeout = settings.timeout_ms.duration();
    let answer = match Redis::new(settings.redis_url.expose(), password, "", timeout) {
        Ok(redis) => match redis.ping().await {
            Ok(()) => redis.version().await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match answer {
        Ok(version) => Finding::ok("ephemera", shown, "it answers").version(version),
        Err(error) => {
            let advice = "start it, or correct CHARGEGHAR__EPHEMERA__REDIS_URL; empty means memory";
            Finding::fail("ephemera", shown, error.to_string(), advice)
        }
    }
}

fn port(listener: Listener, address: SocketAddr, node: Node) -> Finding {
    let (edge, section) = (listener.edge(), listener.section());
    let shown = address.to_string();
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(edge, shown, "the port is free"),
        Err(_) if node == Node::Runs => Finding::ok(edge, shown, "in use by the node that runs"),
        Err(error) => {
            let advice = format!("set CHARGEGHAR__{section}__PORT or CHARGEGHAR__{section}__BIND");
            Finding::fail(edge, shown, format!("it cannot be listened on: {error}"), advice)
        }
    }
}

fn objects(config: &Config) -> Finding {
    Finding::ok("objects", word(&config.objects.provider), "nothing is kept there so far")
}

fn payments(config: &Config) -> Finding {
    let payments = &config.payments;
    let gateways = [
        ("sandbox", payments.sandbox),
        ("khalti", payments.khalti.secret_key.is_set()),
        ("esewa", payments.esewa.secret_key.is_set()),
        ("stripe", payments.stripe.secret_key.is_set()),
    ];
    let on: Vec<&str> =
        gateways.iter().filter(|gateway| gateway.1).map(|gateway| gateway.0).collect();
    if on.is_empty() {
        let advice = "set the secret key of a gateway";
        return Finding::warn("payments", "no gateway", "nobody can top up", advice);
    }
    Finding::ok("payments", on.join(", "), "not tried: money would move")
}

/// The folder itself or the nearest one above it that is there.
fn existing(path: &Path) -> PathBuf {
    let is_there = |above: &&Path| fs::metadata(above).is_ok();
    path.ancestors().find(is_there).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

fn leading_number(version: &str) -> u32 {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().unwrap_or(0)
}

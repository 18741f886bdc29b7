//! Where the broker is, who we are there, and what a link may hold. Checked here, so that a
//! link that starts can only fail for reasons of the network.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use devices::topic::Topics;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, pem};
use rustls::{ClientConfig, RootCertStore};

use super::wire::Address;
use crate::config::{self, Secret};

#[cfg(test)]
mod tests;

/// The first level of every cabinet's topics; the connect answer tells it to them.
pub const PRODUCT: &str = "powerbank";

/// What client ids of the service begin with at the embedded broker, which knows it by that.
#[cfg(feature = "embedded-broker")]
const EMBEDDED_CLIENT: &str = "chargeghar";

const SILENCE_MAX: Duration = Duration::from_secs(25);

const PLAIN_PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;

#[derive(Clone, Debug)]
pub struct Settings {
    pub address: Address,
    /// What the ids of our sessions begin with. Two networks on one broker need two.
    pub client_id: String,
    pub topics: Topics,
    /// Shortest and longest pause before a lost session is opened again; it doubles.
    pub reconnect_min: Duration,
    pub reconnect_max: Duration,
    /// A connection on which nothing arrives for this long, not even the receipt of a marker,
    /// is dead. More than 10 s: so often a marker is sent while the broker holds some back.
    pub silence_max: Duration,
    /// Updates delivered and not confirmed. Those beyond wait, first here, then at the broker.
    pub unacked_max: usize,
    /// Bytes of a payload; longer ones are counted and forgotten.
    pub payload_max: usize,
    /// Everything sent before this is known to have arrived, in this process or an earlier one.
    pub complete_until: DateTime<Utc>,
}

/// What is wrong with the configuration of the broker.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error("mqtt.url: {0}")]
    Url(&'static str),
    #[error("mqtt.ca_file: {path} cannot be used: {reason}", path = path.display())]
    Authority { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Settings {
    /// A broker by its URL: `mqtt://` or `tcp://`, `mqtts://` or `ssl://`. User name and
    /// password come from their settings, else from the URL.
    pub fn external(
        config: &config::Mqtt,
        complete_until: DateTime<Utc>,
    ) -> Result<Settings, BadSettings> {
        let url = Parsed::of(config.url.expose()).map_err(BadSettings::Url)?;
        let tls = if url.is_tls { Some(tls(&config.ca_file)?) } else { None };
        let named = !config.username.is_empty();
        let (username, password) = if named {
            (config.username.clone(), config.password.clone())
        } else {
            (url.username, Secret::new(url.password))
        };
        let (host, port, keep_alive) = (url.host, url.port, config.keep_alive_s.duration());
        let address = Address { host, port, tls, username, password, keep_alive };
        Ok(Settings::new(config, config.client_id.clone(), address, complete_until))
    }

    /// The broker in this process. It has just started, so nothing waits there.
    #[cfg(feature = "embedded-broker")]
    pub fn embedded(
        config: &config::Mqtt,
        addr: std::net::SocketAddr,
        password: Secret,
        now: DateTime<Utc>,
    ) -> Settings {
        let address = Address {
            host: addr.ip().to_string(),
            port: addr.port(),
            tls: None,
            username: EMBEDDED_CLIENT.into(),
            password,
            keep_alive: config.keep_alive_s.duration(),
        };
        Settings::new(config, EMBEDDED_CLIENT.into(), address, now)
    }

    fn new(
        config: &config::Mqtt,
        client_id: String,
        address: Address,
        complete_until: DateTime<Utc>,
    ) -> Settings {
        Settings {
            address,
            client_id,
            topics: Topics::new(PRODUCT).expect("the product key is a plain word"),
            reconnect_min: config.reconnect_min_ms.duration(),
            reconnect_max: config.reconnect_max_ms.duration(),
            silence_max: SILENCE_MAX,
            unacked_max: usize::from(config.unacked_max),
            payload_max: config.payload_max_bytes,
            complete_until,
        }
    }

    /// The client id of the session of the updates.
    pub fn updates_id(&self) -> String {
        format!("{}-updates", self.client_id)
    }

    /// The client id of the session of the heartbeats.
    pub fn hearts_id(&self) -> String {
        format!("{}-hearts", self.client_id)
    }

    /// The client id of short conversations with the broker about its accounts.
    pub fn admin_id(&self) -> String {
        format!("{}-admin", self.client_id)
    }

    /// Where the session of the updates speaks to itself.
    pub fn marker_topic(&self) -> String {
        format!("/chargeghar/marker/{}", self.updates_id())
    }
}

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    is_tls: bool,
    host: String,
    port: u16,
    username: String,
    password: String,
}

impl Parsed {
    fn of(url: &str) -> Result<Parsed, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("has no scheme; write mqtt://host")?;
        let is_tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return Err("must begin with mqtt:// or mqtts://"),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() {
            return Err("must end with the host or the port");
        }
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = split_port(place)?;
        let default = if is_tls { TLS_PORT } else { PLAIN_PORT };
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        let (username, password) = (decoded(username)?, decoded(password)?);
        Ok(Parsed { is_tls, host, port: port.unwrap_or(default), username, password })
    }
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`. An IPv6 address keeps its brackets.
fn split_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let after_address = place.find(']').map_or(0, |at| at + 1);
    let (host, port) = match place[after_address..].split_once(':') {
        None => (place, None),
        Some((rest, port)) => (&place[..after_address + rest.len()], Some(port)),
    };
    if host.is_empty() {
        return Err("names no host");
    }
    let port = port.map(str::parse).transpose().map_err(|_| "has a port that is no port")?;
    Ok((host.to_owned(), port))
}

/// Text with `%40` for `@` and the like.
fn decoded(text: &str) -> Result<String, &'static str> {
    const BAD: &str = "has a % that two hex digits must follow";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (pair, tail) = tail.split_at_checked(2).ok_or(BAD)?;
        let pair = std::str::from_utf8(pair).map_err(|_| BAD)?;
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| BAD)?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| "has a user name or password that is no text")
}

/// TLS that trusts one authority, or the public ones.
fn tls(ca_file: &Path) -> Result<Arc<ClientConfig>, BadSettings> {
    let mut roots = RootCertStore::empty();
    if ca_file.as_os_str().is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    } else {
        let bad = |reason: String| BadSettings::Authority { path: ca_file.into(), reason };
        let named = |error: pem::Error| bad(error.to_string());
        for certificate in CertificateDer::pem_file_iter(ca_file).map_err(named)? {
            roots.add(certificate.map_err(named)?).map_err(|error| bad(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(bad("there is no certificate in it".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

//! `[mqtt]`: the broker between the service and the cabinets.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Environment;
use super::section::{Problems, section};
use super::values::{Endpoint, Millis, Seconds, Secret};

/// How credentials and rights of cabinets reach a broker that is not embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerAdmin {
    /// Somebody else puts them there.
    None,
    /// Mosquitto's dynamic security plugin, over the service's own session.
    DynamicSecurity,
}

section! {
    /// The broker. Without a URL one runs inside this process.
    Mqtt {
        /// For example `mqtts://broker.internal:8883`. Empty: the embedded broker. A URL with a
        /// password is accepted from the environment only.
        url: Endpoint = Endpoint::default(),
        /// User name of the service at the broker.
        username: String = String::new(),
        /// Password of the service at the broker.
        password: Secret = Secret::default(),
        /// File that holds the password.
        password_file: PathBuf = PathBuf::new(),
        /// PEM file of the authority that signed the broker's certificate. Empty: the public
        /// ones.
        ca_file: PathBuf = PathBuf::new(),
        /// Client ids of the service at the broker begin with this. Two networks on one broker
        /// need two.
        client_id: String = "chargeghar".into(),
        /// How cabinets' passwords and rights reach the broker: `none` or `dynamic_security`
        /// (Mosquitto). The embedded broker needs nothing.
        admin: BrokerAdmin = BrokerAdmin::None,
        /// Address the embedded broker listens on. Cabinets need one they can reach.
        bind: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST),
        /// Port the embedded broker listens on; 0 takes any free one.
        port: u16 = 1883,
        /// Host name that cabinets are told to connect to. Empty: the address the broker
        /// listens on. Production needs a public one.
        advertised_host: String = String::new(),
        /// Port that cabinets are told to connect to; 0: the broker's own.
        advertised_port: u16 = 0,
        /// Whether cabinets are told to use TLS, where their protocol can say so.
        advertised_tls: bool = false,
        /// Sign of life on the service's own sessions, in seconds.
        keep_alive_s: Seconds = Seconds(30),
        /// Shortest pause before a lost session is opened again, in milliseconds; it doubles.
        reconnect_min_ms: Millis = Millis(250),
        /// Longest pause before a lost session is opened again, in milliseconds.
        reconnect_max_ms: Millis = Millis(30_000),
        /// Messages received and not yet acknowledged; beyond, the broker keeps the rest.
        unacked_max: u16 = 1_000,
        /// Largest payload, in bytes.
        payload_max_bytes: usize = 65_535,
        /// Cabinets the embedded broker accepts at once.
        embedded_clients_max: usize = 20_000,
        /// Messages the embedded broker keeps for a session that is away.
        embedded_queue_max: usize = 200_000,
        /// Messages per second the embedded broker takes from one cabinet.
        embedded_client_messages_per_s: u32 = 50,
    }
}

impl Mqtt {
    pub(super) fn check(&self, mut problems: Problems<'_>, environment: Environment) {
        let schemes = ["mqtt", "mqtts", "tcp", "ssl"];
        let known = !self.url.is_set() || self.url.has_scheme(&schemes);
        problems.unless(
            known,
            "url",
            "must begin with mqtt:// or mqtts://, or be empty for the embedded broker",
        );
        problems.unless(!self.client_id.is_empty(), "client_id", "must not be empty");
        problems.unless(self.unacked_max > 0, "unacked_max", "must be at least 1");
        let ordered = self.reconnect_min_ms.0 > 0 && self.reconnect_min_ms <= self.reconnect_max_ms;
        problems.unless(ordered, "reconnect_min_ms", "must be between 1 and reconnect_max_ms");
        problems.unless(self.keep_alive_s.0 >= 5, "keep_alive_s", "must be at least 5");
        problems.unless(
            self.payload_max_bytes >= 1_024,
            "payload_max_bytes",
            "must be at least 1024, a whole report needs it",
        );
        let advised = !self.advertised_host.contains("://") && !self.advertised_host.contains('/');
        problems.unless(
            advised,
            "advertised_host",
            "must be a host name or an address, without scheme and port",
        );
        let host = self.advertised_host.as_str();
        let public = !host.is_empty() && host != "localhost" && !host.starts_with("127.");
        problems.unless(
            !environment.is_production() || public,
            "advertised_host",
            "production needs the host name by which cabinets reach the broker",
        );
    }
}

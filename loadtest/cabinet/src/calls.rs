//! The HTTP calls a cabinet makes (protocol page, sections 3 and 8): paths of both firmware
//! generations, query, signature, and what an answer means. Builds and reads; sending is
//! `http`'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use devices::Signal;
use domain::ids::{DeviceUuid, Sn};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::spec::Generation;

#[cfg(test)]
mod tests;

/// One call, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    pub kind: CallKind,
    pub method: Method,
    pub path: &'static str,
    /// Decoded values, `sign` last.
    pub query: Vec<(&'static str, String)>,
    /// Sent as `text/plain`, whatever it is.
    pub body: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    Connect,
    Config,
    Report,
    Return,
    Adverts,
    Firmware,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum CallError {
    #[error("the way to the server is cut")]
    Cut,
    #[error("no answer in time")]
    Timeout,
    #[error("no connection")]
    Unreachable,
}

/// What a connect answer gives.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    pub client_id: String,
    pub product: String,
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: String,
}

#[derive(Deserialize)]
struct Envelope {
    code: i64,
    #[serde(default)]
    data: serde_json::Value,
}

/// The value every firmware sends for its `deviceId`.
const DEVICE_ID: &str = "0";
const CONFIG_BODY: &str = "{\"soft\":\"20240904-RBMG-3.0.0.0\",\"hard\":\"V6086\",\"APN\":\"\"cmnet\"\",\"CRC16\":\"0x926C\",\"EC20_Type\":\"EC20CEFAG\"}";
const CONNECT_BODY: &str = "hardware=V6086&software=20240904-RBMG-3.0.0.0";

/// Asks for a broker and an account there.
pub fn connect(generation: Generation, uuid: &DeviceUuid) -> HttpCall {
    let path = match generation {
        Generation::Newer => "/api/rentbox/client/connect",
        Generation::Older | Generation::OlderScreen => "/api/iot/client/con",
    };
    let body = match generation {
        Generation::Newer | Generation::Older => Some(Bytes::from_static(CONNECT_BODY.as_bytes())),
        Generation::OlderScreen => None,
    };
    let query = signed(vec![
        ("simUUID", String::new()),
        ("simMobile", String::new()),
        ("uuid", uuid.to_string()),
        ("deviceId", DEVICE_ID.to_owned()),
    ]);
    HttpCall { kind: CallKind::Connect, method: method(generation), path, query, body }
}

/// Asks for its behaviour flags.
pub fn config(generation: Generation, uuid: &DeviceUuid) -> HttpCall {
    let path = match generation {
        Generation::Newer => "/api/rentbox/client/config",
        Generation::Older | Generation::OlderScreen => "/api/rentbox/config/data",
    };
    let body = match generation {
        Generation::Newer | Generation::Older => Some(Bytes::from_static(CONFIG_BODY.as_bytes())),
        Generation::OlderScreen => None,
    };
    let query = signed(vec![("rentboxSN", uuid.to_string())]);
    HttpCall { kind: CallKind::Config, method: method(generation), path, query, body }
}

/// Uploads a report frame.
pub fn report(
    generation: Generation,
    uuid: &DeviceUuid,
    signal: Signal,
    frame: impl Into<Bytes>,
) -> HttpCall {
    let path = match generation {
        Generation::Newer => "/api/rentbox/client/upload",
        Generation::Older | Generation::OlderScreen => "/api/rentbox/upload/data",
    };
    let signal = match signal {
        Signal::Csq(csq) => format!("CSQ:{csq}"),
        Signal::Rssi(dbm) => format!("RSSI:{dbm}"),
        Signal::NoNetwork => "CSQ:99".to_owned(),
    };
    let query = signed(vec![("rentboxSN", uuid.to_string()), ("signal", signal)]);
    let body = Some(frame.into());
    HttpCall { kind: CallKind::Report, method: Method::Post, path, query, body }
}

/// Tells of a bank that came back. One path for every generation.
pub fn returned(uuid: &DeviceUuid, sn: &Sn, slot: u16, level: Option<u8>) -> HttpCall {
    let mut query = signed(vec![
        ("rentboxSN", uuid.to_string()),
        ("singleSN", sn.to_string()),
        ("hole", slot.to_string()),
    ]);
    query.extend(level.map(|level| ("power", level.to_string())));
    let path = "/api/rentbox/order/return";
    HttpCall { kind: CallKind::Return, method: Method::Get, path, query, body: None }
}

/// Asks for adverts; a real one signs a `position` it does not send.
pub fn adverts(uuid: &DeviceUuid) -> HttpCall {
    let all = signed(vec![("position", "screen".to_owned()), ("uuid", uuid.to_string())]);
    let query = all.into_iter().filter(|(name, _)| *name != "position").collect();
    let path = "/api/advert/rentbox/distribute/list";
    HttpCall { kind: CallKind::Adverts, method: Method::Get, path, query, body: None }
}

/// Asks for the newest firmware.
pub fn firmware(generation: Generation, uuid: &DeviceUuid) -> HttpCall {
    let (path, query) = match generation {
        Generation::Newer => ("/api/rentbox/client/version/main", vec![("id", "1".to_owned())]),
        Generation::Older | Generation::OlderScreen => {
            let module = ("appUuid", "0".repeat(32));
            let query = signed(vec![module, ("deviceUuid", uuid.to_string())]);
            ("/api/iot/app/version/publish", query)
        }
    };
    HttpCall { kind: CallKind::Firmware, method: Method::Get, path, query, body: None }
}

fn method(generation: Generation) -> Method {
    match generation {
        Generation::Newer | Generation::Older => Method::Post,
        Generation::OlderScreen => Method::Get,
    }
}

/// Adds `sign`: MD5 over the sorted `key=value` texts, joined by bars.
fn signed(mut query: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let mut parts: Vec<String> =
        query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    parts.sort();
    query.push(("sign", hex::encode(Md5::digest(parts.join("|")))));
    query
}

impl HttpAnswer {
    /// The `data` of an answer that says yes.
    fn data(&self) -> Option<serde_json::Value> {
        let envelope: Envelope = serde_json::from_slice(&self.body).ok()?;
        (self.status == 200 && envelope.code == 200).then_some(envelope.data)
    }

    /// The broker account of a connect answer.
    pub fn access(&self) -> Option<Access> {
        let data = self.data()?;
        let parts: Vec<&str> = data.as_str()?.split(',').collect();
        let [client_id, product, host, port, username, password, _time] = parts[..] else {
            return None;
        };
        Some(Access {
            client_id: client_id.to_owned(),
            product: product.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok()?,
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The flags of a config answer: JSON inside a string, every value a string.
    pub fn flags(&self) -> Option<BTreeMap<String, String>> {
        serde_json::from_str(self.data()?.as_str()?).ok()
    }

    /// Whether the answer says yes.
    pub fn is_ok(&self) -> bool {
        self.data().is_some()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Access { client_id, product, host, port, username, .. } = self;
        write!(f, "Access({client_id} as {username} at {host}:{port}, product {product})")
    }
}

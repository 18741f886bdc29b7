//! What a cabinet is answered over HTTP (docs/PROTOCOL.md 3, 8.4, 9): the envelope and its
//! `data`. Written by the service, read by the cabinet simulator.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Around every answer. `code` is 200, or 500 for a refusal; the HTTP status says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    pub code: u16,
    #[serde(rename = "type")]
    pub kind: u8,
    pub data: T,
    pub msg: Cow<'static, str>,
    /// Milliseconds since 1970.
    pub time: i64,
}

impl<T> Envelope<T> {
    pub fn ok(data: T, at: DateTime<Utc>) -> Envelope<T> {
        Envelope { code: 200, kind: 0, data, msg: Cow::Borrowed("OK"), time: at.timestamp_millis() }
    }
}

impl Envelope<()> {
    /// `data` is null.
    pub fn refused(msg: impl Into<Cow<'static, str>>, at: DateTime<Utc>) -> Envelope<()> {
        Envelope { code: 500, kind: 0, data: (), msg: msg.into(), time: at.timestamp_millis() }
    }
}

/// Where a cabinet finds its broker: seven values in one line.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectAnswer {
    /// The cabinet's uuid.
    pub client_id: String,
    /// First level of its topics.
    pub product_key: String,
    /// Name or address, without a scheme.
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: String,
    /// Milliseconds since 1970.
    pub time: i64,
}

/// A line that would be read as other values than were meant, or is none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectLineError {
    #[error("a value is empty or has a comma or a control character")]
    BadValue,
    #[error("not seven values with a port and a time")]
    NotALine,
}

impl ConnectAnswer {
    pub fn line(&self) -> Result<String, ConnectLineError> {
        let texts =
            [&self.client_id, &self.product_key, &self.host, &self.username, &self.password];
        let fits =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c == ',' || c.is_control());
        if !texts.into_iter().all(|text| fits(text)) {
            return Err(ConnectLineError::BadValue);
        }
        let ConnectAnswer { client_id, product_key, host, port, username, password, time } = self;
        Ok(format!("{client_id},{product_key},{host},{port},{username},{password},{time}"))
    }

    pub fn parse(line: &str) -> Result<ConnectAnswer, ConnectLineError> {
        let values: Vec<&str> = line.split(',').collect();
        let [client_id, product_key, host, port, username, password, time] = values[..] else {
            return Err(ConnectLineError::NotALine);
        };
        let bad = |_| ConnectLineError::NotALine;
        Ok(ConnectAnswer {
            client_id: client_id.to_owned(),
            product_key: product_key.to_owned(),
            host: host.to_owned(),
            port: port.parse().map_err(bad)?,
            username: username.to_owned(),
            password: password.to_owned(),
            time: time.parse().map_err(bad)?,
        })
    }
}

/// Keeps the password out of logs.
impl std::fmt::Debug for ConnectAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ConnectAnswer { client_id, host, port, .. } = self;
        write!(f, "ConnectAnswer({client_id} at {host}:{port}, password ***)")
    }
}

/// How a cabinet behaves. Sent as JSON inside a string, every value a string too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CabinetConfig {
    /// Period of the self-check.
    pub self_check_min: u16,
    /// How many slots charge at once.
    pub rotation_number: u8,
    pub rotation_enabled: bool,
    /// Meaning unknown; real servers send 1.
    pub motor_enabled: bool,
    /// A wrong code may make a cabinet refuse its own banks; 0 accepts any.
    pub area: u16,
}

impl Default for CabinetConfig {
    fn default() -> CabinetConfig {
        CabinetConfig {
            self_check_min: 15,
            rotation_number: 4,
            rotation_enabled: true,
            motor_enabled: true,
            area: 0,
        }
    }
}

#[derive(Serialize)]
struct ConfigData {
    #[serde(rename = "dRotationRefer")]
    self_check: String,
    #[serde(rename = "dReturnLocked")]
    return_locked: &'static str,
    #[serde(rename = "dHeadConfig")]
    head: &'static str,
    #[serde(rename = "dRotationNumber")]
    rotation_number: String,
    #[serde(rename = "dRotationEnable")]
    rotation: &'static str,
    #[serde(rename = "dMotorEnable")]
    motor: &'static str,
    #[serde(rename = "dAreaConfig")]
    area: String,
}

impl CabinetConfig {
    /// The text that goes into `data`.
    pub fn data(&self) -> String {
        let flag = |on| if on { "1" } else { "0" };
        let data = ConfigData {
            self_check: self.self_check_min.to_string(),
            return_locked: "0",
            head: "43",
            rotation_number: self.rotation_number.to_string(),
            rotation: flag(self.rotation_enabled),
            motor: flag(self.motor_enabled),
            area: self.area.to_string(),
        };
        serde_json::to_string(&data).expect("strings always serialise")
    }
}

/// One advert of the list that a screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advert {
    pub id: i64,
    pub title: String,
    /// 1 picture, 2 video.
    pub file_type: u8,
    /// Media for cabinets with fewer than 20 slots.
    pub url1: String,
    /// Media for larger cabinets.
    pub url2: String,
    /// Reserved, as the two after it.
    #[serde(default)]
    pub url3: String,
    #[serde(default)]
    pub forward: String,
    #[serde(default)]
    pub guuid: String,
    /// Seconds a picture stays.
    pub play_time: u16,
    /// Sound volume, 0 to 100; the cabinets' word for it is misleading.
    #[serde(rename = "weight")]
    pub volume: u8,
    /// 0 to 255.
    pub screen_brightness: u8,
}

/// The newest firmware; the cabinet compares the version inside the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// As the vendor made it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    pub url: String,
}

impl Firmware {
    /// The text that goes into `data`; an empty text means that there is nothing to do.
    pub fn data(newest: Option<&Firmware>) -> String {
        newest
            .map_or_else(String::new, |Firmware { name, size, url }| format!("{name},{size},{url}"))
    }
}

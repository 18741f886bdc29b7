//! The HTTP calls a cabinet makes (docs/PROTOCOL.md 8): which paths, and what they say.
//!
//! Two generations of firmware use different paths for the same call; both are served by one
//! reader. Bodies of reports are frames and go to the codec, never through text.

use domain::ids::{DeviceUuid, Sn};

use crate::Signal;

use super::heartbeat::signal;
use super::sign::{Signature, verify};
use super::{bank_number, report};

pub mod answer;
mod query;

#[cfg(test)]
mod tests;

pub use query::{Query, QueryError};

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Connect,
    Config,
    Report,
    Return,
    Adverts,
    Firmware(FirmwarePath),
}

/// Which firmware is asked for, as far as the path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirmwarePath {
    /// Network module; `id` in the query tells the build.
    Main,
    /// Control boards.
    Control,
    /// Released channel of older firmware; `appUuid` in the query tells what for.
    Published,
    /// Test channel of older firmware.
    Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    Get,
    Post,
    GetOrPost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub methods: Methods,
    pub path: &'static str,
    pub endpoint: Endpoint,
}

/// Every path of both generations.
pub const ROUTES: [Route; 16] = [
    route(Methods::Post, "/api/rentbox/client/connect", Endpoint::Connect),
    route(Methods::GetOrPost, "/api/iot/client/con", Endpoint::Connect),
    route(Methods::Post, "/api/rentbox/client/config", Endpoint::Config),
    route(Methods::GetOrPost, "/api/rentbox/config/data", Endpoint::Config),
    route(Methods::Post, "/api/rentbox/client/upload", Endpoint::Report),
    route(Methods::Post, "/api/rentbox/upload/data", Endpoint::Report),
    route(Methods::Get, "/api/rentbox/order/return", Endpoint::Return),
    route(Methods::Get, "/api/advert/rentbox/distribute/list", Endpoint::Adverts),
    firmware("/api/rentbox/client/version/main", FirmwarePath::Main),
    firmware("/api/rentbox/client/version/control", FirmwarePath::Control),
    firmware("/api/iot/app/version/publish", FirmwarePath::Published),
    firmware("/api/iot/app/version/publish/mcu", FirmwarePath::Published),
    firmware("/api/iot/app/version/publish/chip", FirmwarePath::Published),
    firmware("/api/iot/app/version/test", FirmwarePath::Test),
    firmware("/api/iot/app/version/test/mcu", FirmwarePath::Test),
    firmware("/api/iot/app/version/test/chip", FirmwarePath::Test),
];

const fn route(methods: Methods, path: &'static str, endpoint: Endpoint) -> Route {
    Route { methods, path, endpoint }
}

const fn firmware(path: &'static str, which: FirmwarePath) -> Route {
    route(Methods::Get, path, Endpoint::Firmware(which))
}

/// Why a call cannot be understood. `code` is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("parameter {0} is missing")]
    Missing(&'static str),
    #[error("parameter {0} names no cabinet")]
    NotADevice(&'static str),
    #[error("parameter {0} is no serial of a bank")]
    NotABank(&'static str),
}

impl CallError {
    pub fn code(&self) -> &'static str {
        match self {
            CallError::Query(_) => "bad_query",
            CallError::Missing(_) => "missing_parameter",
            CallError::NotADevice(_) => "not_a_device",
            CallError::NotABank(_) => "not_a_bank",
        }
    }
}

/// A cabinet asks for the broker's address and its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectCall {
    pub device: DeviceUuid,
    /// ICCID of the SIM; may be empty.
    pub sim: String,
    /// Number of the SIM; may be empty.
    pub sim_mobile: String,
    pub hardware: Option<String>,
    pub software: Option<String>,
    pub signature: Signature,
}

impl ConnectCall {
    /// `body` is `hardware=..&software=..`; anything else counts as empty.
    pub fn parse(query: &str, body: &str) -> Result<ConnectCall, CallError> {
        let query = Query::parse(query)?;
        let versions = Query::parse(body.trim()).unwrap_or_default();
        let names = ["deviceId", "simMobile", "simUUID", "uuid"];
        Ok(ConnectCall {
            device: device(&query, "uuid")?,
            sim: query.text("simUUID").to_owned(),
            sim_mobile: query.text("simMobile").to_owned(),
            hardware: versions.filled("hardware").map(str::to_owned),
            software: versions.filled("software").map(str::to_owned),
            signature: query.verify(&names),
        })
    }
}

/// A cabinet asks how to behave. Older firmware may not say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigCall {
    pub device: Option<DeviceUuid>,
    pub signature: Signature,
}

impl ConfigCall {
    pub fn parse(query: &str) -> Result<ConfigCall, CallError> {
        let query = Query::parse(query)?;
        let named = query.filled("rentboxSN").is_some();
        let device = named.then(|| device(&query, "rentboxSN")).transpose()?;
        Ok(ConfigCall { device, signature: query.verify(&["rentboxSN"]) })
    }
}

/// A cabinet sends its report; the body is one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportCall {
    pub device: DeviceUuid,
    pub signal: Option<Signal>,
    /// The serial port that the report is about, when the cabinet says so.
    pub io: Option<u8>,
    pub ssid: Option<String>,
    pub signature: Signature,
}

impl ReportCall {
    pub fn parse(query: &str) -> Result<ReportCall, CallError> {
        let query = Query::parse(query)?;
        let mut names = vec!["rentboxSN", "signal"];
        names.extend(["io", "ssid"].into_iter().filter(|name| query.get(name).is_some()));
        Ok(ReportCall {
            device: device(&query, "rentboxSN")?,
            signal: signal(query.text("signal")),
            io: query.get("io").and_then(|io| io.parse().ok()),
            ssid: query.filled("ssid").map(str::to_owned),
            signature: query.verify(&names),
        })
    }
}

/// A cabinet says that a bank came back. A hint only: anyone can make this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnCall {
    pub device: DeviceUuid,
    pub sn: Sn,
    /// `None` when the cabinet did not fill it in; says nothing of the serial port.
    pub slot: Option<u16>,
    /// 0 to 100 percent.
    pub level: Option<u8>,
    pub signature: Signature,
}

impl ReturnCall {
    pub fn parse(query: &str) -> Result<ReturnCall, CallError> {
        let query = Query::parse(query)?;
        let bank = Sn::from(query.filled("singleSN").ok_or(CallError::Missing("singleSN"))?);
        let number = bank_number(&bank).ok_or(CallError::NotABank("singleSN"))?;
        let level = query.get("power").and_then(|level| level.parse().ok());
        let slot = query.get("hole").and_then(|slot| slot.parse().ok());
        Ok(ReturnCall {
            device: device(&query, "rentboxSN")?,
            sn: Sn(number.to_string()),
            slot: slot.filter(|slot| *slot != 0),
            level: report::level(level),
            signature: query.verify(&["hole", "rentboxSN", "singleSN"]),
        })
    }
}

/// A cabinet asks for its adverts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertCall {
    pub device: DeviceUuid,
    pub signature: Signature,
}

impl AdvertCall {
    /// Real cabinets leave `position` out of the address and sign it all the same.
    pub fn parse(query: &str) -> Result<AdvertCall, CallError> {
        let query = Query::parse(query)?;
        let device = device(&query, "uuid")?;
        let given = query.get("sign");
        let uuid = ("uuid", query.text("uuid"));
        let position = query.get("position").unwrap_or("screen");
        let signature = match verify(&[("position", position), uuid], given) {
            Signature::Wrong => verify(&[uuid], given),
            good_or_absent @ (Signature::Good | Signature::Absent) => good_or_absent,
        };
        Ok(AdvertCall { device, signature })
    }
}

/// A cabinet asks whether there is newer firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareCall {
    pub path: FirmwarePath,
    /// Build: 1 and 2 Quectel, 3 and 4 Meig (even: with backup battery), 5 Android.
    pub id: Option<u32>,
    /// Older firmware: all zeros is the module, a last digit 1 the control board.
    pub app: Option<String>,
    pub device: Option<String>,
    pub signature: Signature,
}

impl FirmwareCall {
    pub fn parse(path: FirmwarePath, query: &str) -> Result<FirmwareCall, CallError> {
        let query = Query::parse(query)?;
        Ok(FirmwareCall {
            path,
            id: query.get("id").and_then(|id| id.parse().ok()),
            app: query.filled("appUuid").map(str::to_owned),
            device: query.filled("deviceUuid").map(str::to_owned),
            signature: query.verify(&["appUuid", "deviceUuid"]),
        })
    }
}

fn device(query: &Query, name: &'static str) -> Result<DeviceUuid, CallError> {
    let text = query.filled(name).ok_or(CallError::Missing(name))?;
    DeviceUuid::parse(text).map_err(|_| CallError::NotADevice(name))
}

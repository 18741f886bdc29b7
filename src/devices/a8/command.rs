//! Commands to a cabinet (docs/PROTOCOL.md 4): one JSON object each, every value a string.
//!
//! Written by a JSON encoder, so that no network name or password can break out of its string.

use std::borrow::Cow;

use serde::Serialize;

use crate::{CabinetModel, Downlink, FirmwareTarget, NetworkMode, TimeLimit};

#[cfg(test)]
mod tests;

const VOLUME_MAX: u8 = 100;

/// Every field that any command has, in the order in which the documents print them.
#[derive(Debug, Default, Serialize)]
struct Body<'a> {
    cmd: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    io: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(crate) fn encode(command: &Downlink) -> Vec<u8> {
    serde_json::to_vec(&body(command)).expect("strings always serialise")
}

fn body(command: &Downlink) -> Body<'_> {
    match command {
        Downlink::CheckAll => plain("check_all"),
        Downlink::Check => plain("check"),
        Downlink::UploadAll => plain("upload_all"),
        Downlink::EjectBySn { sn, limit } => with("popup_sn", sn.as_str()).within(*limit),
        Downlink::EjectBySlot { key, limit } => {
            let io = Some(key.io.to_string());
            Body { io, ..with("popup", key.slot.to_string()) }.within(*limit)
        }
        Downlink::LoadAdverts => plain("load_ad"),
        Downlink::PublishFirmware(target) => plain(firmware(*target)),
        Downlink::Reboot => plain("reboot"),
        Downlink::ResetBoard => plain("reset_mcu"),
        Downlink::Volume(percent) => with("volume", (*percent).min(VOLUME_MAX).to_string()),
        Downlink::NetworkMode(NetworkMode::Wifi) => with("setMode", "wifi"),
        Downlink::NetworkMode(NetworkMode::Mobile) => with("setMode", "4g"),
        Downlink::WifiScan => plain("getWifi"),
        Downlink::WifiSet { ssid, password, model } => wifi(ssid, password, *model),
        Downlink::WifiEnabled(on) => plain(if *on { "open_wifi" } else { "close_wifi" }),
        Downlink::SetApn(apn) => with("set_apn", apn.as_str()),
        Downlink::Roaming(on) => plain(if *on { "open_roam" } else { "close_roam" }),
        Downlink::SetVoice { url } => with("setAudio", url.as_str()),
        Downlink::RawUpload(on) => with("buffer_upload", if *on { "true" } else { "false" }),
        Downlink::LogRecording(true) => plain("open_log_recording"),
        Downlink::LogRecording(false) => plain("close_log_recording"),
        Downlink::UploadLog => plain("upload_app_log"),
        Downlink::CheckLog => plain("check_log"),
        Downlink::AskVersion => plain("get_version"),
        Downlink::RestartScreen => plain("apk_restart"),
        Downlink::UploadScreenshot => plain("upload_screen_capture"),
        Downlink::SetLocation(id) => with("location", id.as_str()),
    }
}

impl<'a> Body<'a> {
    fn within(self, limit: Option<TimeLimit>) -> Body<'a> {
        Body {
            timestamp: limit.map(|limit| limit.at.timestamp().to_string()),
            ttl: limit.map(|limit| limit.ttl_s.to_string()),
            ..self
        }
    }
}

fn plain(cmd: &'static str) -> Body<'static> {
    Body { cmd, ..Body::default() }
}

fn with<'a>(cmd: &'static str, data: impl Into<Cow<'a, str>>) -> Body<'a> {
    Body { cmd, data: Some(data.into()), ..Body::default() }
}

/// Two builds, two names for one thing.
fn wifi<'a>(ssid: &'a str, password: &'a str, model: CabinetModel) -> Body<'a> {
    let password = Some(password);
    match model {
        CabinetModel::Small => Body { username: Some(ssid), password, ..plain("setWifi") },
        CabinetModel::Screen => Body { name: Some(ssid), password, ..plain("set_wifi") },
    }
}

fn firmware(target: FirmwareTarget) -> &'static str {
    match target {
        FirmwareTarget::Module => "push_version_publish",
        FirmwareTarget::ModuleTest => "push_version_test",
        FirmwareTarget::Boards => "push_version_holesite",
        FirmwareTarget::Screen => "push_version_apk",
    }
}

//! What a cabinet can be told, in neutral words. Which of it a family can do is the codec's
//! to know.

use chrono::{DateTime, Utc};
use domain::ids::{SlotKey, Sn};

/// A command to a cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downlink {
    /// Report every slot.
    CheckAll,
    /// Report; some cabinets answer with their five fullest banks only.
    Check,
    /// Report over the other way (HTTP).
    UploadAll,
    /// Release one bank, wherever it is.
    EjectBySn {
        sn: Sn,
        limit: Option<TimeLimit>,
    },
    /// Release what is in a slot; maintenance only.
    EjectBySlot {
        key: SlotKey,
        limit: Option<TimeLimit>,
    },
    /// Fetch the list of adverts.
    LoadAdverts,
    /// Look for new firmware; the cabinet leaves the network meanwhile.
    PublishFirmware(FirmwareTarget),
    /// The whole cabinet; it connects anew afterwards.
    Reboot,
    /// The adapter board only.
    ResetBoard,
    /// 0 to 100; more counts as 100.
    Volume(u8),
    NetworkMode(NetworkMode),
    WifiScan,
    WifiSet {
        ssid: String,
        password: String,
        model: CabinetModel,
    },
    WifiEnabled(bool),
    /// Access point name of the SIM's network.
    SetApn(String),
    Roaming(bool),
    /// Where the list of voice prompts is.
    SetVoice {
        url: String,
    },
    /// Raw traffic of the boards, for debugging.
    RawUpload(bool),
    LogRecording(bool),
    UploadLog,
    CheckLog,
    AskVersion,
    RestartScreen,
    UploadScreenshot,
    /// The card terminal's location id.
    SetLocation(String),
}

impl Downlink {
    /// A closed set of names, fit for a metric label.
    pub fn name(&self) -> &'static str {
        match self {
            Downlink::CheckAll | Downlink::Check => "check",
            Downlink::UploadAll => "upload_all",
            Downlink::EjectBySn { .. } => "eject",
            Downlink::EjectBySlot { .. } => "eject_by_slot",
            Downlink::LoadAdverts => "load_adverts",
            Downlink::PublishFirmware(_) => "publish_firmware",
            Downlink::Reboot => "reboot",
            Downlink::ResetBoard => "reset_board",
            Downlink::Volume(_) => "volume",
            Downlink::NetworkMode(_) => "network_mode",
            Downlink::WifiScan => "wifi_scan",
            Downlink::WifiSet { .. } => "wifi_set",
            Downlink::WifiEnabled(_) => "wifi_enabled",
            Downlink::SetApn(_) => "set_apn",
            Downlink::Roaming(_) => "roaming",
            Downlink::SetVoice { .. } => "set_voice",
            Downlink::RawUpload(_) => "raw_upload",
            Downlink::LogRecording(_) => "log_recording",
            Downlink::UploadLog => "upload_log",
            Downlink::CheckLog => "check_log",
            Downlink::AskVersion => "ask_version",
            Downlink::RestartScreen => "restart_screen",
            Downlink::UploadScreenshot => "upload_screenshot",
            Downlink::SetLocation(_) => "set_location",
        }
    }
}

/// When an eject stops being wanted. Cabinets may ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// As the world has it: the cabinet compares it with a clock of its own.
    pub at: DateTime<Utc>,
    /// Seconds after `at`.
    pub ttl_s: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareTarget {
    /// The network module, released channel.
    Module,
    /// The network module, test channel.
    ModuleTest,
    /// The control boards.
    Boards,
    /// The application of a cabinet with a screen.
    Screen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    Wifi,
    Mobile,
}

/// Two builds that take one order under two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CabinetModel {
    Small,
    Screen,
}

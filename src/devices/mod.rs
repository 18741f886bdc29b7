//! Cabinet protocols: bytes to messages and back, one family per file.
//!
//! This file is the neutral vocabulary that the service speaks. It knows no word of any
//! protocol; a second family is one more file beside `a8.rs`. Nothing in this package can
//! wait, fail for outside reasons, or know the time.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::eject::EjectOutcome;
use domain::ids::{SlotKey, Sn};
use domain::returns::ReturnResult;
use domain::slot::SlotState;
use serde::{Deserialize, Serialize};

pub mod a8;
pub mod topic;

#[cfg(test)]
mod tests;

/// What one protocol family can do. Pure: the caller owns links, time and retries.
pub trait Codec: Send + Sync {
    /// Reads exactly one message. Never panics, whatever the bytes are.
    fn decode(&self, bytes: &[u8]) -> Result<Uplink, DecodeError>;

    /// Writes one command as it goes over the wire.
    fn encode(&self, command: &Downlink) -> Vec<u8>;

    fn capabilities(&self) -> Capabilities;
}

/// Where families differ in a way that the service has to know.
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Ejects name a bank, so that a second delivery cannot release another one.
    pub eject_by_sn: bool,
    /// The cabinet keeps or refuses a returned bank by the server's answer.
    pub server_accepts_return: bool,
    /// The cabinet repeats a return until it is answered.
    pub needs_reply_to_return: bool,
    /// The server has to answer heartbeats itself.
    pub has_heartbeat_reply: bool,
    /// Another company's cloud owns the orders and stands between cabinet and server.
    pub cloud_api: bool,
}

/// A message from a cabinet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uplink {
    Heartbeat(Heartbeat),
    Report(Report),
    Ejected(EjectReply),
    Returned(Returned),
    Inspected(Inspected),
    /// Names of the networks in reach, strongest first as the cabinet listed them.
    WifiList(Vec<String>),
    /// Known, and nothing to do; `kind` names it for logs and counters.
    Opaque {
        kind: &'static str,
    },
}

impl Uplink {
    /// A closed set of names, fit for a metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            Uplink::Heartbeat(_) => "heartbeat",
            Uplink::Report(_) => "report",
            Uplink::Ejected(_) => "ejected",
            Uplink::Returned(_) => "returned",
            Uplink::Inspected(_) => "inspected",
            Uplink::WifiList(_) => "wifi_list",
            Uplink::Opaque { kind } => kind,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// `None` when the cabinet said nothing that can be read.
    pub signal: Option<Signal>,
    pub backup: Option<BackupPower>,
}

/// How well a cabinet hears its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Mobile network, 0 to 31 as modems count it; 15 and less is weak.
    Csq(u8),
    /// Wi-Fi, in dBm.
    Rssi(i16),
    /// The module sees no network (it said so over the last of it).
    NoNetwork,
}

/// What a cabinet has besides mains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupPower {
    /// No battery of its own.
    None,
    /// Has a battery; it does not run.
    Stopped,
    /// Has a battery; it runs.
    Running,
    /// A code without a meaning.
    Invalid(u8),
}

/// All that a cabinet says of its slots in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub layout: Layout,
    /// The bytes allow one reading only. When false, the most likely reading was taken.
    pub exact: bool,
    /// Fitted boards, in the order they came.
    pub boards: Vec<Board>,
    /// Rows of fitted boards; every key occurs once.
    pub slots: Vec<SlotReading>,
    /// Rows of fitted boards that name slot 0, or a slot named before in this report: the first
    /// row stands, these say at most that their bank is in the cabinet.
    pub stray: Vec<SlotReading>,
    /// Rows of boards that are not fitted; they mean nothing and were dropped.
    pub phantom: u16,
    /// Comes with reports over HTTP only.
    pub signal: Option<Signal>,
}

impl Report {
    /// Whether this message is, by itself, a complete and unambiguous list. Whether it lists
    /// every slot the cabinet *has* is for `coverage` to say.
    pub fn is_whole(&self) -> bool {
        self.exact && self.stray.is_empty() && !self.slots.is_empty()
    }

    /// Compares the slots listed with those the cabinet is known to have.
    pub fn coverage(&self, known: &BTreeSet<SlotKey>) -> Coverage {
        let listed: BTreeSet<SlotKey> = self.slots.iter().map(|slot| slot.key).collect();
        Coverage {
            missing: known.difference(&listed).copied().collect(),
            extra: listed.difference(known).copied().collect(),
        }
    }

    pub fn slot(&self, key: SlotKey) -> Option<&SlotReading> {
        self.slots.iter().find(|slot| slot.key == key)
    }

    /// Where a bank is, if the report lists it in a slot of its own.
    pub fn find(&self, sn: &Sn) -> Option<&SlotReading> {
        self.slots.iter().find(|slot| slot.sn.as_ref() == Some(sn))
    }

    /// Whether any row, a stray one too, carries this bank.
    pub fn shows(&self, sn: &Sn) -> bool {
        self.slots.iter().chain(&self.stray).any(|slot| slot.sn.as_ref() == Some(sn))
    }
}

/// How the rows of a report were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Board rows carry a mark.
    Marker,
    /// Board rows say how many slots follow.
    Counted,
    /// No hint; every board has the same number of slots.
    Uniform,
    /// No hint; boards differ, and one split only makes sense.
    Mixed,
}

impl Layout {
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::Marker => "marker",
            Layout::Counted => "counted",
            Layout::Uniform => "uniform",
            Layout::Mixed => "mixed",
        }
    }
}

/// The difference between what a report lists and what was known before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub missing: Vec<SlotKey>,
    pub extra: Vec<SlotKey>,
}

impl Coverage {
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

/// A fitted board, which drives a group of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Not unique in a cabinet.
    pub address: u8,
    /// The serial port it hangs on.
    pub io: u8,
    /// How many rows it listed.
    pub slots: u16,
    /// Celsius.
    pub temperature: Option<i16>,
    pub software: u8,
    pub hardware: u8,
}

/// One slot as the cabinet sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotReading {
    pub key: SlotKey,
    pub state: SlotState,
    /// `None` in an empty slot, and when the bank's serial cannot be read.
    pub sn: Option<Sn>,
    /// 0 to 100 percent; `None` when unknown or out of range.
    pub level: Option<u8>,
    /// Celsius; `None` when unknown and in an empty slot.
    pub temperature: Option<i16>,
    /// Millivolts of the bank's cell.
    pub cell_mv: Option<u16>,
    /// Tenths of a volt at the charging contacts.
    pub charge_decivolts: Option<u8>,
    /// Tenths of an ampere into the bank.
    pub charge_deciamps: Option<u8>,
    /// Tenths of an ampere out of the bank.
    pub bank_deciamps: u8,
    /// Firmware of the bank, as the cabinet counts it.
    pub bank_version: u8,
    /// The operator's region code stored in the bank.
    pub area: u16,
    /// Nothing presses the slot's switch.
    pub switch_open: bool,
    pub solenoid_open: bool,
}

/// A cabinet's answer to an eject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EjectReply {
    /// Set when the command named a bank; `None` when that serial was unreadable, too.
    pub sn: Option<Sn>,
    /// Set when the command named a slot.
    pub key: Option<SlotKey>,
    pub outcome: EjectOutcome,
    /// The code as it came.
    pub code: u8,
    /// What the mechanism felt; for diagnosis only.
    pub solenoid: Option<u8>,
}

/// A bank was put in, taken or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    pub key: SlotKey,
    /// `None` when it could not be read.
    pub sn: Option<Sn>,
    pub result: ReturnResult,
    /// The code as it came.
    pub code: u8,
    /// 0 to 100 percent at the moment of the return.
    pub level: Option<u8>,
    pub bank_version: Option<u8>,
    /// The operator's region code stored in the bank.
    pub area: u16,
}

/// A cabinet looked at one slot again: after a doubtful return, after power came back, or
/// because a slot with a bank changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    pub key: SlotKey,
    /// `None` when it could not be read.
    pub sn: Option<Sn>,
    pub result: ReturnResult,
    /// The code as it came.
    pub code: u8,
    /// 0 to 100 percent.
    pub level: Option<u8>,
    /// Celsius.
    pub temperature: Option<i16>,
    /// Millivolts of the bank's cell.
    pub cell_mv: Option<u16>,
    /// It was asked for, not found by the cabinet itself.
    pub on_request: bool,
}

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

/// Why bytes are not a message. `code` is stable: counters, logs and scripts use it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{actual} bytes, at least {least} needed")]
    TooShort { actual: usize, least: usize },
    #[error("0x{0:02X}")]
    BadHead(u8),
    #[error("declared {declared}, got {actual}")]
    Truncated { declared: usize, actual: usize },
    #[error("declared {declared}, got {actual}")]
    TrailingBytes { declared: usize, actual: usize },
    #[error("computed 0x{computed:02X}, got 0x{found:02X}")]
    BadChecksum { computed: u8, found: u8 },
    #[error("0x{0:02X}")]
    UnknownCommand(u8),
    #[error("{0}")]
    BadLayout(Cow<'static, str>),
}

impl DecodeError {
    pub fn code(&self) -> &'static str {
        match self {
            DecodeError::TooShort { .. } => "too_short",
            DecodeError::BadHead(_) => "bad_head",
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::TrailingBytes { .. } => "trailing_bytes",
            DecodeError::BadChecksum { .. } => "bad_checksum",
            DecodeError::UnknownCommand(_) => "unknown_command",
            DecodeError::BadLayout(_) => "bad_layout",
        }
    }
}

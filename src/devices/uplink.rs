//! What a cabinet says, in neutral words. Says nothing of how it came.

use domain::eject::EjectOutcome;
use domain::ids::{SlotKey, Sn};
use domain::returns::ReturnResult;
use serde::{Deserialize, Serialize};

use crate::report::Report;

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

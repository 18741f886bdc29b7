//! What a cabinet saw and did, in order: for timelines, assertions and counters.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::{DeviceUuid, SlotKey, Sn};
use serde::{Serialize, Serializer};

use crate::calls::{CallError, CallKind};
use crate::clock::Now;
use crate::faults::FrameKind;

/// Is told every event as it happens.
pub type Observer = Arc<dyn Fn(&DeviceUuid, &Seen) + Send + Sync>;

/// An event with its number and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// From 0, without gaps.
    pub seq: u64,
    /// Since the cabinet was started.
    #[serde(serialize_with = "millis")]
    pub at: Duration,
    pub unix_ms: i64,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Power came or went.
    Power { on: bool },
    /// It starts anew by itself or on order.
    Reboot { cause: RebootCause },
    /// The server gave it no broker account, or no answer.
    ConnectRefused { status: Option<u16> },
    /// It has a broker account.
    Connected { host: String, port: u16, username: String },
    /// It has its flags.
    Configured,
    /// The broker let it in and its subscriptions stand.
    Online { session_present: bool },
    /// The broker granted no subscription to this topic.
    SubscribeRefused { topic: String },
    /// The broker refused it, with the code of the protocol.
    BrokerRefused { code: u8 },
    /// The session ended or could not be made.
    Offline { reason: String },
    /// A way to the server was cut or is whole again.
    Link { mqtt: bool, http: bool },
    /// A message on its command topic.
    Command { name: String, raw: String },
    /// A message on its command topic that is no command.
    NotUnderstood { raw: String },
    /// A fault made it ignore a command.
    Ignored { name: String },
    /// A bank was released and lies in the opening.
    Ejected { sn: Sn, key: SlotKey },
    /// An eject it did not carry out, with the code it answers.
    NotEjected { sn: Option<Sn>, code: u8 },
    /// A bank was put in; `code` is of table 7.3, `None` when the cabinet had no power to look.
    Inserted { sn: Sn, key: SlotKey, code: Option<u8> },
    /// A released bank was taken away.
    Taken { sn: Sn },
    /// A frame or call that went out.
    Sent {
        kind: FrameKind,
        to: String,
        #[serde(serialize_with = "hexadecimal")]
        bytes: Bytes,
    },
    /// A frame or call that did not go out.
    Lost { kind: FrameKind, why: LostWhy },
    /// The echo of a heartbeat.
    Echo,
    /// The answer to an HTTP call.
    Answered { call: CallKind, status: u16, ok: bool },
    /// No answer to an HTTP call.
    Unanswered { call: CallKind, error: CallError },
    /// A step of the script was played; numbered from 0.
    Step { index: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootCause {
    Command,
    NoEcho,
    Firmware,
    Caller,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LostWhy {
    /// A rule said so.
    Fault,
    /// There was no session, no way, or no power.
    NoLink,
}

/// Totals since the start; a reboot does not reset them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub reboots: u64,
    /// Of these, for want of echoes.
    pub reboots_no_echo: u64,
    /// Connect calls answered with an account, and without.
    pub connects: u64,
    pub connects_refused: u64,
    /// Sessions the broker let in.
    pub sessions: u64,
    pub heartbeats: u64,
    pub echoes: u64,
    /// By name; names that are not in the protocol count as `other`.
    pub commands: BTreeMap<&'static str, u64>,
    /// Banks released by command.
    pub ejects: u64,
    pub ejects_refused: u64,
    pub insertions: u64,
    /// HTTP reports the server said yes to.
    pub reports: u64,
    /// Frames and calls that went out, and that did not.
    pub sent: BTreeMap<FrameKind, u64>,
    pub lost: BTreeMap<FrameKind, u64>,
    /// HTTP calls with another answer than yes, or none.
    pub calls_failed: u64,
}

impl Counts {
    pub fn command(&self, name: &str) -> u64 {
        self.commands.get(name).copied().unwrap_or(0)
    }

    pub fn sent(&self, kind: FrameKind) -> u64 {
        self.sent.get(&kind).copied().unwrap_or(0)
    }
}

/// The last events, and the counters.
pub(crate) struct Log {
    uuid: DeviceUuid,
    kept: usize,
    recent: VecDeque<Seen>,
    next: u64,
    observer: Option<Observer>,
    pub counts: Counts,
}

impl Log {
    pub fn new(uuid: DeviceUuid, kept: usize, observer: Option<Observer>) -> Log {
        let recent = VecDeque::new();
        Log { uuid, kept, recent, next: 0, observer, counts: Counts::default() }
    }

    pub fn push(&mut self, now: Now, event: Event) {
        self.counts.count(&event);
        let seq = self.next;
        self.next += 1;
        if self.kept == 0 && self.observer.is_none() {
            return;
        }
        let seen = Seen { seq, at: now.up, unix_ms: now.unix_ms, event };
        if let Some(observer) = &self.observer {
            observer(&self.uuid, &seen);
        }
        if self.kept > 0 {
            if self.recent.len() == self.kept {
                self.recent.pop_front();
            }
            self.recent.push_back(seen);
        }
    }

    /// The oldest kept event numbered `seq` or higher.
    pub fn from(&self, seq: u64) -> Option<&Seen> {
        let first = self.recent.front()?.seq;
        let index = usize::try_from(seq.saturating_sub(first)).ok()?;
        self.recent.get(index)
    }

    pub fn all(&self) -> impl Iterator<Item = &Seen> {
        self.recent.iter()
    }

    /// The number the next event will have.
    pub fn next_seq(&self) -> u64 {
        self.next
    }
}

impl Counts {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Reboot { cause } => {
                self.reboots += 1;
                self.reboots_no_echo += u64::from(*cause == RebootCause::NoEcho);
            }
            Event::ConnectRefused { .. } => self.connects_refused += 1,
            Event::Connected { .. } => self.connects += 1,
            Event::Online { .. } => self.sessions += 1,
            Event::Command { name, .. } => *self.commands.entry(known(name)).or_default() += 1,
            Event::Ejected { .. } => self.ejects += 1,
            Event::NotEjected { .. } => self.ejects_refused += 1,
            Event::Inserted { .. } => self.insertions += 1,
            Event::Sent { kind, .. } => {
                self.heartbeats += u64::from(*kind == FrameKind::Heartbeat);
                *self.sent.entry(*kind).or_default() += 1;
            }
            Event::Lost { kind, .. } => *self.lost.entry(*kind).or_default() += 1,
            Event::Echo => self.echoes += 1,
            Event::Answered { call: CallKind::Report, ok: true, .. } => self.reports += 1,
            Event::Answered { ok: false, .. } | Event::Unanswered { .. } => self.calls_failed += 1,
            Event::Power { .. }
            | Event::Configured
            | Event::SubscribeRefused { .. }
            | Event::BrokerRefused { .. }
            | Event::Offline { .. }
            | Event::Link { .. }
            | Event::NotUnderstood { .. }
            | Event::Ignored { .. }
            | Event::Taken { .. }
            | Event::Answered { ok: true, .. }
            | Event::Step { .. } => {}
        }
    }
}

/// Every command of the protocol page, section 4.
const COMMANDS: [&str; 32] = [
    "check",
    "check_all",
    "upload_all",
    "popup_sn",
    "popup",
    "load_ad",
    "push_version_publish",
    "push_version_test",
    "push_version_holesite",
    "push_version_apk",
    "reboot",
    "reset_mcu",
    "volume",
    "setMode",
    "getWifi",
    "setWifi",
    "set_wifi",
    "open_wifi",
    "close_wifi",
    "set_apn",
    "open_roam",
    "close_roam",
    "setAudio",
    "buffer_upload",
    "open_log_recording",
    "close_log_recording",
    "upload_app_log",
    "check_log",
    "get_version",
    "apk_restart",
    "upload_screen_capture",
    "location",
];

fn known(name: &str) -> &'static str {
    COMMANDS.iter().find(|known| **known == name).copied().unwrap_or("other")
}

fn millis<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(at.as_millis())
}

fn hexadecimal<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode_upper(bytes))
}

/// One line for a timeline, without the time.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Power { on } => write!(f, "power {}", if *on { "on" } else { "off" }),
            Event::Reboot { cause } => write!(f, "reboots ({cause:?})"),
            Event::ConnectRefused { status } => write!(f, "connect refused ({status:?})"),
            Event::Connected { host, port, .. } => write!(f, "has an account at {host}:{port}"),
            Event::Configured => f.write_str("has its flags"),
            Event::Online { .. } => f.write_str("online"),
            Event::SubscribeRefused { topic } => write!(f, "may not subscribe to {topic}"),
            Event::BrokerRefused { code } => write!(f, "refused by the broker ({code})"),
            Event::Offline { reason } => write!(f, "offline: {reason}"),
            Event::Link { mqtt, http } => write!(f, "link: mqtt {mqtt}, http {http}"),
            Event::Command { raw, .. } => write!(f, "<- {raw}"),
            Event::NotUnderstood { raw } => write!(f, "<- not understood: {raw}"),
            Event::Ignored { name } => write!(f, "ignores {name}"),
            Event::Ejected { sn, key } => write!(f, "bank {sn} is out of slot {key}"),
            Event::NotEjected { sn, code } => write!(f, "no eject of {sn:?}: {code:02X}"),
            Event::Inserted { sn, key, code } => write!(f, "bank {sn} into slot {key}: {code:?}"),
            Event::Taken { sn } => write!(f, "bank {sn} taken"),
            Event::Sent { kind, to, bytes } => {
                write!(f, "-> {kind:?} to {to} ({} bytes)", bytes.len())
            }
            Event::Lost { kind, why } => write!(f, "lost {kind:?} ({why:?})"),
            Event::Echo => f.write_str("echo"),
            Event::Answered { call, status, .. } => write!(f, "<- {call:?}: {status}"),
            Event::Unanswered { call, error } => write!(f, "{call:?}: {error}"),
            Event::Step { index } => write!(f, "script step {}", index + 1),
        }
    }
}

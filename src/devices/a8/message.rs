//! A frame whose payload is understood: the table of commands, and both ways out of it, the
//! neutral message and the decoder's view. Both come from one reading of the bytes.

use serde::Serialize;

use crate::{DecodeError, Uplink};

use super::frame::Frame;
use super::heartbeat::Beat;
use super::layout::Found;
use super::opaque;
use super::reply::{BySlot, BySn, as_hex};
use super::report::{self, ReportView};
use super::returned::{Return, SelfCheck, SelfCheckView};
use super::wifi::WifiList;

#[derive(Debug)]
pub(crate) enum Message<'a> {
    Report(Found<'a>),
    BySn(BySn<'a>),
    BySlot(BySlot<'a>),
    Return(Return),
    SelfCheck(SelfCheck<'a>),
    Heartbeat(Beat<'a>),
    WifiList(WifiList<'a>),
    Opaque { kind: &'static str, payload: &'a [u8] },
}

impl<'a> Message<'a> {
    pub fn parse(frame: &Frame<'a>) -> Result<Message<'a>, DecodeError> {
        let payload = frame.payload;
        match frame.command {
            0x10 => report::parse(payload).map(Message::Report),
            0x21 => BySlot::parse(payload).map(Message::BySlot),
            command @ (0x28 | 0x29) => SelfCheck::parse(command, payload).map(Message::SelfCheck),
            0x31 => BySn::parse(payload).map(Message::BySn),
            0x40 => Return::parse(payload).map(Message::Return),
            0x7A => Beat::parse(payload).map(Message::Heartbeat),
            0xCF => Ok(Message::WifiList(WifiList::parse(payload))),
            other => match opaque::name(other) {
                Some(kind) => Ok(Message::Opaque { kind, payload }),
                None => Err(DecodeError::UnknownCommand(other)),
            },
        }
    }

    pub fn into_uplink(self) -> Uplink {
        match self {
            Message::Report(found) => Uplink::Report(report::neutral(&found)),
            Message::BySn(reply) => Uplink::Ejected(reply.into_neutral()),
            Message::BySlot(reply) => Uplink::Ejected(reply.into_neutral()),
            Message::Return(event) => Uplink::Returned(event.into_neutral()),
            Message::SelfCheck(check) => Uplink::Inspected(check.into_neutral()),
            Message::Heartbeat(beat) => Uplink::Heartbeat(beat.into_neutral()),
            Message::WifiList(list) => Uplink::WifiList(list.into_neutral()),
            Message::Opaque { kind, .. } => Uplink::Opaque { kind },
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Message::Report(_) => "cabinet_report",
            Message::BySn(_) => "eject_by_sn",
            Message::BySlot(_) => "eject_by_slot",
            Message::Return(_) => "return",
            Message::SelfCheck(_) => "slot_selfcheck",
            Message::Heartbeat(_) => "heartbeat",
            Message::WifiList(_) => "wifi_list",
            Message::Opaque { kind, .. } => kind,
        }
    }

    pub fn into_view(self) -> View<'a> {
        match self {
            Message::Report(found) => View::Report(report::view(&found)),
            Message::BySn(reply) => View::BySn(reply),
            Message::BySlot(reply) => View::BySlot(reply),
            Message::Return(event) => View::Return(event),
            Message::SelfCheck(check) => View::SelfCheck(check.view()),
            Message::Heartbeat(beat) => View::Heartbeat(beat),
            Message::WifiList(list) => View::WifiList(list),
            Message::Opaque { payload, .. } => View::Opaque { opaque: true, payload },
        }
    }
}

/// The fields after those that every frame has.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum View<'a> {
    Report(ReportView),
    BySn(BySn<'a>),
    BySlot(BySlot<'a>),
    Return(Return),
    SelfCheck(SelfCheckView),
    Heartbeat(Beat<'a>),
    WifiList(WifiList<'a>),
    Opaque {
        opaque: bool,
        #[serde(serialize_with = "as_hex")]
        payload: &'a [u8],
    },
}

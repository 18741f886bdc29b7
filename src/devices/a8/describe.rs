//! A frame in words: every field of it as JSON, for people and for `chargeghar decode`.
//!
//! Field names are those of `vectors.json` and are stable; the service itself reads none.

use std::fmt;

use serde::Serialize;

use crate::DecodeError;

use super::frame::{self, Frame};
use super::message::{Message, View};

/// `{"ok":true,"decoded":{...}}` or `{"ok":false,"error":"...","detail":"..."}`; serialises and
/// displays as that one line.
#[derive(Debug, Serialize)]
pub struct Description<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<Decoded<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What a frame would say if its wrong checksum were overlooked.
    #[serde(skip_serializing_if = "Option::is_none")]
    lenient: Option<Decoded<'a>>,
}

#[derive(Debug, Serialize)]
struct Decoded<'a> {
    cmd: u8,
    length: usize,
    checksum_ok: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    view: View<'a>,
}

/// Says all there is to say about the bytes of one message.
pub fn describe(bytes: &[u8]) -> Description<'_> {
    let frame = match frame::open(bytes) {
        Ok(frame) => frame,
        Err(error) => return Description::failed(&error, None),
    };
    match (frame.verified(), decoded(&frame)) {
        (Err(error), lenient) => Description::failed(&error, lenient.ok()),
        (Ok(_), Err(error)) => Description::failed(&error, None),
        (Ok(_), Ok(decoded)) => Description::read(decoded),
    }
}

fn decoded<'a>(frame: &Frame<'a>) -> Result<Decoded<'a>, DecodeError> {
    let message = Message::parse(frame)?;
    Ok(Decoded {
        cmd: frame.command,
        length: frame.length,
        checksum_ok: frame.mismatch.is_none(),
        kind: message.kind(),
        view: message.into_view(),
    })
}

impl<'a> Description<'a> {
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    fn read(decoded: Decoded<'a>) -> Description<'a> {
        Description { ok: true, decoded: Some(decoded), error: None, detail: None, lenient: None }
    }

    fn failed(error: &DecodeError, lenient: Option<Decoded<'a>>) -> Description<'a> {
        let (code, detail) = (Some(error.code()), Some(error.to_string()));
        Description { ok: false, decoded: None, error: code, detail, lenient }
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&line)
    }
}

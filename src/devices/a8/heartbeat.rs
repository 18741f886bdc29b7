//! 0x7A, the heartbeat (docs/PROTOCOL.md 6.6), and the signal text that reports over HTTP
//! carry too.

use std::borrow::Cow;

use serde::Serialize;

use crate::{BackupPower, DecodeError, Heartbeat, Signal};

#[cfg(test)]
mod tests;

/// What a modem says when it hears nothing.
const NO_NETWORK: u8 = 99;
const CSQ_MAX: u8 = 31;

#[derive(Debug, Serialize)]
pub(crate) struct Beat<'a> {
    board: u8,
    text: Cow<'a, str>,
    csq: Option<u8>,
    rssi_dbm: Option<i16>,
    no_network: bool,
    backup_power: Option<u8>,
}

impl<'a> Beat<'a> {
    pub fn parse(payload: &'a [u8]) -> Result<Beat<'a>, DecodeError> {
        let Some((board, text)) = payload.split_first() else {
            return Err(DecodeError::BadLayout(Cow::Borrowed("0x7A needs 1 payload byte")));
        };
        let text = String::from_utf8_lossy(text);
        let signal = signal(&text);
        Ok(Beat {
            board: *board,
            csq: signal.and_then(|signal| match signal {
                Signal::Csq(csq) => Some(csq),
                Signal::Rssi(_) | Signal::NoNetwork => None,
            }),
            rssi_dbm: signal.and_then(|signal| match signal {
                Signal::Rssi(dbm) => Some(dbm),
                Signal::Csq(_) | Signal::NoNetwork => None,
            }),
            no_network: signal == Some(Signal::NoNetwork),
            backup_power: value(&text, "BP").and_then(|code| code.parse().ok()),
            text,
        })
    }

    pub fn into_neutral(self) -> Heartbeat {
        Heartbeat { signal: signal(&self.text), backup: self.backup_power.map(backup) }
    }
}

/// Reads `CSQ:27` or `RSSI:-65`, alone or among other `NAME:value` parts split by semicolons.
/// `None` when there is none, or its value makes no sense.
pub fn signal(text: &str) -> Option<Signal> {
    if let Some(csq) = value(text, "CSQ") {
        return match csq.parse().ok()? {
            NO_NETWORK => Some(Signal::NoNetwork),
            csq if csq <= CSQ_MAX => Some(Signal::Csq(csq)),
            _ => None,
        };
    }
    leading_number(value(text, "RSSI")?).map(Signal::Rssi)
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = text.split(';').filter_map(|part| part.trim().split_once(':'));
    parts.find(|(found, _)| *found == name).map(|(_, value)| value.trim())
}

/// The page shows the value followed by something unspecified.
fn leading_number(text: &str) -> Option<i16> {
    let sign = usize::from(text.starts_with('-'));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits)?.parse().ok()
}

fn backup(code: u8) -> BackupPower {
    match code {
        0 => BackupPower::None,
        2 => BackupPower::Stopped,
        3 => BackupPower::Running,
        other => BackupPower::Invalid(other),
    }
}

//! Texts of labels and QR codes (docs/PROTOCOL.md 3.3): the module inside, the number outside.

use domain::ids::{DeviceUuid, Serial};

#[cfg(test)]
mod tests;

const IMEI: usize = 15;
const MAC: usize = 12;

/// The uuid on a module's label, in any of its printed forms: an IMEI in front of semicolons,
/// an IMEI at the end, a MAC as a field of its own or after the last separator.
pub fn module(text: &str) -> Option<DeviceUuid> {
    let text = text.trim();
    let first = text.split(';').next().unwrap_or_default();
    if let Some(imei) = imei(first) {
        return Some(imei);
    }
    if let Some(mac) = text.split(';').skip(1).find_map(mac) {
        return Some(mac);
    }
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    if digits == IMEI {
        return imei(&text[text.len() - IMEI..]);
    }
    text.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().and_then(mac)
}

/// The cabinet's number on its QR code: after the last `=`, else after the last `/`, else all.
pub fn cabinet(text: &str) -> Option<Serial> {
    let text = text.trim();
    let number = text.rsplit_once('=').or_else(|| text.rsplit_once('/'));
    Serial::parse(number.map_or(text, |(_, number)| number)).ok()
}

fn imei(text: &str) -> Option<DeviceUuid> {
    let text = text.trim();
    DeviceUuid::parse(text).ok().filter(|_| text.len() == IMEI)
}

fn mac(text: &str) -> Option<DeviceUuid> {
    let text = text.trim();
    DeviceUuid::parse(text).ok().filter(|_| text.len() == MAC)
}

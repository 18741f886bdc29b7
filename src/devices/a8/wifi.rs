//! 0xCF, the list of networks in reach (docs/PROTOCOL.md 6.7).
//!
//! Names with commas or quotes cannot be told apart; they come out in pieces or not at all.

use std::borrow::Cow;

use serde::Serialize;

#[cfg(test)]
mod tests;

#[derive(Debug, Serialize)]
pub(crate) struct WifiList<'a> {
    text: Cow<'a, str>,
    ssids: Vec<String>,
}

impl<'a> WifiList<'a> {
    /// Never fails: a text that is no list has no names.
    pub fn parse(payload: &'a [u8]) -> WifiList<'a> {
        let text = String::from_utf8_lossy(payload);
        let ssids = inner(&text).split(',').filter_map(quoted).map(str::to_owned).collect();
        WifiList { text, ssids }
    }

    pub fn into_neutral(self) -> Vec<String> {
        self.ssids
    }
}

/// Without the first and the last character, whatever they are.
fn inner(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.next_back();
    chars.as_str()
}

fn quoted(item: &str) -> Option<&str> {
    item.trim().strip_prefix('"')?.strip_suffix('"')
}

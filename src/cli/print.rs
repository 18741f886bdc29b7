//! Data on stdout: JSON for programs, text for people. Nothing else writes there.

use std::io::{self, Write};

use serde::Serialize;

/// One JSON document on one line.
pub fn json(document: &impl Serialize) -> anyhow::Result<()> {
    text(&serde_json::to_string(document)?)
}

/// Text as it is; a missing line end is added.
pub fn text(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Ok(write!(out, "{text}{end}").and_then(|()| out.flush())?)
}

//! What the server says to a cabinet: one JSON object per message, every value a string
//! (protocol page, section 4). Reads; carrying out is the machine's.

use std::collections::BTreeMap;

use domain::ids::SlotKey;

#[cfg(test)]
mod tests;

/// A command as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    fields: BTreeMap<String, String>,
}

/// When an eject stops being wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// Seconds since 1970.
    pub timestamp: i64,
    /// Seconds.
    pub ttl: i64,
}

impl TimeLimit {
    pub fn is_over(self, unix_s: i64) -> bool {
        unix_s > self.timestamp.saturating_add(self.ttl)
    }
}

impl Command {
    /// `None` for anything but an object of strings with a `cmd`: firmware does not guess.
    pub fn parse(payload: &[u8]) -> Option<Command> {
        let mut fields: BTreeMap<String, String> = serde_json::from_slice(payload).ok()?;
        let name = fields.remove("cmd")?;
        Some(Command { name, fields })
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The slot of `popup`.
    pub fn slot(&self) -> Option<SlotKey> {
        let slot = self.field("data")?.parse().ok()?;
        let io = self.field("io").map_or(Some(0), |io| io.parse().ok())?;
        Some(SlotKey::new(io, slot))
    }

    /// The time limit of an eject, when both halves are there and readable.
    pub fn limit(&self) -> Option<TimeLimit> {
        let timestamp = self.field("timestamp")?.parse().ok()?;
        let ttl = self.field("ttl")?.parse().ok()?;
        Some(TimeLimit { timestamp, ttl })
    }

    /// Values that a cabinet remembers as settings.
    pub fn settings(self) -> impl Iterator<Item = (String, String)> {
        let name = self.name;
        let many = self.fields.len() != 1;
        self.fields.into_iter().map(move |(field, value)| {
            let key = if many { format!("{name}.{field}") } else { name.clone() };
            (key, value)
        })
    }
}

//! The chain of the ledger: each record is hashed with the hash of the one before, so that
//! nothing can be changed, removed, added or put elsewhere without being seen. Pure: it knows
//! neither files nor the database.
//!
//! A line of a file is a record with its hash in front. The hash is SHA-256 over the hash of
//! the line before, as 64 hex digits, and the record: the line without its hash.

use std::fmt::{self, Write};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

mod line;

#[cfg(test)]
mod tests;

pub use line::Line;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What comes before the first day.
    pub const NONE: Hash = Hash([0; 32]);

    /// Of the record that opens a day; it names the hash of the day before by itself.
    pub fn first(record: &str) -> Hash {
        Hash(Sha256::digest(record.as_bytes()).into())
    }

    /// Of the record that follows.
    #[must_use]
    pub fn then(self, record: &str) -> Hash {
        let mut digest = Sha256::new();
        digest.update(self.to_string().as_bytes());
        digest.update(record.as_bytes());
        Hash(digest.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The record that opens a day.
pub fn opening(day: NaiveDate, previous: Hash) -> String {
    format!(r#"{{"open":{{"day":"{day}","previous":"{previous}"}}}}"#)
}

/// The record of a transfer, as the database writes it too (`ledger_record`). `names` are what it
/// is about, those that it has none of left out.
pub fn transfer(
    id: Uuid,
    kind: &str,
    at: DateTime<Utc>,
    names: [(&str, Option<Uuid>); 4],
    lines: &str,
) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut record = format!(r#"{{"transfer":{{"id":"{id}","kind":"{kind}","at":"{at}""#);
    for (name, id) in names {
        if let Some(id) = id {
            let _ = write!(record, r#","{name}":"{id}""#); // a string takes everything
        }
    }
    let _ = write!(record, r#","lines":[{lines}]}}}}"#);
    record
}

/// Puts one more entry behind the lines of a transfer (`ledger_line`).
pub fn entry(lines: &mut String, account: &str, amount: &str) {
    if !lines.is_empty() {
        lines.push(',');
    }
    for piece in ["[\"", account, "\",\"", amount, "\"]"] {
        lines.push_str(piece);
    }
}

/// The record that closes a day.
pub fn closing(day: NaiveDate, transfers: i64) -> String {
    format!(r#"{{"close":{{"day":"{day}","transfers":{transfers}}}}}"#)
}

/// A line of a file, without its end.
pub fn line(hash: Hash, record: &str) -> String {
    let rest = record.strip_prefix('{').unwrap_or(record);
    format!(r#"{{"hash":"{hash}",{rest}"#)
}

/// The first line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// Counted from 1; the one after the last when something is missing there.
    pub line: u64,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it is no record of a ledger: {0}")]
    NoRecord(String),
    #[error("its hash does not follow from the line before")]
    Hash,
    #[error("the transfer does not balance")]
    Unbalanced,
    #[error("a day has to be opened here")]
    NotOpen,
    #[error("the day is open already")]
    Open,
    #[error("the day before ended with another hash")]
    Previous,
    #[error("another day was opened, or another number of transfers came")]
    Close,
    #[error("the file ends before its day is closed")]
    Unfinished,
}

/// What a whole file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub days: u64,
    pub transfers: i64,
    /// Of the last line; compare it with one that was kept elsewhere.
    pub hash: Hash,
}

/// Checks lines in the order in which they stand.
#[derive(Debug, Default)]
pub struct Checker {
    lines: u64,
    days: u64,
    transfers: i64,
    /// Of the line before.
    hash: Option<Hash>,
    day: Option<Day>,
}

#[derive(Debug)]
struct Day {
    day: NaiveDate,
    transfers: i64,
}

impl Checker {
    /// One more line, without its end.
    pub fn line(&mut self, text: &str) -> Result<(), Broken> {
        self.lines += 1;
        self.check(text).map_err(|why| Broken { line: self.lines, why })
    }

    /// There are no more lines.
    pub fn finish(self) -> Result<Verified, Broken> {
        let missing = |why| Broken { line: self.lines + 1, why };
        match (self.hash, &self.day) {
            (Some(hash), None) => Ok(Verified { days: self.days, transfers: self.transfers, hash }),
            (None, _) => Err(missing(Why::NotOpen)),
            (Some(_), Some(_)) => Err(missing(Why::Unfinished)),
        }
    }

    fn check(&mut self, text: &str) -> Result<(), Why> {
        let (hash, record) = line::split(text)?;
        let line = line::read(&record)?;
        let wanted = match (&line, self.hash) {
            (Line::Open { .. }, _) => Hash::first(&record),
            (_, Some(before)) => before.then(&record),
            (_, None) => return Err(Why::NotOpen),
        };
        if hash != wanted {
            return Err(Why::Hash);
        }
        self.step(line)?;
        self.hash = Some(hash);
        Ok(())
    }

    fn step(&mut self, line: Line) -> Result<(), Why> {
        match (line, &mut self.day) {
            (Line::Open { .. }, Some(_)) => return Err(Why::Open),
            (Line::Open { day, previous }, None) => {
                if self.hash.is_some_and(|before| before != previous) {
                    return Err(Why::Previous);
                }
                self.day = Some(Day { day, transfers: 0 });
            }
            (Line::Transfer | Line::Close { .. }, None) => return Err(Why::NotOpen),
            (Line::Transfer, Some(open)) => {
                open.transfers += 1;
                self.transfers += 1;
            }
            (Line::Close { day, transfers }, Some(open)) => {
                if (open.day, open.transfers) != (day, transfers) {
                    return Err(Why::Close);
                }
                (self.day, self.days) = (None, self.days + 1);
            }
        }
        Ok(())
    }
}

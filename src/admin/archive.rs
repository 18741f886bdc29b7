//! A backup as one file: a tar archive of each table's rows in parts, and a manifest at its
//! end that says how many rows there are and what their hash is. Without a manifest that fits
//! it, a file is no backup.

use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

mod pack;
mod tar;
mod unpack;

#[cfg(test)]
mod tests;

pub use pack::pack;
pub use unpack::{unpack, verify};

/// Name of the last entry.
const MANIFEST: &str = "manifest.json";
/// How the name of a table's part ends.
const PART_END: &str = ".copy";
/// Version of this format.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// The number of the newest migration.
    pub schema: i64,
    pub made_at: DateTime<Utc>,
    /// Whether the telemetry and the bytes of cabinets are in it.
    pub frames: bool,
    /// In the order of the file.
    pub tables: Vec<TableNote>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableNote {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
    /// Of all rows, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Why a file is no backup, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("the file is no backup: {0}")]
    Foreign(String),
    #[error("the backup is damaged: {0}")]
    Damaged(String),
}

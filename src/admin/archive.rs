//! A backup as one file: a tar archive of each table's rows in parts, and a manifest at its
//! end that says how many rows there are and what their hash is. Without a manifest that fits
//! it, a file is no backup.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::spawn::spawn;
use crate::store::backup::{Extent, Piece};

mod tar;

#[cfg(test)]
mod tests;

/// Name of the last entry.
const MANIFEST: &str = "manifest.json";
/// How the name of a table's part ends.
const PART_END: &str = ".copy";
/// Version of this format.
const FORMAT: u32 = 1;
/// Rows are gathered up to this size before they become an entry, in bytes.
const PART: usize = 4 * 1024 * 1024;
/// The largest manifest that is read, in bytes.
const MANIFEST_MAX: u64 = 4 * 1024 * 1024;
/// Chunks that may wait for whoever writes them down.
const CHUNKS_MAX: usize = 4;

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
    #[error("the file can not be read: {0}")]
    Io(#[from] io::Error),
    #[error("the file is no backup: {0}")]
    Foreign(String),
    #[error("the backup is damaged: {0}")]
    Damaged(String),
}

/// Makes the bytes of the file out of the pieces of a database. Its end without an error is
/// the end of a whole backup.
pub fn pack(
    pieces: mpsc::Receiver<Result<Piece, crate::store::Error>>,
    extent: Extent,
    made_at: DateTime<Utc>,
) -> mpsc::Receiver<io::Result<Bytes>> {
    let (send, receive) = mpsc::channel(CHUNKS_MAX);
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: 0,
        made_at,
        frames: extent == Extent::WithFrames,
        tables: Vec::new(),
    };
    let packer = Packer { send, manifest, hash: Sha256::new(), part: BytesMut::new(), parts: 0 };
    spawn("admin.backup", packer.run(pieces));
    receive
}

struct Packer {
    send: mpsc::Sender<io::Result<Bytes>>,
    manifest: Manifest,
    hash: Sha256,
    part: BytesMut,
    parts: u32,
}

/// Nobody reads any more.
struct Gone;

impl Packer {
    async fn run(mut self, mut pieces: mpsc::Receiver<Result<Piece, crate::store::Error>>) {
        let mut whole = false;
        while let Some(piece) = pieces.recv().await {
            let packed = match piece {
                Ok(piece) => {
                    whole = matches!(piece, Piece::Done { .. });
                    self.pack(piece).await
                }
                Err(error) => self.fail(error.to_string()).await,
            };
            if packed.is_err() {
                return;
            }
        }
        if !whole {
            let _ = self.fail("the database ended early".to_owned()).await; // or nobody reads
        }
    }

    async fn pack(&mut self, piece: Piece) -> Result<(), Gone> {
        match piece {
            Piece::Table { name, columns } => {
                (self.hash, self.parts) = (Sha256::new(), 0);
                let sha256 = String::new();
                self.manifest.tables.push(TableNote { name, columns, rows: 0, bytes: 0, sha256 });
                Ok(())
            }
            Piece::Rows(rows) => {
                self.part.extend_from_slice(&rows);
                if self.part.len() < PART {
                    return Ok(());
                }
                self.end_part().await
            }
            Piece::End { rows } => {
                self.end_part().await?;
                let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
                if let Some(table) = self.manifest.tables.last_mut() {
                    (table.rows, table.sha256) = (rows, sha256);
                }
                Ok(())
            }
            Piece::Done { schema } => {
                self.manifest.schema = schema;
                let text = serde_json::to_vec_pretty(&self.manifest).unwrap_or_default();
                self.entry(MANIFEST, text.into()).await?;
                self.send(tar::end()).await
            }
        }
    }

    async fn end_part(&mut self) -> Result<(), Gone> {
        let part = self.part.split().freeze();
        let Some(table) = self.manifest.tables.last_mut() else { return Ok(()) };
        if part.is_empty() {
            return Ok(());
        }
        self.hash.update(&part);
        self.parts += 1;
        table.bytes += u64::try_from(part.len()).unwrap_or(0);
        let name = format!("{}/{:06}{PART_END}", table.name, self.parts);
        self.entry(&name, part).await
    }

    async fn entry(&mut self, name: &str, content: Bytes) -> Result<(), Gone> {
        let (head, pad) = tar::around(name, content.len(), self.manifest.made_at.timestamp());
        self.send(head).await?;
        self.send(content).await?;
        self.send(pad).await
    }

    async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        self.send.send(Ok(bytes)).await.map_err(|_| Gone)
    }

    /// An error in the stream cuts the answer off, so that it can not be taken for a whole one.
    async fn fail(&self, why: String) -> Result<(), Gone> {
        let _ = self.send.send(Err(io::Error::other(why))).await; // nobody reads: nobody misses it
        Err(Gone)
    }
}

/// Reads a whole file and compares it with its manifest. `seen` is told how far it is, in bytes.
pub fn verify(file: impl Read, mut seen: impl FnMut(u64)) -> Result<Manifest, Error> {
    let mut entries = tar::Entries::new(file);
    let mut found: Vec<(String, Sha256, u64)> = Vec::new();
    while let Some((name, size)) = entries.next()? {
        if name == MANIFEST {
            let manifest = read_manifest(&mut entries, size)?;
            entries.finish()?;
            check(&manifest, found)?;
            return Ok(manifest);
        }
        let table = table_of(&name)?;
        if found.last().is_none_or(|(last, ..)| last != table) {
            found.push((table.to_owned(), Sha256::new(), 0));
        }
        let Some((_, hash, bytes)) = found.last_mut() else { continue };
        entries.content(|chunk| {
            hash.update(&chunk);
            *bytes += u64::try_from(chunk.len()).unwrap_or(0);
            Ok(())
        })?;
        seen(entries.position());
    }
    Err(Error::Damaged("its end is missing".to_owned()))
}

/// Tells the pieces of a verified file. `tell` answers whether anybody still listens.
pub fn unpack(
    file: impl Read,
    manifest: &Manifest,
    mut tell: impl FnMut(Piece, u64) -> bool,
) -> Result<(), Error> {
    let mut entries = tar::Entries::new(file);
    let mut next = entries.next()?;
    for table in &manifest.tables {
        let (name, columns) = (table.name.clone(), table.columns.clone());
        let mut listens = tell(Piece::Table { name, columns }, entries.position());
        while let Some((name, _)) = next.as_ref().filter(|(name, _)| in_table(name, table)) {
            let _ = name;
            let at = entries.position();
            entries.content(|chunk| {
                listens = listens && tell(Piece::Rows(chunk), at);
                Ok(())
            })?;
            if !listens {
                return Ok(());
            }
            next = entries.next()?;
        }
        if !(listens && tell(Piece::End { rows: table.rows }, entries.position())) {
            return Ok(());
        }
    }
    tell(Piece::Done { schema: manifest.schema }, entries.position());
    Ok(())
}

fn in_table(entry: &str, table: &TableNote) -> bool {
    table_of(entry).is_ok_and(|name| name == table.name)
}

fn table_of(entry: &str) -> Result<&str, Error> {
    let table = entry.strip_suffix(PART_END).and_then(|part| part.split_once('/'));
    let foreign = || Error::Foreign(format!("it has an entry {entry:?}"));
    table.map(|(table, _)| table).ok_or_else(foreign)
}

fn read_manifest(entries: &mut tar::Entries<impl Read>, size: u64) -> Result<Manifest, Error> {
    if size > MANIFEST_MAX {
        return Err(Error::Foreign(format!("its manifest has {size} bytes")));
    }
    let mut text = Vec::new();
    entries.content(|chunk| {
        text.extend_from_slice(&chunk);
        Ok(())
    })?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| Error::Foreign(error.to_string()))?;
    if manifest.format == FORMAT {
        Ok(manifest)
    } else {
        Err(Error::Foreign(format!(
            "its format is {}, this program reads {FORMAT}",
            manifest.format
        )))
    }
}

/// Every table that has rows is there, in order, with the same bytes.
fn check(manifest: &Manifest, found: Vec<(String, Sha256, u64)>) -> Result<(), Error> {
    let mut found = found.into_iter();
    for table in manifest.tables.iter().filter(|table| table.bytes > 0) {
        let Some((name, hash, bytes)) = found.next() else {
            return Err(Error::Damaged(format!("table {} is missing", table.name)));
        };
        let same = name == table.name
            && bytes == table.bytes
            && hex::encode(hash.finalize()) == table.sha256;
        if !same {
            return Err(Error::Damaged(format!("table {} is not what it was", table.name)));
        }
    }
    match found.next() {
        Some((name, ..)) => Err(Error::Damaged(format!("table {name} is not in the manifest"))),
        None => Ok(()),
    }
}

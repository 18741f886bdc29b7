//! The bytes of a file are verified, and become pieces of a database.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::{Error, FORMAT, MANIFEST, Manifest, PART_END, TableNote, tar};
use crate::store::backup::Piece;

/// The largest manifest that is read, in bytes.
const MANIFEST_MAX: u64 = 4 * 1024 * 1024;

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
        while next.as_ref().is_some_and(|(name, _)| in_table(name, table)) {
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

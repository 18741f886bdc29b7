//! Rows of a binary copy, read field by field as they come: what a query with a hundred
//! thousand rows costs less than anything else. Knows no table.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures::StreamExt;

use super::answered;
use crate::store::Error;
use crate::store::session::{Chunks, Session};

/// Signature, flags, and the length of an extension that nobody has made.
const HEADER: usize = 19;

pub(super) struct Rows<'a> {
    chunks: Chunks<'a>,
    waiting: BytesMut,
    /// Bytes of `waiting` that were told already.
    told: usize,
    /// Longest wait for the next bytes.
    bound: Duration,
}

/// A field that is not what was asked for, or is not there.
#[derive(Debug, thiserror::Error)]
#[error("something that cannot be read")]
pub(super) struct Unread;

/// What is left of one row.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Rows<'a> {
    pub async fn of(
        session: &'a mut Session,
        query: &str,
        bound: Duration,
    ) -> Result<Rows<'a>, Error> {
        let copy = format!("copy ({query}) to stdout (format binary)");
        let chunks = answered(bound, session.copy_out(&copy)).await?;
        Ok(Rows { chunks, waiting: BytesMut::new(), told: HEADER, bound })
    }

    pub async fn next(&mut self) -> Result<Option<Fields<'_>>, Error> {
        let length = loop {
            if let Some(whole) = self.waiting.get(self.told..).and_then(whole) {
                break whole;
            }
            let chunk = answered(self.bound, async { self.chunks.next().await.transpose() });
            let chunk = chunk.await?.ok_or_else(cut)?;
            self.waiting.extend_from_slice(&chunk);
        };
        self.waiting.advance(self.told);
        self.told = length;
        // the end is a row of -1 fields
        let row = self.waiting.get(2..length);
        Ok(row.filter(|_| !self.waiting.starts_with(&[0xff; 2])).map(Fields))
    }
}

/// The length of the row that `bytes` begin with, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let (fields, _) = bytes.split_first_chunk()?;
    let mut length = 2;
    for _ in 0..i16::from_be_bytes(*fields) {
        let (size, _) = bytes.get(length..)?.split_first_chunk()?;
        // nothing has a length of -1, and no bytes
        length += 4 + usize::try_from(i32::from_be_bytes(*size)).unwrap_or(0);
    }
    (bytes.len() >= length).then_some(length)
}

impl<'a> Fields<'a> {
    /// The next field; nothing for `null`.
    fn bytes(&mut self) -> Result<Option<&'a [u8]>, Unread> {
        let (size, rest) = self.0.split_first_chunk().ok_or(Unread)?;
        self.0 = rest;
        let Ok(size) = usize::try_from(i32::from_be_bytes(*size)) else { return Ok(None) };
        let (field, rest) = self.0.split_at_checked(size).ok_or(Unread)?;
        self.0 = rest;
        Ok(Some(field))
    }

    /// The same, of a type that has so many bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Unread> {
        let field = self.bytes()?;
        field.map(|field| field.try_into().map_err(|_| Unread)).transpose()
    }

    pub fn text(&mut self) -> Result<&'a str, Unread> {
        str::from_utf8(self.bytes()?.ok_or(Unread)?).map_err(|_| Unread)
    }
}

fn cut() -> Error {
    Error::Corrupt("a copy of the ledger ended before its end".to_owned())
}

//! Pieces of a database become the bytes of a file.

use std::io;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{FORMAT, MANIFEST, Manifest, PART_END, TableNote, tar};
use crate::spawn::spawn;
use crate::store;
use crate::store::backup::{Extent, Piece};

/// Rows are gathered up to this size before they become an entry, in bytes.
const PART: usize = 4 * 1024 * 1024;
/// Chunks that may wait for whoever writes them down.
const CHUNKS_MAX: usize = 4;

/// Makes the bytes of the file out of the pieces of a database. Its end without an error is
/// the end of a whole backup.
pub fn pack(
    pieces: mpsc::Receiver<Result<Piece, store::Error>>,
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
    async fn run(mut self, mut pieces: mpsc::Receiver<Result<Piece, store::Error>>) {
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

    /// An error in the stream cuts the answer off, so that it cannot be taken for a whole one.
    async fn fail(&self, why: String) -> Result<(), Gone> {
        let _ = self.send.send(Err(io::Error::other(why))).await; // nobody reads: nobody misses it
        Err(Gone)
    }
}

//! The whole database out and in again, table by table, in the text form of COPY.
//!
//! Tables are found in the catalogue and come in the order in which they depend on each other.
//! What is written is one snapshot; what is read back goes into an empty database, in one
//! transaction, or not at all. Files and their format are not known here.

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::error::Error;
use super::fact::AuditEntry;
use super::session::Session;
use super::{Store, migrations};
use crate::spawn::spawn;

mod catalogue;
mod restore;

use catalogue::Table;

/// Pieces that may wait for whoever writes them down.
const PIECES_MAX: usize = 8;

/// Limits that a long copy would meet.
const NO_LIMITS: &str = "
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0";

/// A part of a backup, in order: for each table its head, its rows and its end; `Done` last.
/// Without `Done` a backup is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Table { name: String, columns: Vec<String> },
    Rows(Bytes),
    End { rows: u64 },
    Done { schema: i64 },
}

/// What goes into a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All facts.
    Facts,
    /// The telemetry of cabinets and the bytes they sent as well.
    WithFrames,
}

impl Store {
    /// Reads everything as of this moment. The answer's end without `Done`, or an error in it,
    /// says that the backup is not whole.
    pub fn dump(&self, extent: Extent) -> mpsc::Receiver<Result<Piece, Error>> {
        let (send, receive) = mpsc::channel(PIECES_MAX);
        let store = self.clone();
        spawn("store.dump", async move {
            if let Err(error) = store.dump_into(extent, &send).await {
                let _ = send.send(Err(error)).await; // whoever read may have gone
            }
        });
        receive
    }

    async fn dump_into(
        &self,
        extent: Extent,
        send: &mpsc::Sender<Result<Piece, Error>>,
    ) -> Result<(), Error> {
        let mut session = self.read().await?;
        session.begin_snapshot().await?;
        let copied = copy(&mut session, extent, send).await;
        session.rollback().await;
        copied
    }

    /// Writes a backup into this database, which must be empty and of the same schema; the
    /// lease must be held. Pieces without `Done` at their end change nothing. The entry says who
    /// did it, after the audit that the backup brought along.
    pub async fn restore(
        &self,
        pieces: mpsc::Receiver<Piece>,
        entry: AuditEntry,
    ) -> Result<u64, Error> {
        let audit = self.stamp(entry);
        self.transact("store.restore", move |session| {
            Box::pin(async move {
                let rows = restore::fill(session, pieces).await?;
                audit.write(session).await?;
                Ok(rows)
            })
        })
        .await
    }
}

/// Tells each piece; stops in peace when nobody listens any more.
async fn copy(
    session: &mut Session,
    extent: Extent,
    send: &mpsc::Sender<Result<Piece, Error>>,
) -> Result<(), Error> {
    session.run(NO_LIMITS).await?;
    let tables = catalogue::tables(session).await?;
    for table in tables.into_iter().filter(|table| table.belongs_to(extent)) {
        let (sql, Table { name, columns }) = (table.copy_out(), table);
        if send.send(Ok(Piece::Table { name, columns })).await.is_err() {
            return Ok(());
        }
        let mut rows = 0;
        let mut chunks = session.copy_out(&sql).await?;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            rows += lines(&chunk);
            if send.send(Ok(Piece::Rows(chunk))).await.is_err() {
                return Ok(());
            }
        }
        drop(chunks);
        if send.send(Ok(Piece::End { rows })).await.is_err() {
            return Ok(());
        }
    }
    let schema = migrations::newest();
    let _ = send.send(Ok(Piece::Done { schema })).await; // nobody listens: nobody misses it
    Ok(())
}

/// Rows of the text form: a line end inside a value is written as `\n`.
fn lines(chunk: &[u8]) -> u64 {
    chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

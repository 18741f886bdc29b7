//! A backup back into an empty database.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use super::catalogue::{self, Table, quoted};
use super::{NO_LIMITS, Piece};
use crate::store::error::Error;
use crate::store::migrations;
use crate::store::session::Session;

/// Tables that have rows in every network that was ever used. Those that a migration fills are
/// not among them; their rows give way to those of the backup.
const USED: &[&str] = &["stations", "riders", "banks", "rentals", "ledger_transfers"];

/// Writes all pieces; answers how many rows. An error rolls everything back.
pub(super) async fn fill(
    session: &mut Session,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<u64, Error> {
    session.run(NO_LIMITS).await?;
    let tables = catalogue::tables(session).await?;
    refuse_used(session).await?;
    clear(session, &tables).await?;
    let (mut total, mut done) = (0, false);
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Table { name, columns } => {
                let table = known(&tables, name, columns)?;
                total += copy(session, &table, &mut pieces).await?;
            }
            Piece::Done { schema } if schema == migrations::newest() => done = true,
            Piece::Done { schema } => {
                let (database, program) = (migrations::newest(), schema);
                return Err(corrupt(format!(
                    "the backup is of schema {program}, this database of {database}"
                )));
            }
            Piece::Rows(_) | Piece::End { .. } => return Err(corrupt("rows without a table")),
        }
    }
    if !done {
        return Err(corrupt("the backup is not whole"));
    }
    wind_on(session).await?;
    Ok(total)
}

async fn copy(
    session: &mut Session,
    table: &Table,
    pieces: &mut mpsc::Receiver<Piece>,
) -> Result<u64, Error> {
    let mut copy = session.copy_in(&table.copy_in()).await?;
    loop {
        match pieces.recv().await {
            Some(Piece::Rows(rows)) => {
                copy.send(rows).await?;
            }
            Some(Piece::End { rows }) => {
                let written = copy.finish().await?;
                if written == rows {
                    return Ok(rows);
                }
                let name = &table.name;
                return Err(corrupt(format!("{name}: {written} rows instead of {rows}")));
            }
            Some(Piece::Table { .. } | Piece::Done { .. }) | None => {
                copy.abort("the backup is not whole").await?;
                return Err(corrupt(format!("{}: the backup is not whole", table.name)));
            }
        }
    }
}

async fn refuse_used(session: &mut Session) -> Result<(), Error> {
    for name in USED {
        let sql = format!("select 1 from {} limit 1", quoted(name));
        if !session.run(sql).await?.is_empty() {
            return Err(Error::NotEmpty((*name).to_owned()));
        }
    }
    Ok(())
}

/// Removes what migrations have put there, referring rows first.
async fn clear(session: &mut Session, tables: &[Table]) -> Result<(), Error> {
    for table in tables.iter().rev() {
        let name = quoted(&table.name);
        if !session.run(format!("select 1 from {name} limit 1")).await?.is_empty() {
            session.write(format!("delete from {name}")).await?;
        }
    }
    Ok(())
}

/// The table of this database, with the columns of the backup.
fn known(tables: &[Table], name: String, columns: Vec<String>) -> Result<Table, Error> {
    let Some(table) = tables.iter().find(|table| table.name == name) else {
        return Err(corrupt(format!("this database has no table {name}")));
    };
    let ours: BTreeSet<&String> = table.columns.iter().collect();
    match columns.iter().find(|column| !ours.contains(column)) {
        Some(column) => Err(corrupt(format!("table {name} has no column {column}"))),
        None => Ok(Table { name, columns }),
    }
}

/// Numbers that the database gives go on after the highest one.
async fn wind_on(session: &mut Session) -> Result<(), Error> {
    const IDENTITIES: &str = "
        select c.relname::text, a.attname::text
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'public'::regnamespace and a.attidentity <> ''";

    let identities: Vec<(String, String)> =
        sqlx::query_as(IDENTITIES).fetch_all(&mut *session).await?;
    for (table, column) in identities {
        let (name, quoted_column) = (quoted(&table), quoted(&column));
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let (table, column) = (literal(&name), literal(&column));
        session
            .run(format!(
                "select setval(pg_get_serial_sequence({table}, {column}), max({quoted_column}))
                from {name} having max({quoted_column}) is not null"
            ))
            .await?;
    }
    Ok(())
}

fn corrupt(text: impl Into<String>) -> Error {
    Error::Corrupt(text.into())
}

//! A batch in one statement: each part writes one table, and all of them go to the database in
//! one round trip. Parts do not see what the others write, so none may read a table of another; nor
//! are they carried out in the order in which they are written here.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Row as _, Type};

use crate::store::error::Failure;
use crate::store::fact::{CommitError, Row};
use crate::store::session::Session;

#[cfg(test)]
mod tests;

#[derive(Default)]
pub(in crate::store) struct Script {
    parts: Vec<Part>,
    arguments: PgArguments,
    /// The first value that could not be encoded.
    unfit: Option<BoxDynError>,
}

struct Part {
    sql: String,
    tells: Tells,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tells {
    Nothing,
    /// How many rows it wrote.
    Rows,
    /// The same; so many it must have written, and of this.
    AllOf(usize, Row),
}

impl Script {
    /// The next part, with its parameters from `$1` on.
    pub fn part(&mut self, sql: &str) -> &mut Script {
        let sql = renumbered(sql, self.arguments.len());
        self.parts.push(Part { sql, tells: Tells::Nothing });
        self
    }

    /// The next parameter of the last part.
    pub fn bind<'v, T>(&mut self, value: T) -> &mut Script
    where
        T: Encode<'v, Postgres> + Type<Postgres>,
    {
        if let Err(error) = self.arguments.add(value) {
            self.unfit.get_or_insert(error);
        }
        self
    }

    /// The last part tells how many rows it wrote.
    pub fn tells(&mut self) {
        self.tell(Tells::Rows);
    }

    /// The last part writes so many rows; fewer mean that somebody else wrote one of them.
    pub fn writes(&mut self, wanted: usize, row: Row) {
        self.tell(Tells::AllOf(wanted, row));
    }

    fn tell(&mut self, tells: Tells) {
        if let Some(part) = self.parts.last_mut() {
            part.tells = tells;
        }
    }

    /// Writes all parts, or none of them if it fails.
    pub async fn run(mut self, session: &mut Session) -> Result<(), Failure> {
        let written = self.rows(session).await?;
        for (part, written) in self.telling().zip(written) {
            if let Tells::AllOf(wanted, row) = part.tells
                && i64::try_from(wanted) != Ok(written)
            {
                return Err(Failure::Refused(CommitError::Stale(row)));
            }
        }
        Ok(())
    }

    /// Writes all parts; answers how many rows each of those wrote that tell.
    pub async fn rows(&mut self, session: &mut Session) -> Result<Vec<i64>, sqlx::Error> {
        if let Some(error) = self.unfit.take() {
            return Err(sqlx::Error::Encode(error));
        }
        if self.parts.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = std::mem::take(&mut self.arguments);
        let query = sqlx::query_with(AssertSqlSafe(self.sql()), arguments);
        query.fetch_one(session).await?.try_get(0)
    }

    fn telling(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.tells != Tells::Nothing)
    }

    fn sql(&self) -> String {
        let (mut with, mut counts) = (String::from("with "), String::new());
        for (n, Part { sql, tells }) in self.parts.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            if *tells == Tells::Nothing {
                let _ = write!(with, "{comma}p{n} as ({sql})"); // a string takes it
                continue;
            }
            let _ = write!(with, "{comma}p{n} as ({sql} returning 1)");
            let comma = if counts.is_empty() { "" } else { ", " };
            let _ = write!(counts, "{comma}(select count(*) from p{n})");
        }
        format!("{with} select array[{counts}]::bigint[]")
    }
}

/// Parameters count on from those of the parts before.
fn renumbered(sql: &str, by: usize) -> String {
    let mut pieces = sql.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = piece.split_at(digits);
        let number = number.parse::<usize>().map_or(0, |number| number + by);
        let _ = write!(out, "${number}{rest}"); // a string takes it
    }
    out
}

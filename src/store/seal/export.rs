//! A closed day as lines that anybody can check.

use chrono::NaiveDate;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::read;
use crate::chain::{self, Hash};
use crate::spawn::spawn;
use crate::store::session::Session;
use crate::store::{Error, Store};

/// Lines that may wait for whoever writes them down.
const LINES_MAX: usize = 1_000;

#[derive(sqlx::FromRow)]
struct Day {
    first: i64,
    opened: Vec<u8>,
    last: Option<i64>,
    closed: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    hash: Vec<u8>,
    record: String,
}

impl Store {
    /// The lines of a day, without line ends. Fails at once if there was no such day or it is
    /// not over; an error in the stream says that it is not whole.
    pub async fn export_day(
        &self,
        day: NaiveDate,
    ) -> Result<mpsc::Receiver<Result<String, Error>>, Error> {
        let mut session = self.read().await?;
        let found = find(&mut session, day).await?.ok_or(Error::NotFound)?;
        let (Some(last), Some(closed)) = (found.last, &found.closed) else {
            return Err(Error::Stale);
        };
        let previous = found.previous.as_deref().map_or(Ok(Hash::NONE), read)?;
        let begin = chain::line(read(&found.opened)?, &chain::opening(day, previous));
        let transfers = last - found.first + 1;
        let end = chain::line(read(closed)?, &chain::closing(day, transfers));
        let (send, receive) = mpsc::channel(LINES_MAX);
        let (store, first) = (self.clone(), found.first);
        spawn("store.export", async move {
            let _ = send.send(Ok(begin)).await; // whoever read may have gone
            match store.lines(first, last, &send).await {
                Ok(()) => drop(send.send(Ok(end)).await),
                Err(error) => drop(send.send(Err(error)).await),
            }
        });
        Ok(receive)
    }

    async fn lines(
        &self,
        first: i64,
        last: i64,
        send: &mpsc::Sender<Result<String, Error>>,
    ) -> Result<(), Error> {
        const SQL: &str = "
            select c.hash, ledger_record(t, e.lines) as record
            from ledger_chain c
            join ledger_transfers t on t.id = c.transfer_id
            cross join lateral (
                select string_agg(ledger_line(account, amount), ',' order by line) as lines
                from ledger_entries where transfer_id = t.id
            ) e
            where c.position between $1 and $2
            order by c.position";

        let mut session = self.read().await?;
        session.begin_snapshot().await?;
        session.run("set local statement_timeout = 0").await?;
        let mut rows = sqlx::query_as::<_, Row>(SQL).bind(first).bind(last).fetch(&mut session);
        while let Some(row) = rows.next().await {
            let row = row?;
            if send.send(Ok(chain::line(read(&row.hash)?, &row.record))).await.is_err() {
                break;
            }
        }
        drop(rows);
        session.rollback().await;
        Ok(())
    }
}

async fn find(session: &mut Session, day: NaiveDate) -> Result<Option<Day>, Error> {
    const SQL: &str = "
        select first, opened, last, closed, (
            select closed from ledger_days before where before.day < $1 order by day desc limit 1
        ) as previous
        from ledger_days
        where day = $1";

    Ok(sqlx::query_as(SQL).bind(day).fetch_optional(session).await?)
}

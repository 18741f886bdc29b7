//! The chain of the ledger in the database: one sealer gives transfers their places some time
//! after their commits, closes days, and nobody else writes there.
//!
//! A transfer gets a place once every transaction that began to write before its own is over,
//! so none can come in between later. The order is that of (transaction, id), the day is the
//! one on which the place is given. A batch is one transaction: a crash leaves it whole or not
//! at all, and the next run goes on.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::session::Session;
use super::{Error, Store};
use crate::chain::{self, Hash};

mod export;

/// Transfers that one transaction gives places.
const BATCH: usize = 2_000;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    pub transfers: usize,
    /// A day that came to its end.
    pub closed: Option<NaiveDate>,
    /// There may be more to do at once.
    pub more: bool,
}

impl Store {
    /// Gives places to transfers whose order is known, and closes the day before `now`'s if it
    /// is still open. Doing it again does nothing.
    pub async fn seal(&self, now: DateTime<Utc>) -> Result<Sealed, Error> {
        let today = domain::calendar::local_day(now);
        self.transact("store.seal", move |session| Box::pin(seal(session, today))).await
    }
}

/// Where the chain ends.
struct Tip {
    below: String,
    position: i64,
    hash: Hash,
    /// The open day and its first place.
    open: Option<(NaiveDate, i64)>,
}

async fn seal(session: &mut Session, today: NaiveDate) -> Result<Sealed, Error> {
    // older than what is read below: whatever is over by it is seen by that
    let horizon: String =
        sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot())::text")
            .fetch_one(&mut *session)
            .await?;
    let mut tip = Tip::lock(session).await?;
    let mut sealed = Sealed::default();
    if let Some((day, first)) = tip.open.filter(|(day, _)| *day < today) {
        tip.close(session, day, first).await?;
        sealed.closed = Some(day);
    }
    let waiting = waiting(session, &tip.below, &horizon).await?;
    if let Some(last) = waiting.last() {
        let below = last.xid.clone();
        tip.open_day(session, today).await?;
        tip.append(session, &waiting).await?;
        sealed.transfers = waiting.len();
        sealed.more = waiting.len() == BATCH;
        tip.below = if sealed.more { below } else { horizon };
    } else {
        tip.below = horizon;
    }
    sqlx::query("update ledger_sealer set below = $1::text::xid8")
        .bind(&tip.below)
        .execute(session)
        .await?;
    Ok(sealed)
}

#[derive(sqlx::FromRow)]
struct Waiting {
    id: Uuid,
    xid: String,
    record: String,
}

async fn waiting(session: &mut Session, below: &str, horizon: &str) -> Result<Vec<Waiting>, Error> {
    const SQL: &str = "
        select t.id, t.xid::text as xid, ledger_record(t, e.lines) as record
        from ledger_transfers t
        cross join lateral (
            select string_agg(ledger_line(account, amount), ',' order by line) as lines
            from ledger_entries where transfer_id = t.id
        ) e
        where t.xid >= $1::text::xid8 and t.xid < $2::text::xid8
            and not exists (select from ledger_chain c where c.transfer_id = t.id)
        order by t.xid, t.id
        limit $3";

    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let rows = sqlx::query_as(SQL).bind(below).bind(horizon).bind(most).fetch_all(session);
    Ok(rows.await?)
}

impl Tip {
    /// One sealer at a time.
    async fn lock(session: &mut Session) -> Result<Tip, Error> {
        const FIRST: &str = "insert into ledger_sealer (id) values (1) on conflict do nothing";
        const BELOW: &str = "select below::text from ledger_sealer for update";
        const LAST: &str = "select position, hash from ledger_chain order by position desc limit 1";
        const CLOSED: &str = "
            select closed from ledger_days where closed is not null order by day desc limit 1";
        const OPEN: &str = "select day, first, opened from ledger_days where closed is null";

        session.run(FIRST).await?;
        let below = sqlx::query_scalar(BELOW).fetch_one(&mut *session).await?;
        let last: Option<(i64, Vec<u8>)> =
            sqlx::query_as(LAST).fetch_optional(&mut *session).await?;
        let open: Option<(NaiveDate, i64, Vec<u8>)> =
            sqlx::query_as(OPEN).fetch_optional(&mut *session).await?;
        let (position, mut hash) = last.unwrap_or((0, Hash::NONE.0.to_vec()));
        if open.is_none() {
            let closed: Option<Vec<u8>> =
                sqlx::query_scalar(CLOSED).fetch_optional(&mut *session).await?;
            hash = closed.unwrap_or(Hash::NONE.0.to_vec());
        }
        let hash = read(&hash)?;
        Ok(Tip { below, position, hash, open: open.map(|(day, first, _)| (day, first)) })
    }

    /// The last hash of the day, and what the network's own accounts held at its end.
    async fn close(
        &mut self,
        session: &mut Session,
        day: NaiveDate,
        first: i64,
    ) -> Result<(), Error> {
        const CLOSE: &str = "update ledger_days set last = $2, closed = $3 where day = $1";
        const SUMS: &str = "
            insert into ledger_closings (day, account, balance)
            select $1, account, sum(amount)
            from (
                select account, balance as amount from ledger_closings
                where day = (select max(day) from ledger_closings)
                union all
                select e.account, e.amount
                from ledger_chain c
                join ledger_entries e on e.transfer_id = c.transfer_id
                where c.position between $2 and $3 and not ledger_is_riders(e.account)
            ) sums
            group by account";

        self.hash = self.hash.then(&chain::closing(day, self.position - first + 1));
        sqlx::query(CLOSE)
            .bind(day)
            .bind(self.position)
            .bind(&self.hash.0[..])
            .execute(&mut *session)
            .await?;
        sqlx::query(SUMS).bind(day).bind(first).bind(self.position).execute(session).await?;
        self.open = None;
        Ok(())
    }

    /// A day is opened by its first transfer.
    async fn open_day(&mut self, session: &mut Session, today: NaiveDate) -> Result<(), Error> {
        const SQL: &str = "
            insert into ledger_days (day, first, opened) values ($1, $2, $3)";

        if self.open.is_some() {
            return Ok(());
        }
        let last: Option<NaiveDate> =
            sqlx::query_scalar("select max(day) from ledger_days").fetch_one(&mut *session).await?;
        // a clock that was set back opens no day twice
        let day = last.and_then(|last| last.succ_opt()).map_or(today, |next| next.max(today));
        let first = self.position + 1;
        self.hash = Hash::first(&chain::opening(day, self.hash));
        let opened = &self.hash.0[..];
        sqlx::query(SQL).bind(day).bind(first).bind(opened).execute(session).await?;
        self.open = Some((day, first));
        Ok(())
    }

    async fn append(&mut self, session: &mut Session, waiting: &[Waiting]) -> Result<(), Error> {
        const SQL: &str = "
            insert into ledger_chain (position, transfer_id, day, hash)
            select position, transfer_id, $4, hash
            from unnest($1, $2, $3) as w (position, transfer_id, hash)";

        let (mut positions, mut hashes) = (vec![], vec![]);
        for row in waiting {
            self.position += 1;
            self.hash = self.hash.then(&row.record);
            positions.push(self.position);
            hashes.push(self.hash.0.to_vec());
        }
        sqlx::query(SQL)
            .bind(positions)
            .bind(waiting.iter().map(|row| row.id).collect::<Vec<_>>())
            .bind(hashes)
            .bind(self.open.map(|(day, _)| day))
            .execute(session)
            .await?;
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Result<Hash, Error> {
    let hash = bytes.try_into().map(Hash);
    hash.map_err(|_| Error::Corrupt(format!("a hash of {} bytes", bytes.len())))
}

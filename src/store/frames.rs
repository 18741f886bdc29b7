//! The days of `raw_frames`: made ahead, dropped when they are old. A frame of a day that has
//! no partition waits in the rest and moves when its day is made.

use chrono::{Days, NaiveDate};

use super::{Error, Store};

const PREFIX: &str = "raw_frames_";

/// What was done, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameDays {
    pub made: Vec<NaiveDate>,
    pub dropped: Vec<NaiveDate>,
}

impl Store {
    /// Makes the partitions of today (UTC) and of `ahead` days more, and drops those of days
    /// that ended more than `keep` days ago.
    pub async fn keep_frame_days(&self, ahead: u16, keep: u16) -> Result<FrameDays, Error> {
        let today = self.inner.clock.now().date_naive();
        let known = self.frame_days().await?;
        let mut days = FrameDays::default();
        for offset in 0..=u64::from(ahead) {
            let day = today + Days::new(offset);
            if !known.contains(&day) {
                self.make_frame_day(day).await?;
                days.made.push(day);
            }
        }
        let first = today.checked_sub_days(Days::new(u64::from(keep))).unwrap_or(NaiveDate::MIN);
        for day in known.into_iter().filter(|day| *day < first) {
            let sql = format!("drop table {}", name(day));
            self.run_detached(sql).await?;
            days.dropped.push(day);
        }
        let rest = format!("delete from raw_frames_rest where at < '{first}T00:00:00Z'");
        self.run_detached(rest).await?;
        Ok(days)
    }

    /// The days that have a partition, oldest first.
    async fn frame_days(&self) -> Result<Vec<NaiveDate>, Error> {
        const SQL: &str = "
            select c.relname::text
            from pg_inherits i
            join pg_class c on c.oid = i.inhrelid
            where i.inhparent = 'raw_frames'::regclass
            order by c.relname";

        let mut session = self.read().await?;
        let names: Vec<String> = sqlx::query_scalar(SQL).fetch_all(&mut session).await?;
        let day =
            |name: String| NaiveDate::parse_from_str(name.strip_prefix(PREFIX)?, "%Y%m%d").ok();
        Ok(names.into_iter().filter_map(day).collect())
    }

    /// Attached only when its rows are in it: a row of that day in the rest would be in the way.
    async fn make_frame_day(&self, day: NaiveDate) -> Result<(), Error> {
        let (table, next) = (name(day), day + Days::new(1));
        let (from, to) = (format!("'{day}T00:00:00Z'"), format!("'{next}T00:00:00Z'"));
        self.run_detached(format!(
            "create table {table} (like raw_frames including defaults);
            with moved as (
                delete from raw_frames_rest where at >= {from} and at < {to} returning *
            )
            insert into {table} select * from moved;
            alter table raw_frames attach partition {table} for values from ({from}) to ({to})"
        ))
        .await
    }

    async fn run_detached(&self, sql: String) -> Result<(), Error> {
        self.transact("store.frames", move |session| {
            Box::pin(async move {
                session.write(sql).await?;
                Ok(())
            })
        })
        .await
    }
}

fn name(day: NaiveDate) -> String {
    format!("{PREFIX}{}", day.format("%Y%m%d"))
}

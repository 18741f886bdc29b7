//! `outbox`: effects that facts owe to the outside. Claimed, delivered at least once, and kept
//! when they cannot be delivered.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::effect::Effect;
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use super::fact::AuditEntry;
use super::{Error, PURGE_MAX, Store};

/// Who claimed an effect and says nothing for so long has died: it is claimed again.
pub const CLAIM: Duration = Duration::from_mins(1);

/// An effect to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    pub id: Uuid,
    pub effect: Effect,
    /// With this one.
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
}

/// How many effects there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub owed: i64,
    pub dead: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    effect: Json<Box<RawValue>>,
    attempts: i32,
    created_at: DateTime<Utc>,
}

impl Store {
    /// Takes up to `limit` effects that are due, oldest first, so that nobody else does for
    /// the time of a claim. One that is not understood is dead at once.
    pub async fn claim(&self, limit: u32, now: DateTime<Utc>) -> Result<Vec<Owed>, Error> {
        // as an array, so that its rows are found by their key: joined, the table may be read whole
        const SQL: &str = "
            update outbox
            set attempts = attempts + 1, due_at = $3
            where id = any (array(
                select id from outbox
                where state = 'owed' and due_at <= $1
                order by due_at, id
                limit $2
                for update skip locked
            ))
            returning id, effect, attempts, created_at";

        let until = now + TimeDelta::from_std(CLAIM).unwrap_or_default();
        let rows: Vec<Row> = self
            .transact("store.outbox", move |session| {
                Box::pin(async move {
                    let claimed = sqlx::query_as(SQL).bind(now).bind(i64::from(limit)).bind(until);
                    Ok(claimed.fetch_all(session).await?)
                })
            })
            .await?;
        let mut owed = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, attempts, created_at) = (row.id, row.attempts, row.created_at);
            match serde_json::from_str(row.effect.get()) {
                Ok(effect) => owed.push(Owed { id, effect, attempts, created_at }),
                Err(error) => self.dead(id, &error.to_string()).await?,
            }
        }
        owed.sort_by_key(|owed| (owed.created_at, owed.id));
        Ok(owed)
    }

    /// They were delivered.
    pub async fn done(&self, ids: Vec<Uuid>) -> Result<(), Error> {
        const SQL: &str = "
            update outbox set state = 'done', done_at = $2, last_error = null
            where id = any($1) and state = 'owed'";

        let now = self.inner.clock.now();
        self.mark(move || sqlx::query(SQL).bind(ids).bind(now)).await
    }

    /// It was not delivered; due again at `due_at`.
    pub async fn retry(&self, id: Uuid, due_at: DateTime<Utc>, error: &str) -> Result<(), Error> {
        const SQL: &str = "
            update outbox set due_at = $2, last_error = $3 where id = $1 and state = 'owed'";

        let error = error.to_owned();
        self.mark(move || sqlx::query(SQL).bind(id).bind(due_at).bind(error)).await
    }

    /// It cannot be delivered: kept for a person to look at.
    pub async fn dead(&self, id: Uuid, error: &str) -> Result<(), Error> {
        const SQL: &str = "
            update outbox set state = 'dead', last_error = $2 where id = $1 and state = 'owed'";

        let error = error.to_owned();
        self.mark(move || sqlx::query(SQL).bind(id).bind(error)).await
    }

    /// Makes a dead effect due again, or all of them; answers how many.
    pub async fn redrive(&self, id: Option<Uuid>, audit: AuditEntry) -> Result<u64, Error> {
        const SQL: &str = "
            update outbox set state = 'owed', due_at = $1, attempts = 0
            where state = 'dead' and ($2::uuid is null or id = $2)";

        let audit = self.stamp(audit);
        let again = self.transact("store.outbox", move |session| {
            Box::pin(async move {
                let due = sqlx::query(SQL).bind(audit.at).bind(id);
                let again = due.execute(&mut *session).await?.rows_affected();
                if again > 0 {
                    audit.write(session).await?;
                }
                Ok(again)
            })
        });
        let again = again.await?;
        self.inner.owed.notify_one();
        Ok(again)
    }

    /// Forgets what was delivered before `before`, up to the bound; answers how many.
    pub async fn forget_delivered(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        const SQL: &str = "
            delete from outbox
            where id in (
                select id from outbox where state = 'done' and done_at < $1 limit $2
            )";

        let purge = move || sqlx::query(SQL).bind(before).bind(PURGE_MAX);
        self.write_one("store.outbox", purge).await
    }

    pub async fn outbox_backlog(&self) -> Result<Backlog, Error> {
        const SQL: &str = "
            select count(*) filter (where state = 'owed'), count(*) filter (where state = 'dead')
            from outbox
            where state <> 'done'";

        let mut session = self.read().await?;
        let (owed, dead) = sqlx::query_as(SQL).fetch_one(&mut session).await?;
        Ok(Backlog { owed, dead })
    }

    async fn mark(
        &self,
        query: impl FnOnce() -> super::Query + Send + 'static,
    ) -> Result<(), Error> {
        self.write_one("store.outbox", query).await.map(drop)
    }
}

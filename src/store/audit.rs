//! `audit`: who did what to which thing. Only added to.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::fact::AuditEntry;
use super::session::Session;
use super::{Error, Store};
use crate::clock::Clock;
use crate::entropy::Entropy;

/// One line of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub details: Value,
}

/// An entry with the moment it is written.
pub(super) struct Stamped {
    id: Uuid,
    pub at: DateTime<Utc>,
    entry: AuditEntry,
}

impl Stamped {
    pub fn new(entry: AuditEntry, clock: &Clock, entropy: &Entropy) -> Stamped {
        let at = clock.now();
        Stamped { id: entropy.uuid_at(at), at, entry }
    }

    pub async fn write(self, session: &mut Session) -> Result<(), Error> {
        const SQL: &str = "
            insert into audit (id, at, actor, action, target, details)
            values ($1, $2, $3, $4, $5, $6)";

        sqlx::query(SQL)
            .bind(self.id)
            .bind(self.at)
            .bind(self.entry.actor)
            .bind(self.entry.action)
            .bind(self.entry.target)
            .bind(Json(self.entry.details))
            .execute(session)
            .await?;
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    target: String,
    details: Json<Value>,
}

impl Store {
    /// Writes an entry for something that is no fact.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), Error> {
        let stamped = self.stamp(entry);
        self.transact("store.audit", move |session| Box::pin(stamped.write(session))).await
    }

    /// The newest `limit` entries older than `before`, newest first.
    pub async fn audit(
        &self,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, Error> {
        const SQL: &str = "
            select id, at, actor, action, target, details
            from audit
            where $1 is null or at < $1
            order by at desc, id desc
            limit $2";

        let mut session = self.read().await?;
        let rows: Vec<Row> =
            sqlx::query_as(SQL).bind(before).bind(i64::from(limit)).fetch_all(&mut session).await?;
        let line = |row: Row| AuditRow {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.action,
            target: row.target,
            details: row.details.0,
        };
        Ok(rows.into_iter().map(line).collect())
    }

    pub(super) fn stamp(&self, entry: AuditEntry) -> Stamped {
        Stamped::new(entry, &self.inner.clock, &self.inner.entropy)
    }
}

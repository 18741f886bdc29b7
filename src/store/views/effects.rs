//! `outbox` for operators: what is still owed to the outside, and what was set aside.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Error, Store};

/// An effect with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct EffectRow {
    pub id: Uuid,
    /// `owed`, `done` or `dead`.
    pub state: String,
    pub effect: Value,
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    /// When it is tried again, if it is owed.
    pub due_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
}

impl Store {
    /// Dead effects, or all that are not delivered; the oldest first.
    pub async fn effect_rows(&self, owed_too: bool, limit: u32) -> Result<Vec<EffectRow>, Error> {
        const SQL: &str = "
            select id, state, effect, attempts, created_at, due_at, done_at, last_error
            from outbox
            where state = 'dead' or ($1 and state = 'owed')
            order by created_at, id
            limit $2";

        let query = sqlx::query_as(SQL).bind(owed_too).bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }

    pub async fn effect_row(&self, id: Uuid) -> Result<EffectRow, Error> {
        const SQL: &str = "
            select id, state, effect, attempts, created_at, due_at, done_at, last_error
            from outbox
            where id = $1";

        let query = sqlx::query_as(SQL).bind(id);
        query.fetch_optional(&mut self.read().await?).await?.ok_or(Error::NotFound)
    }
}

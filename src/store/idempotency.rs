//! `idempotency_keys`: what a request with a key led to. Written with the fact of the request;
//! read when the key comes again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;

use super::{Error, PURGE_MAX, Store};

/// What the first request with a key led to.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    pub route: String,
    pub body_hash: Vec<u8>,
    /// The HTTP status of the first answer.
    pub status: u16,
    /// What was made.
    pub resource: Option<String>,
    /// Or the answer itself.
    pub response: Option<Value>,
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    route: String,
    body_hash: Vec<u8>,
    status: i16,
    resource: Option<String>,
    response: Option<Json<Value>>,
    created_at: DateTime<Utc>,
}

impl Store {
    /// The record of a key; `None` when it was not used.
    pub async fn key(&self, actor: &str, key: &str) -> Result<Option<KeyRecord>, Error> {
        const SQL: &str = "
            select route, body_hash, status, resource, response, created_at
            from idempotency_keys
            where actor = $1 and key = $2";

        let mut session = self.read().await?;
        let row: Option<Row> =
            sqlx::query_as(SQL).bind(actor).bind(key).fetch_optional(&mut session).await?;
        Ok(row.map(|row| KeyRecord {
            route: row.route,
            body_hash: row.body_hash,
            status: u16::try_from(row.status).unwrap_or(200),
            resource: row.resource,
            response: row.response.map(|json| json.0),
            created_at: row.created_at,
        }))
    }

    /// Forgets keys from before `before`, up to the bound; answers how many.
    pub async fn purge_keys(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        const SQL: &str = "
            delete from idempotency_keys
            where (actor, key) in (
                select actor, key from idempotency_keys where created_at < $1 limit $2
            )";

        let purge = move || sqlx::query(SQL).bind(before).bind(PURGE_MAX);
        self.write_one("store.keys", purge).await
    }
}

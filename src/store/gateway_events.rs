//! `gateway_events`: what gateways said of payments. Added with the fact that it led to, or alone
//! when it led to none; dropped when it is old.

use chrono::{DateTime, Utc};
use domain::ids::IntentId;

use super::fact::GatewayEvent;
use super::session::Session;
use super::writer::script::Script;
use super::{Error, PURGE_MAX, Store};
use crate::entropy::Entropy;

/// One of them, as it is read.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredEvent {
    pub source: String,
    pub status: Option<i16>,
    pub body: String,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
}

/// Adds rows; news that is there already is left out. Tells how many were added.
pub(super) fn insert(
    script: &mut Script,
    rows: &[(DateTime<Utc>, &GatewayEvent)],
    entropy: &Entropy,
) {
    const SQL: &str = "
        insert into gateway_events (
            id, gateway, intent_id, source, news_id, status, body, hash, at
        )
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (gateway, news_id) where news_id is not null do nothing";

    if rows.is_empty() {
        return;
    }
    let status = |e: &GatewayEvent| e.status.and_then(|status| i16::try_from(status).ok());
    script
        .part(SQL)
        .bind(rows.iter().map(|(at, _)| entropy.uuid_at(*at)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| e.gateway.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| e.intent).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| e.source.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| e.news_id.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| status(e)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| e.body.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, e)| &e.hash[..]).collect::<Vec<_>>())
        .bind(rows.iter().map(|(at, _)| *at).collect::<Vec<_>>())
        .tells();
}

/// The same by itself; answers how many were added.
pub(super) async fn keep(
    session: &mut Session,
    rows: &[(DateTime<Utc>, &GatewayEvent)],
    entropy: &Entropy,
) -> Result<i64, sqlx::Error> {
    let mut script = Script::default();
    insert(&mut script, rows, entropy);
    Ok(script.rows(session).await?.iter().sum())
}

impl Store {
    /// Keeps what a gateway said that leads to no fact by itself. Answers whether it is new, and
    /// makes its payment due for a question if it is.
    pub async fn gateway_said(&self, event: GatewayEvent) -> Result<bool, Error> {
        const DUE: &str = "
            update payment_intents
            set next_check_at = $2
            where id = $1 and status <> 'COMPLETED'";

        let (now, entropy) = (self.inner.clock.now(), self.inner.entropy.clone());
        self.transact("store.gateway_events", move |session| {
            Box::pin(async move {
                let is_new = keep(session, &[(now, &event)], &entropy).await? > 0;
                if is_new && event.news_id.is_some() {
                    sqlx::query(DUE).bind(event.intent).bind(now).execute(session).await?;
                }
                Ok(is_new)
            })
        })
        .await
    }

    /// Everything that was said of a payment, the oldest first.
    pub async fn gateway_events(&self, intent: IntentId) -> Result<Vec<StoredEvent>, Error> {
        const SQL: &str = "
            select source, status, body, hash, at
            from gateway_events
            where intent_id = $1
            order by at, id";

        let mut session = self.read().await?;
        Ok(sqlx::query_as(SQL).bind(intent).fetch_all(&mut session).await?)
    }

    /// Forgets a portion of what was said before `before`; answers how many.
    pub async fn purge_gateway_events(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        const SQL: &str = "
            delete from gateway_events
            where id in (select id from gateway_events where at < $1 limit $2)";

        let purge = move || sqlx::query(SQL).bind(before).bind(PURGE_MAX);
        self.write_one("store.gateway_events", purge).await
    }
}

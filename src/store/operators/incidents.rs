//! `incidents`: what a person has to decide, and what was decided.

use chrono::{DateTime, Utc};
use domain::ids::{IncidentId, RentalId, Serial, Sn};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::Json;

use crate::store::fact::AuditEntry;
use crate::store::{Error, Store};

/// An incident with the names that people use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct IncidentRow {
    pub id: IncidentId,
    pub kind: String,
    /// `open` or `resolved`.
    pub state: String,
    pub opened_at: DateTime<Utc>,
    pub station: Option<Serial>,
    pub rental_id: Option<RentalId>,
    pub rental_code: Option<String>,
    pub bank: Option<Sn>,
    pub evidence: Value,
    pub resolved_at: Option<DateTime<Utc>>,
    pub resolved_by: Option<String>,
    pub resolution: Option<String>,
}

/// How a person closed an incident.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub incident: IncidentId,
    /// Who did: `operator:anna`.
    pub actor: String,
    /// What was found out and done.
    pub text: String,
    pub at: DateTime<Utc>,
}

pub(super) const SELECT: &str = "
    select i.id, i.kind, i.state, i.opened_at, s.serial as station, i.rental_id,
        r.code as rental_code, i.bank_sn as bank, i.evidence, i.resolved_at, i.resolved_by,
        i.resolution
    from incidents i
    left join stations s on s.id = i.station_id
    left join rentals r on r.id = i.rental_id";

impl Store {
    /// The newest first; open ones only, unless `all`.
    pub async fn incidents(&self, all: bool, limit: u32) -> Result<Vec<IncidentRow>, Error> {
        let sql = format!(
            "{SELECT} where $1 or i.state = 'open' order by i.opened_at desc, i.id limit $2"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(all).bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }

    pub async fn incident(&self, id: IncidentId) -> Result<IncidentRow, Error> {
        let sql = format!("{SELECT} where i.id = $1");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id);
        query.fetch_optional(&mut self.read().await?).await?.ok_or(Error::NotFound)
    }

    /// Closes an open incident, with its audit; `Stale` when it is closed already.
    pub async fn resolve_incident(&self, resolution: Resolution) -> Result<(), Error> {
        const SQL: &str = "
            update incidents
            set state = 'resolved', resolved_at = $2, resolved_by = $3, resolution = $4
            where id = $1 and state = 'open'";

        let audit = AuditEntry {
            actor: resolution.actor.clone(),
            action: "incident.resolve",
            target: resolution.incident.to_string(),
            details: json!({ "resolution": resolution.text }),
        };
        let id = self.inner.entropy.uuid_at(resolution.at);
        self.transact("incident.resolve", move |session| {
            Box::pin(async move {
                let done = sqlx::query(SQL)
                    .bind(resolution.incident)
                    .bind(resolution.at)
                    .bind(&resolution.actor)
                    .bind(&resolution.text)
                    .execute(&mut *session)
                    .await?;
                if done.rows_affected() == 0 {
                    return Err(Error::Stale);
                }
                sqlx::query(AUDIT)
                    .bind(id)
                    .bind(resolution.at)
                    .bind(audit.actor)
                    .bind(audit.action)
                    .bind(audit.target)
                    .bind(Json(audit.details))
                    .execute(session)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

const AUDIT: &str = "
    insert into audit (id, at, actor, action, target, details) values ($1, $2, $3, $4, $5, $6)";

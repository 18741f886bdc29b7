//! `incidents`: what a person has to look at. Opened by facts, resolved by people.

use chrono::{DateTime, Utc};
use domain::ids::{IncidentId, RentalId, Sn, StationId};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::fact::AuditEntry;
use super::session::Session;
use super::{Error, Store};

#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub id: IncidentId,
    pub kind: String,
    pub station: Option<StationId>,
    pub rental: Option<RentalId>,
    pub bank: Option<Sn>,
    pub evidence: Value,
    pub opened_at: DateTime<Utc>,
    /// Open until somebody resolved it.
    pub resolved: Option<Resolution>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub at: DateTime<Utc>,
    pub by: String,
    pub text: String,
}

/// Which incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    Open,
    All,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: IncidentId,
    kind: String,
    station_id: Option<StationId>,
    rental_id: Option<RentalId>,
    bank_sn: Option<Sn>,
    evidence: Json<Value>,
    opened_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    resolved_by: Option<String>,
    resolution: Option<String>,
}

impl From<Row> for Incident {
    fn from(row: Row) -> Incident {
        let (by, text) = (row.resolved_by, row.resolution);
        let resolved = row.resolved_at.map(|at| Resolution {
            at,
            by: by.unwrap_or_default(),
            text: text.unwrap_or_default(),
        });
        Incident {
            id: row.id,
            kind: row.kind,
            station: row.station_id,
            rental: row.rental_id,
            bank: row.bank_sn,
            evidence: row.evidence.0,
            opened_at: row.opened_at,
            resolved,
        }
    }
}

impl Store {
    /// At most `limit`, oldest first: those wait longest.
    pub async fn incidents(&self, which: Which, limit: u32) -> Result<Vec<Incident>, Error> {
        const SQL: &str = "
            select id, kind, station_id, rental_id, bank_sn, evidence, opened_at, resolved_at,
                resolved_by, resolution
            from incidents
            where $1 or state = 'open'
            order by opened_at, id
            limit $2";

        let mut session = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(SQL)
            .bind(which == Which::All)
            .bind(i64::from(limit))
            .fetch_all(&mut session)
            .await?;
        Ok(rows.into_iter().map(Incident::from).collect())
    }

    pub async fn incident(&self, id: IncidentId) -> Result<Incident, Error> {
        one(&mut self.read().await?, id).await
    }

    /// Closes an incident, once; the second who tries is told `Stale`.
    pub async fn resolve_incident(
        &self,
        id: IncidentId,
        by: &str,
        resolution: &str,
    ) -> Result<Incident, Error> {
        const SQL: &str = "
            update incidents
            set state = 'resolved', resolved_at = $2, resolved_by = $3, resolution = $4
            where id = $1 and state = 'open'";

        let (by, text) = (by.to_owned(), resolution.to_owned());
        let audit = self.stamp(AuditEntry {
            actor: by.clone(),
            action: "incident.resolve",
            target: format!("incident:{id}"),
            details: json!({ "resolution": text }),
        });
        self.transact("store.incident", move |session| {
            Box::pin(async move {
                let incident = one(session, id).await?;
                let resolved = sqlx::query(SQL).bind(id).bind(audit.at).bind(&by).bind(&text);
                if resolved.execute(&mut *session).await?.rows_affected() != 1 {
                    return Err(Error::Stale);
                }
                let resolution = Resolution { at: audit.at, by, text };
                audit.write(session).await?;
                Ok(Incident { resolved: Some(resolution), ..incident })
            })
        })
        .await
    }
}

async fn one(session: &mut Session, id: IncidentId) -> Result<Incident, Error> {
    const SQL: &str = "
        select id, kind, station_id, rental_id, bank_sn, evidence, opened_at, resolved_at,
            resolved_by, resolution
        from incidents
        where id = $1";

    let row: Option<Row> = sqlx::query_as(SQL).bind(id).fetch_optional(session).await?;
    row.map(Incident::from).ok_or(Error::NotFound)
}

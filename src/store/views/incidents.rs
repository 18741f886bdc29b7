//! `incidents` with the names of what they are about.

use chrono::{DateTime, Utc};
use domain::ids::{IncidentId, RentalId, Serial, Sn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::incidents::Which;
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

pub(super) const SELECT: &str = "
    select i.id, i.kind, i.state, i.opened_at, s.serial as station, i.rental_id,
        r.code as rental_code, i.bank_sn as bank, i.evidence, i.resolved_at, i.resolved_by,
        i.resolution
    from incidents i
    left join stations s on s.id = i.station_id
    left join rentals r on r.id = i.rental_id";

impl Store {
    /// Oldest first: those wait longest.
    pub async fn incident_rows(&self, which: Which, limit: u32) -> Result<Vec<IncidentRow>, Error> {
        let sql =
            format!("{SELECT} where $1 or i.state = 'open' order by i.opened_at, i.id limit $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(which == Which::All)
            .bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }

    pub async fn incident_row(&self, id: IncidentId) -> Result<IncidentRow, Error> {
        let sql = format!("{SELECT} where i.id = $1");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id);
        query.fetch_optional(&mut self.read().await?).await?.ok_or(Error::NotFound)
    }
}

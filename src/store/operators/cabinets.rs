//! Cabinets that wait to be enrolled, banks and where they are, and who did what.

use chrono::{DateTime, Utc};
use domain::ids::{RentalId, Serial, Sn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{Error, Store};

/// A cabinet that called without being enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PendingRow {
    pub uuid: String,
    pub attempts: i64,
    pub address: Option<String>,
    pub hardware: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

/// A bank and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct BankRow {
    pub sn: Sn,
    /// `slot`, `rental`, `missing` or `quarantine`.
    pub custody: String,
    pub station: Option<Serial>,
    pub io: Option<i16>,
    pub slot: Option<i32>,
    pub rental_id: Option<RentalId>,
    pub rental_code: Option<String>,
    /// `GOOD`, `MAINTENANCE` or `DAMAGED`.
    pub condition: String,
    pub updated_at: DateTime<Utc>,
}

/// Who did what to which thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct AuditRow {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub details: Value,
}

impl Store {
    /// The last to call first.
    pub async fn pending_cabinets(&self, limit: u32) -> Result<Vec<PendingRow>, Error> {
        const SQL: &str = "
            select device_uuid as uuid, attempts, address, hardware, first_seen_at, last_seen_at
            from pending_cabinets p
            where not exists (
                select from stations s where s.device_uuid = p.device_uuid and not s.is_deleted
            )
            order by last_seen_at desc
            limit $1";

        let query = sqlx::query_as(SQL).bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }

    /// Banks by serial; those of one custody, if it is named.
    pub async fn bank_rows(
        &self,
        custody: Option<&str>,
        sn: Option<&Sn>,
        limit: u32,
    ) -> Result<Vec<BankRow>, Error> {
        const SQL: &str = "
            select b.sn, b.custody, s.serial as station, b.io, b.slot, b.rental_id,
                r.code as rental_code, b.condition, b.updated_at
            from banks b
            left join stations s on s.id = b.station_id
            left join rentals r on r.id = b.rental_id
            where ($1 is null or b.custody = $1) and ($2 is null or b.sn = $2)
            order by b.sn
            limit $3";

        let query = sqlx::query_as(SQL).bind(custody).bind(sn).bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }

    /// The newest first.
    pub async fn audit_rows(&self, limit: u32) -> Result<Vec<AuditRow>, Error> {
        const SQL: &str = "
            select at, actor, action, target, details from audit
            order by at desc, id desc
            limit $1";

        let query = sqlx::query_as(SQL).bind(i64::from(limit));
        Ok(query.fetch_all(&mut self.read().await?).await?)
    }
}

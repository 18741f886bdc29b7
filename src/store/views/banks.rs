//! `banks` with the names of who has them.

use chrono::{DateTime, Utc};
use domain::ids::{RentalId, Serial, Sn};
use serde::{Deserialize, Serialize};

use crate::store::{Error, Store};

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

impl Store {
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
}

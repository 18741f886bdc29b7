//! `withdrawals` as they are read: one, a rider's, and those that wait for an operator. They are
//! written in facts.

use chrono::{DateTime, Utc};
use domain::ids::{RiderId, WithdrawalId};
use domain::money::Money;
use domain::withdrawal::{Method, Payee, Status};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{Error, Store};

/// A withdrawal as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    pub id: WithdrawalId,
    pub reference: String,
    pub rider: RiderId,
    pub amount: Money,
    /// Taken out of the amount.
    pub fee: Money,
    pub method: Method,
    pub payee: Payee,
    pub status: Status,
    /// Who approves it cannot be who pays it out.
    pub two_persons: bool,
    pub requested_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub approved_by: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<String>,
    pub note: Option<String>,
    pub payout_reference: Option<String>,
}

impl Withdrawal {
    /// What is paid out.
    pub fn net(&self) -> Money {
        self.amount.minus(self.fee)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: WithdrawalId,
    reference: String,
    rider_id: RiderId,
    amount: Money,
    fee: Money,
    method: Method,
    account: Json<Payee>,
    status: Status,
    two_persons: bool,
    requested_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    ended_by: Option<String>,
    note: Option<String>,
    payout_reference: Option<String>,
    total: i64,
}

impl From<Row> for Withdrawal {
    fn from(row: Row) -> Withdrawal {
        Withdrawal {
            id: row.id,
            reference: row.reference,
            rider: row.rider_id,
            amount: row.amount,
            fee: row.fee,
            method: row.method,
            payee: row.account.0,
            status: row.status,
            two_persons: row.two_persons,
            requested_at: row.requested_at,
            approved_at: row.approved_at,
            approved_by: row.approved_by,
            ended_at: row.ended_at,
            ended_by: row.ended_by,
            note: row.note,
            payout_reference: row.payout_reference,
        }
    }
}

impl Store {
    /// One by its id, or by the reference that people use.
    pub async fn withdrawal(&self, name: &str) -> Result<Withdrawal, Error> {
        const SQL: &str = "
            select *, 1::bigint as total from withdrawals where id = $1 or reference = $2";

        let mut session = self.read().await?;
        let row: Option<Row> = sqlx::query_as(SQL)
            .bind(name.parse::<WithdrawalId>().ok())
            .bind(name.to_uppercase())
            .fetch_optional(&mut session)
            .await?;
        row.map(Withdrawal::from).ok_or(Error::NotFound)
    }

    /// A page of a rider's, the newest first, and how many there are. An offset past the end
    /// gives the last page.
    pub async fn withdrawals_of(
        &self,
        rider: RiderId,
        offset: u64,
        size: u64,
    ) -> Result<(Vec<Withdrawal>, u64), Error> {
        const SQL: &str = "
            with counted as (select count(*) as total from withdrawals where rider_id = $1)
            select w.*, total
            from withdrawals w
            cross join counted
            where rider_id = $1
            order by requested_at desc, id desc
            limit $3
            offset (select least($2, greatest(total - 1, 0) / $3 * $3) from counted)";

        let mut session = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(SQL)
            .bind(rider)
            .bind(i64::try_from(offset).unwrap_or(i64::MAX))
            .bind(i64::try_from(size.max(1)).unwrap_or(i64::MAX))
            .fetch_all(&mut session)
            .await?;
        let total = rows.first().map_or(0, |row| u64::try_from(row.total).unwrap_or(0));
        Ok((rows.into_iter().map(Withdrawal::from).collect(), total))
    }

    /// Those that wait for an operator, the oldest first; or all.
    pub async fn withdrawals(&self, all: bool, limit: u32) -> Result<Vec<Withdrawal>, Error> {
        const SQL: &str = "
            select *, 0::bigint as total
            from withdrawals
            where $1 or status in ('REQUESTED', 'APPROVED')
            order by requested_at, id
            limit $2";

        let mut session = self.read().await?;
        let rows: Vec<Row> =
            sqlx::query_as(SQL).bind(all).bind(i64::from(limit)).fetch_all(&mut session).await?;
        Ok(rows.into_iter().map(Withdrawal::from).collect())
    }
}

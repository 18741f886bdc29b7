//! The versions of rows that a running node believes to know, and commands past their bound: what
//! the node is compared with while it runs. Reads only; judging is the witness's.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{RentalId, Sn};

use super::{Error, Store};

impl Store {
    /// Every open rental with the version of its row.
    pub async fn open_rental_versions(&self) -> Result<BTreeMap<RentalId, i32>, Error> {
        const SQL: &str = "
            select id, version from rentals where status not in ('COMPLETED', 'CANCELLED')";
        let mut session = self.read().await?;
        let rows: Vec<(RentalId, i32)> = sqlx::query_as(SQL).fetch_all(&mut session).await?;
        Ok(rows.into_iter().collect())
    }

    /// The next banks after a serial number with the versions of their rows, and these ones.
    pub async fn bank_versions(
        &self,
        after: Option<&Sn>,
        most: i64,
        also: &[Sn],
    ) -> Result<BankVersions, Error> {
        const NEXT: &str = "select sn, version from banks where sn > $1 order by sn limit $2";
        const THESE: &str = "select sn, version from banks where sn = any($1)";
        let mut session = self.read().await?;
        let after = after.map_or("", Sn::as_str);
        let next: Vec<(Sn, i32)> =
            sqlx::query_as(NEXT).bind(after).bind(most).fetch_all(&mut session).await?;
        let these: Vec<&str> = also.iter().map(Sn::as_str).collect();
        let these: Vec<(Sn, i32)> =
            sqlx::query_as(THESE).bind(these).fetch_all(&mut session).await?;
        let is_full = i64::try_from(next.len()).is_ok_and(|count| count == most);
        let last = next.last().filter(|_| is_full).map(|(sn, _)| sn.clone());
        Ok(BankVersions { versions: next.into_iter().chain(these).collect(), last })
    }

    /// Rentals whose eject has no end although it was stored before then; the oldest, and how
    /// many there are.
    pub async fn overdue_commands(
        &self,
        before: DateTime<Utc>,
        most: i64,
    ) -> Result<(Vec<RentalId>, i64), Error> {
        const COUNT: &str = "
            select count(*) from rentals where status = 'PENDING_POPUP' and created_at < $1";
        const OLDEST: &str = "
            select id from rentals where status = 'PENDING_POPUP' and created_at < $1
            order by created_at, id limit $2";
        let mut session = self.read().await?;
        let count: i64 = sqlx::query_scalar(COUNT).bind(before).fetch_one(&mut session).await?;
        let oldest: Vec<RentalId> =
            sqlx::query_scalar(OLDEST).bind(before).bind(most).fetch_all(&mut session).await?;
        Ok((oldest, count))
    }
}

/// A part of all banks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankVersions {
    pub versions: BTreeMap<Sn, i32>,
    /// Where the next part begins; none after the last one.
    pub last: Option<Sn>,
}

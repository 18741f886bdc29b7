//! `refunds` as they are read, and what of a rental or a top-up is left to give back. Refunds are
//! written in facts; only the schedule of tries at a gateway, which is no fact, is written here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RefundId, RentalId, RiderId, TransferId};
use domain::ledger::{Account, Gateway};
use domain::money::Money;
use domain::points::Points;
use domain::refund::{Brought, Left, Purpose, Status};
use serde::{Deserialize, Serialize};

use super::session::Session;
use super::{Error, Store};

/// A refund as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub reference: String,
    pub rider: RiderId,
    /// The transaction that the rider named, and when it was made.
    pub transfer: TransferId,
    pub transfer_at: DateTime<Utc>,
    pub purpose: Purpose,
    pub amount: Money,
    pub reason: String,
    pub status: Status,
    /// Who approves it cannot be who gives it back.
    pub two_persons: bool,
    pub requested_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub approved_by: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_by: Option<String>,
    pub note: Option<String>,
    pub gateway_number: Option<String>,
    /// Of the account at Khalti that it goes to, where the money came from a bank.
    pub mobile: Option<String>,
    /// How often the gateway was told or asked, and when last.
    pub tries: i32,
    pub tried_at: Option<DateTime<Utc>>,
}

/// A transaction of a rider, by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub transfer: TransferId,
    pub at: DateTime<Utc>,
    /// Nothing, for one that gives nothing to ask back.
    pub purpose: Option<Purpose>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: RefundId,
    reference: String,
    rider_id: RiderId,
    transfer_id: TransferId,
    transfer_at: DateTime<Utc>,
    rental_id: Option<RentalId>,
    intent_id: Option<IntentId>,
    amount: Money,
    reason: String,
    status: Status,
    two_persons: bool,
    requested_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    ended_by: Option<String>,
    note: Option<String>,
    gateway_number: Option<String>,
    mobile: Option<String>,
    tries: i32,
    tried_at: Option<DateTime<Utc>>,
    total: i64,
}

impl Row {
    fn understood(self) -> Result<Refund, Error> {
        let rental = self.rental_id.map(Purpose::Rental);
        let purpose = rental.or(self.intent_id.map(Purpose::TopUp));
        let purpose = purpose.ok_or_else(|| Error::Corrupt(format!("refund {}", self.id)))?;
        Ok(Refund {
            id: self.id,
            reference: self.reference,
            rider: self.rider_id,
            transfer: self.transfer_id,
            transfer_at: self.transfer_at,
            purpose,
            amount: self.amount,
            reason: self.reason,
            status: self.status,
            two_persons: self.two_persons,
            requested_at: self.requested_at,
            approved_at: self.approved_at,
            approved_by: self.approved_by,
            ended_at: self.ended_at,
            ended_by: self.ended_by,
            note: self.note,
            gateway_number: self.gateway_number,
            mobile: self.mobile,
            tries: self.tries,
            tried_at: self.tried_at,
        })
    }
}

/// A transfer: its id, time, kind, and what it is for.
type Found = (TransferId, DateTime<Utc>, String, Option<RentalId>, Option<IntentId>);

#[derive(sqlx::FromRow)]
struct LeftRow {
    rental_id: RentalId,
    paid: Money,
    given: Money,
    worth: Money,
    points: Money,
    vat: Money,
}

impl LeftRow {
    fn left(&self) -> Left {
        let total = self.paid.minus(self.given).max(Money::ZERO);
        let worth = self.worth.max(Money::ZERO).min(total);
        let points = Points(u32::try_from(self.points.decimal()).unwrap_or(0));
        Left { total, worth, points, vat: self.vat }
    }
}

/// What riders paid for rentals, less what was given back. What was undone does not count; one
/// that nothing was paid for is not there.
pub(super) async fn left_of_rentals(
    session: &mut Session,
    rentals: &[RentalId],
) -> Result<BTreeMap<RentalId, Left>, sqlx::Error> {
    const SQL: &str = "
        select t.rental_id, coalesce(-sum(e.amount) filter (
                where t.kind = 'capture' and e.account like 'hold:%'
            ), 0) + coalesce(sum(e.amount) filter (
                where t.kind in ('collect', 'points_pay_dues') and e.account like 'receivable:%'
            ), 0) as paid,
            coalesce(sum(e.amount) filter (
                where t.kind in (
                    'reverse', 'reverse_points', 'refund_to_wallet', 'refund_to_source',
                    'refund_to_points'
                ) and e.amount > 0 and ledger_unit(e.account) = 'NPR'
            ), 0) as given,
            coalesce(-sum(e.amount) filter (where e.account = 'promotions'), 0) as worth,
            coalesce(-sum(e.amount) filter (where e.account like 'points:%'), 0) as points,
            coalesce(sum(e.amount) filter (where e.account = 'vat_payable'), 0) as vat
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id
        where t.rental_id = any($1) and t.reverses is null
            and not exists (select from ledger_transfers u where u.reverses = t.id)
        group by t.rental_id";

    if rentals.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<LeftRow> = sqlx::query_as(SQL).bind(rentals).fetch_all(session).await?;
    Ok(rows.into_iter().map(|row| (row.rental_id, row.left())).collect())
}

/// What came in by top-ups, less what went back. Whether it is still in the wallet is for the
/// wallet to say.
pub(super) async fn left_of_top_ups(
    session: &mut Session,
    intents: &[IntentId],
) -> Result<BTreeMap<IntentId, Money>, sqlx::Error> {
    const SQL: &str = "
        select t.intent_id, coalesce(-sum(e.amount), 0)
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id and e.account like 'clearing:%'
        where t.intent_id = any($1)
        group by t.intent_id";

    if intents.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(IntentId, Money)> = sqlx::query_as(SQL).bind(intents).fetch_all(session).await?;
    Ok(rows.into_iter().collect())
}

impl Store {
    /// A transaction of the rider, by its id or by what the app calls it: `TXN`, the second, and
    /// the last six characters of its id.
    pub async fn named(&self, rider: RiderId, name: &str) -> Result<Named, Error> {
        const SQL: &str = "
            select t.id, t.at, t.kind, t.rental_id, t.intent_id
            from ledger_entries e
            join ledger_transfers t on t.id = e.transfer_id
            where e.account = any($4)
                and (t.id = $1 or (t.at >= $2 and t.at < $2 + interval '1 second'
                    and right(replace(t.id::text, '-', ''), 6) = $3))
            limit 1";

        let (second, tail) = parsed(name).unzip();
        let accounts = [Account::Wallet(rider), Account::Hold(rider), Account::Points(rider)];
        let mut session = self.read().await?;
        let found: Option<Found> = sqlx::query_as(SQL)
            .bind(name.parse::<TransferId>().ok())
            .bind(second)
            .bind(tail)
            .bind(accounts.map(|account| account.key()))
            .fetch_optional(&mut session)
            .await?;
        let (transfer, at, kind, rental, intent) = found.ok_or(Error::NotFound)?;
        let purpose = match kind.as_str() {
            "top_up" => intent.map(Purpose::TopUp),
            "capture" | "collect" | "points_pay_dues" => rental.map(Purpose::Rental),
            _ => None,
        };
        Ok(Named { transfer, at, purpose })
    }

    pub async fn refundable(&self, rental: RentalId) -> Result<Left, Error> {
        let left = left_of_rentals(&mut self.read().await?, &[rental]).await?;
        Ok(left.get(&rental).copied().unwrap_or_default())
    }

    /// What of a top-up has not gone back, and what it earned.
    pub async fn brought(&self, intent: IntentId) -> Result<Brought, Error> {
        const SQL: &str = "
            select coalesce(-sum(e.amount) filter (where e.account like 'clearing:%'), 0),
                coalesce(-sum(e.amount) filter (where e.account = 'points_issued'), 0)
            from ledger_transfers t
            join ledger_entries e on e.transfer_id = t.id
            where t.intent_id = $1";

        let mut session = self.read().await?;
        let (left, points): (Money, Money) =
            sqlx::query_as(SQL).bind(intent).fetch_one(&mut session).await?;
        Ok(Brought { left, points: Points(u32::try_from(points.decimal()).unwrap_or(0)) })
    }

    /// Where the money of a top-up came from.
    pub async fn gateway_of(&self, intent: IntentId) -> Result<Gateway, Error> {
        const SQL: &str = "select gateway from payment_intents where id = $1";

        let mut session = self.read().await?;
        let found = sqlx::query_scalar(SQL).bind(intent).fetch_optional(&mut session).await?;
        found.ok_or(Error::NotFound)
    }

    /// The transfers by which money of a top-up and its points left the rider last, in one fact,
    /// and did not come back.
    pub async fn sent_back(&self, intent: IntentId) -> Result<Vec<TransferId>, Error> {
        const SQL: &str = "
            select t.id from ledger_transfers t
            where t.intent_id = $1 and t.kind in ('top_up_back', 'points_earned_back')
                and t.seq >= (
                    select t.seq from ledger_transfers t
                    where t.intent_id = $1 and t.kind = 'top_up_back'
                        and not exists (select from ledger_transfers u where u.reverses = t.id)
                    order by t.seq desc
                    limit 1
                )
                and not exists (select from ledger_transfers u where u.reverses = t.id)
            order by t.seq";

        let mut session = self.read().await?;
        let found: Vec<TransferId> =
            sqlx::query_scalar(SQL).bind(intent).fetch_all(&mut session).await?;
        if found.is_empty() { Err(Error::NotFound) } else { Ok(found) }
    }

    /// Whether an earlier part of a top-up has gone back.
    pub async fn had_refund(&self, intent: IntentId) -> Result<bool, Error> {
        const SQL: &str = "
            select exists (select from refunds where intent_id = $1 and status = 'PROCESSED')";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL).bind(intent).fetch_one(&mut session).await?)
    }

    /// One by its id, or by the reference that people use.
    pub async fn refund(&self, name: &str) -> Result<Refund, Error> {
        const SQL: &str = "
            select r.*, t.at as transfer_at, 1::bigint as total
            from refunds r
            join ledger_transfers t on t.id = r.transfer_id
            where r.id = $1 or r.reference = $2";

        let mut session = self.read().await?;
        let row: Option<Row> = sqlx::query_as(SQL)
            .bind(name.parse::<RefundId>().ok())
            .bind(name.to_uppercase())
            .fetch_optional(&mut session)
            .await?;
        row.ok_or(Error::NotFound)?.understood()
    }

    /// A page of a rider's, the newest first, and how many there are. An offset past the end
    /// gives the last page.
    pub async fn refunds_of(
        &self,
        rider: RiderId,
        offset: u64,
        size: u64,
    ) -> Result<(Vec<Refund>, u64), Error> {
        const SQL: &str = "
            with counted as (select count(*) as total from refunds where rider_id = $1)
            select r.*, t.at as transfer_at, total
            from refunds r
            join ledger_transfers t on t.id = r.transfer_id
            cross join counted
            where r.rider_id = $1
            order by r.requested_at desc, r.id desc
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
        let rows: Result<Vec<_>, _> = rows.into_iter().map(Row::understood).collect();
        Ok((rows?, total))
    }

    /// Those that wait for somebody, the oldest first; or all.
    pub async fn refunds(&self, all: bool, limit: u32) -> Result<Vec<Refund>, Error> {
        const SQL: &str = "
            select r.*, t.at as transfer_at, 0::bigint as total
            from refunds r
            join ledger_transfers t on t.id = r.transfer_id
            where $1 or r.status in ('REQUESTED', 'APPROVED', 'PROCESSING')
            order by r.requested_at, r.id
            limit $2";

        let mut session = self.read().await?;
        let rows: Vec<Row> =
            sqlx::query_as(SQL).bind(all).bind(i64::from(limit)).fetch_all(&mut session).await?;
        rows.into_iter().map(Row::understood).collect()
    }

    /// Those whose gateway is to be told or asked by now, the longest due first.
    pub async fn refunds_due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<RefundId>, Error> {
        const SQL: &str = "
            select id from refunds where next_try_at <= $1 order by next_try_at, id limit $2";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut session)
            .await?)
    }

    /// Counts a try before it is made, so that one that is cut off is known to have been begun;
    /// `tries` includes it. `next` is when it is looked into again. Answers whether it may be made:
    /// the refund is still under way, and nobody else has counted this one.
    pub async fn refund_tried(
        &self,
        id: RefundId,
        tries: i32,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<bool, Error> {
        const SQL: &str = "
            update refunds set tries = $2, tried_at = $3, next_try_at = $4
            where id = $1 and status = 'PROCESSING' and tries = $2 - 1";

        let query = move || sqlx::query(SQL).bind(id).bind(tries).bind(now).bind(next);
        Ok(self.write_one("store.refunds", query).await? == 1)
    }

    /// No gateway is told or asked any more: only a person can go on.
    pub async fn refund_rests(&self, id: RefundId) -> Result<(), Error> {
        const SQL: &str = "
            update refunds set tried_at = null, next_try_at = null
            where id = $1 and status = 'PROCESSING'";

        self.write_one("store.refunds", move || sqlx::query(SQL).bind(id)).await.map(drop)
    }
}

/// The second and the tail of `TXN20261122154007A1B2C3`.
fn parsed(name: &str) -> Option<(DateTime<Utc>, String)> {
    let rest = name.trim().strip_prefix("TXN")?;
    let (second, tail) = rest.split_at_checked(14).filter(|(_, tail)| tail.len() == 6)?;
    let second = chrono::NaiveDateTime::parse_from_str(second, "%Y%m%d%H%M%S").ok()?;
    Some((second.and_utc(), tail.to_lowercase()))
}

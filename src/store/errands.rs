//! What payments are for, and what became of it. That is written in facts; here only whose turn
//! it is.

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RentalId, RiderId, TransferId};
use domain::ledger::Account;
use domain::money::Money;
use domain::payment::{Errand, ErrandState, Intent, IntentStatus};
use domain::rental::{Event, Rental};
use domain::tender::Tender;
use sqlx::types::Json;

use super::{Error, Store};

/// A payment's errand as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredErrand {
    pub id: IntentId,
    pub rider_id: RiderId,
    pub status: IntentStatus,
    pub expires_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
    #[sqlx(json)]
    pub errand: Errand,
    #[sqlx(rename = "errand_state")]
    pub state: ErrandState,
    /// What it led to.
    #[sqlx(rename = "errand_rental")]
    pub rental: Option<RentalId>,
    /// Why it came to nothing, for people.
    #[sqlx(rename = "errand_error")]
    pub error: Option<String>,
}

impl StoredErrand {
    /// It is paid, and not done.
    pub fn is_due(&self) -> bool {
        self.status == IntentStatus::Completed && self.state == ErrandState::Pending
    }
}

/// What came of a payment, as its rider is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Nothing for a payment that only fills the wallet.
    pub errand: Option<StoredErrand>,
    /// The transfer that brought the money in, and when.
    pub transfer: Option<(TransferId, DateTime<Utc>)>,
    /// What is in the rider's wallet now.
    pub wallet: Money,
}

#[derive(sqlx::FromRow)]
struct SettlementRow {
    status: IntentStatus,
    expires_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    errand: Option<Json<Errand>>,
    errand_state: Option<ErrandState>,
    errand_rental: Option<RentalId>,
    errand_error: Option<String>,
    transfer: Option<TransferId>,
    moved_at: Option<DateTime<Utc>>,
    wallet: Money,
}

/// One payment of dues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuesPaid {
    pub tender: Tender,
    /// The transfer that a rider is shown: the first of it.
    pub transfer: Option<TransferId>,
    pub at: DateTime<Utc>,
    /// What the rider owes now, for all rentals.
    pub owed: Money,
}

#[derive(sqlx::FromRow)]
struct DuesRow {
    event: Json<Event>,
    at: DateTime<Utc>,
    transfer: Option<TransferId>,
    owed: Money,
}

impl Store {
    /// Nothing for a payment that only fills the wallet.
    pub async fn errand(&self, id: IntentId) -> Result<Option<StoredErrand>, Error> {
        const SQL: &str = "
            select id, rider_id, status, expires_at, completed_at, errand, errand_state,
                errand_rental, errand_error
            from payment_intents
            where id = $1 and errand is not null";

        let mut session = self.read().await?;
        Ok(sqlx::query_as(SQL).bind(id).fetch_optional(&mut session).await?)
    }

    /// All that an answer about a payment says beside the payment itself, in one look.
    pub async fn settlement(&self, of: &Intent) -> Result<Settlement, Error> {
        const SQL: &str = "
            select i.status, i.expires_at, i.completed_at, i.errand, i.errand_state,
                i.errand_rental, i.errand_error, t.id as transfer, t.at as moved_at,
                coalesce(b.balance, 0) as wallet
            from payment_intents i
            left join ledger_transfers t on t.intent_id = i.id and t.kind = 'top_up'
            left join ledger_balances b on b.account = $2
            where i.id = $1";

        let mut session = self.read().await?;
        let wallet = Account::Wallet(of.rider).key();
        let row = sqlx::query_as(SQL).bind(of.id).bind(wallet).fetch_optional(&mut session).await?;
        let row: SettlementRow = row.ok_or(Error::NotFound)?;
        let errand = row.errand.zip(row.errand_state).map(|(errand, state)| StoredErrand {
            id: of.id,
            rider_id: of.rider,
            status: row.status,
            expires_at: row.expires_at,
            completed_at: row.completed_at,
            errand: errand.0,
            state,
            rental: row.errand_rental,
            error: row.errand_error,
        });
        let transfer = row.transfer.zip(row.moved_at);
        Ok(Settlement { errand, transfer, wallet: row.wallet })
    }

    /// The last payment that was asked for when a request with this key was short of money.
    pub async fn errand_of_key(
        &self,
        rider: RiderId,
        key: &str,
    ) -> Result<Option<StoredErrand>, Error> {
        const SQL: &str = "
            select id, rider_id, status, expires_at, completed_at, errand, errand_state,
                errand_rental, errand_error
            from payment_intents
            where rider_id = $1 and errand #>> '{key,key}' = $2
            order by created_at desc
            limit 1";

        let mut session = self.read().await?;
        Ok(sqlx::query_as(SQL).bind(rider).bind(key).fetch_optional(&mut session).await?)
    }

    /// Takes those that are paid and not done, to be tried now: first what was never tried, then
    /// what was tried the longest ago, so that none that cannot be done holds up the others.
    pub async fn take_errands(&self, limit: usize) -> Result<Vec<IntentId>, Error> {
        // waits for no fact that has a row, so that no two wait for each other
        const SQL: &str = "
            with due as (
                select id, errand_tried_at, completed_at from payment_intents
                where errand_state = 'PENDING' and status = 'COMPLETED'
                order by errand_tried_at nulls first, completed_at
                limit $1
                for update skip locked
            ), taken as (
                update payment_intents i set errand_tried_at = $2 from due where i.id = due.id
            )
            select id from due order by errand_tried_at nulls first, completed_at";

        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let now = self.inner.clock.now();
        self.transact("store.errands", move |session| {
            Box::pin(async move {
                let due = sqlx::query_scalar(SQL).bind(limit).bind(now);
                Ok(due.fetch_all(session).await?)
            })
        })
        .await
    }

    /// The payment of dues that is a rental's event of this version.
    pub async fn dues_paid(&self, of: &Rental, version: i32) -> Result<DuesPaid, Error> {
        const SQL: &str = "
            select e.event, e.at, (
                select t.id from ledger_transfers t
                where t.rental_id = e.rental_id and t.at = e.at
                    and t.kind in ('collect', 'points_pay_dues')
                order by t.seq
                limit 1
            ) as transfer,
                coalesce((select balance from ledger_balances where account = $3), 0) as owed
            from rental_events e
            where e.rental_id = $1 and e.version = $2";

        let mut session = self.read().await?;
        let account = Account::Receivable(of.rider).key();
        let asked = sqlx::query_as(SQL).bind(of.id).bind(version).bind(account);
        let row: Option<DuesRow> = asked.fetch_optional(&mut session).await?;
        match row {
            Some(DuesRow { event: Json(Event::DuesPaid { tender, .. }), at, transfer, owed }) => {
                Ok(DuesPaid { tender, transfer, at, owed })
            }
            Some(_) | None => Err(Error::NotFound),
        }
    }
}

//! What payments are for, and what became of it. That is written in facts; here only whose turn
//! it is.

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RentalId, RiderId, TransferId};
use domain::payment::{Errand, ErrandState, IntentStatus};
use domain::rental::Event;
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

/// One payment of dues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuesPaid {
    pub tender: Tender,
    /// The transfer that a rider is shown: the first of it.
    pub transfer: Option<TransferId>,
    pub at: DateTime<Utc>,
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
    pub async fn dues_paid(&self, rental: RentalId, version: i32) -> Result<DuesPaid, Error> {
        const SQL: &str = "
            select e.event, e.at, (
                select t.id from ledger_transfers t
                where t.rental_id = e.rental_id and t.at = e.at
                    and t.kind in ('collect', 'points_pay_dues')
                order by t.seq
                limit 1
            )
            from rental_events e
            where e.rental_id = $1 and e.version = $2";

        let mut session = self.read().await?;
        let row: Option<(Json<Event>, DateTime<Utc>, Option<TransferId>)> =
            sqlx::query_as(SQL).bind(rental).bind(version).fetch_optional(&mut session).await?;
        match row {
            Some((Json(Event::DuesPaid { tender, .. }), at, transfer)) => {
                Ok(DuesPaid { tender, transfer, at })
            }
            Some(_) | None => Err(Error::NotFound),
        }
    }
}

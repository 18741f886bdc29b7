//! `payment_intents` as they are read: one, by its id or by its gateway's reference, those that are
//! due for a question to their gateway, and what moved on a rider's accounts. They are written in
//! facts; only the schedule of questions, which is no fact, is written here.

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RentalId, RiderId, TransferId};
use domain::ledger::{Account, Gateway};
use domain::money::Money;
use domain::payment::{Intent, IntentStatus, Redirect};
use sqlx::types::Json;

use super::fact::GatewayEvent;
use super::{Error, Store, gateway_events};

/// An intent as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredIntent {
    pub intent: Intent,
    pub redirect: Redirect,
}

#[derive(sqlx::FromRow)]
struct IntentRow {
    id: IntentId,
    rider_id: RiderId,
    gateway: Gateway,
    amount: Money,
    status: IntentStatus,
    gateway_ref: String,
    gateway_txn_id: Option<String>,
    redirect: Json<Redirect>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    checks: i32,
}

impl From<IntentRow> for StoredIntent {
    fn from(row: IntentRow) -> StoredIntent {
        let intent = Intent {
            id: row.id,
            rider: row.rider_id,
            gateway: row.gateway,
            amount: row.amount,
            status: row.status,
            gateway_ref: row.gateway_ref,
            gateway_txn_id: row.gateway_txn_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            checks: u32::try_from(row.checks).unwrap_or(0),
        };
        StoredIntent { intent, redirect: row.redirect.0 }
    }
}

/// What a transfer is to a rider, in the words of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, sqlx::Type, utoipa::ToSchema)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionType {
    Topup,
    Rental,
    RentalDue,
    Refund,
    Withdrawal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, sqlx::Type, utoipa::ToSchema)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionStatus {
    /// Set aside; the bank is not out yet, or the money not paid out.
    Pending,
    Success,
    /// Set aside, and back in the wallet.
    Failed,
}

/// One movement on a rider's wallet.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Transaction {
    pub id: TransferId,
    pub kind: TransactionType,
    pub status: TransactionStatus,
    /// Never negative; the type says which way it went.
    pub amount: Money,
    pub rental_id: Option<RentalId>,
    pub rental_code: Option<String>,
    pub gateway: Option<Gateway>,
    pub gateway_ref: Option<String>,
    pub at: DateTime<Utc>,
    /// Its place in the ledger, by which rows are ordered.
    pub seq: i64,
}

/// Which of a rider's transactions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    pub kind: Option<String>,
    pub status: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// Up to, and without.
    pub to: Option<DateTime<Utc>>,
    /// Only those older than the one with this number.
    pub after: Option<i64>,
}

/// Of a wallet and what is held of it, in the words of the app, with the number of all.
const TRANSACTIONS: &str = "
    with mine as (
        select t.id, t.seq, t.at, t.rental_id, t.intent_id, abs(e.amount) as amount,
            case t.kind
                when 'top_up' then 'TOPUP'
                when 'reverse' then 'REFUND'
                when 'refund_to_wallet' then 'REFUND'
                when 'top_up_back' then 'REFUND'
                when 'collect' then 'RENTAL_DUE'
                when 'points_pay_dues' then 'RENTAL_DUE'
                when 'withdraw_request' then 'WITHDRAWAL'
                else 'RENTAL'
            end as kind,
            case
                when t.kind in ('hold', 'points_pay_price')
                    or o.status in ('REQUESTED', 'APPROVED')
                    then 'PENDING'
                when o.status in ('REJECTED', 'CANCELLED') then 'FAILED'
                else 'SUCCESS'
            end as status
        from ledger_entries e
        join ledger_transfers t on t.id = e.transfer_id
        left join withdrawals o on o.id = t.withdrawal_id
        where (
            e.account = $1
                and t.kind in (
                    'top_up', 'collect', 'reverse', 'hold', 'withdraw_request',
                    'refund_to_wallet', 'top_up_back', 'points_earned_back'
                )
            or e.account = $2 and t.kind in ('capture', 'points_pay_price')
            or e.account = $10 and t.kind = 'points_pay_dues'
        ) and not (
            t.kind in ('top_up_back', 'points_earned_back')
                and exists (select 1 from ledger_transfers u where u.reverses = t.id)
        ) and not (
            t.kind in ('hold', 'points_pay_price') and exists (
                select 1 from ledger_transfers later
                where later.rental_id = t.rental_id and later.seq > t.seq
            )
        )
    ), wanted as (
        select * from mine
        where ($3::text is null or kind = $3)
            and ($4::text is null or status = $4)
            and ($5::timestamptz is null or at >= $5)
            and ($6::timestamptz is null or at < $6)
            and ($9::bigint is null or seq < $9)
    ), counted as (
        select count(*) as total from wanted
    )
    select w.id, w.kind, w.status, w.amount, w.rental_id, r.code as rental_code,
        i.gateway, i.gateway_ref, w.at, w.seq, total
    from wanted w
    cross join counted
    left join rentals r on r.id = w.rental_id
    left join payment_intents i on i.id = w.intent_id
    order by w.seq desc
    limit $8
    offset (select least($7, greatest(total - 1, 0) / $8 * $8) from counted)";

/// A row with the number of all that the filter lets through.
#[derive(sqlx::FromRow)]
struct Counted {
    #[sqlx(flatten)]
    transaction: Transaction,
    total: i64,
}

impl Store {
    pub async fn intent(&self, id: IntentId) -> Result<StoredIntent, Error> {
        const SQL: &str = "
            select id, rider_id, gateway, amount, status, gateway_ref, gateway_txn_id, redirect,
                created_at, expires_at, checks
            from payment_intents
            where id = $1";

        let mut session = self.read().await?;
        let row: Option<IntentRow> =
            sqlx::query_as(SQL).bind(id).fetch_optional(&mut session).await?;
        row.map(StoredIntent::from).ok_or(Error::NotFound)
    }

    /// The intent that a gateway knows by this reference.
    pub async fn intent_by_ref(
        &self,
        gateway: Gateway,
        reference: &str,
    ) -> Result<StoredIntent, Error> {
        const SQL: &str = "
            select id, rider_id, gateway, amount, status, gateway_ref, gateway_txn_id, redirect,
                created_at, expires_at, checks
            from payment_intents
            where gateway = $1 and gateway_ref = $2";

        let mut session = self.read().await?;
        let row: Option<IntentRow> =
            sqlx::query_as(SQL).bind(gateway).bind(reference).fetch_optional(&mut session).await?;
        row.map(StoredIntent::from).ok_or(Error::NotFound)
    }

    /// Intents whose gateway is to be asked by now, the longest due first.
    pub async fn intents_due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<IntentId>, Error> {
        const SQL: &str = "
            select id
            from payment_intents
            where next_check_at <= $1
            order by next_check_at, id
            limit $2";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut session)
            .await?)
    }

    /// Its gateway was asked; `next` says when it is asked again, if ever. `said` is what it
    /// answered, unless that is stored with a fact.
    pub async fn intent_checked(
        &self,
        id: IntentId,
        next: Option<DateTime<Utc>>,
        said: Option<GatewayEvent>,
    ) -> Result<(), Error> {
        const SQL: &str = "
            update payment_intents
            set checks = checks + 1,
                next_check_at = case when status = 'COMPLETED' then null else $2 end
            where id = $1";

        let (now, entropy) = (self.inner.clock.now(), self.inner.entropy.clone());
        self.transact("store.intents", move |session| {
            Box::pin(async move {
                sqlx::query(SQL).bind(id).bind(next).execute(&mut *session).await?;
                let rows: Vec<_> = said.iter().map(|event| (now, event)).collect();
                gateway_events::keep(session, &rows, &entropy).await?;
                Ok(())
            })
        })
        .await
    }

    /// How much of a payment its gateway may have been told to give back, and did not refuse.
    pub async fn asked_back(&self, id: IntentId) -> Result<Money, Error> {
        const SQL: &str = "
            select coalesce(sum(amount), 0)
            from refunds
            where intent_id = $1 and status in ('PROCESSING', 'PROCESSED')";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL).bind(id).fetch_one(&mut session).await?)
    }

    /// A page of a rider's transactions, the newest first, and how many there are. An offset
    /// past the end gives the last page.
    ///
    /// A rider knows of money that came in, prices that are held until the bank is out or are
    /// earned, prices that were given back, dues that were paid, and money that is on its way
    /// out, is out or came back.
    pub async fn transactions(
        &self,
        rider: RiderId,
        filter: &TransactionFilter,
        offset: u64,
        size: u64,
    ) -> Result<(Vec<Transaction>, u64), Error> {
        let mut session = self.read().await?;
        let rows: Vec<Counted> = sqlx::query_as(TRANSACTIONS)
            .bind(Account::Wallet(rider).key())
            .bind(Account::Hold(rider).key())
            .bind(filter.kind.as_deref())
            .bind(filter.status.as_deref())
            .bind(filter.from)
            .bind(filter.to)
            .bind(i64::try_from(offset).unwrap_or(i64::MAX))
            .bind(i64::try_from(size.max(1)).unwrap_or(i64::MAX))
            .bind(filter.after)
            .bind(Account::Receivable(rider).key())
            .fetch_all(&mut session)
            .await?;
        let total = rows.first().map_or(0, |row| u64::try_from(row.total).unwrap_or(0));
        Ok((rows.into_iter().map(|row| row.transaction).collect(), total))
    }
}

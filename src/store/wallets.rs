//! A rider's money as the rider sees it. Reads only: money moves in facts.

use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use domain::ledger::Account;
use domain::money::Money;

use super::{Error, Store};

/// What a rider has, brought in, and owes, in NPR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Wallet {
    /// What can be spent.
    pub balance: Money,
    /// Set aside for an open rental.
    pub held: Money,
    /// What the rider owes.
    pub receivable: Money,
    /// Asked to be paid out, and not paid out yet.
    pub withdrawing: Money,
    /// All that ever came in from gateways.
    pub total_topup: Money,
    /// When money last moved; nothing for a rider whose never did.
    pub moved_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Zeros for a rider whose money never moved.
    pub async fn wallet_view(&self, rider: RiderId) -> Result<Wallet, Error> {
        const SQL: &str = "
            select coalesce(max(b.balance) filter (where b.account = $1), 0) as balance,
                coalesce(max(b.balance) filter (where b.account = $2), 0) as held,
                coalesce(max(b.balance) filter (where b.account = $3), 0) as receivable,
                coalesce(max(b.balance) filter (where b.account = $4), 0) as withdrawing,
                coalesce(max(moved.total_topup), 0) as total_topup,
                max(moved.moved_at) as moved_at
            from (
                select sum(e.amount) filter (where t.kind = 'top_up') as total_topup,
                    max(t.at) as moved_at
                from ledger_entries e
                join ledger_transfers t on t.id = e.transfer_id
                where e.account = $1
            ) moved
            left join ledger_balances b on b.account in ($1, $2, $3, $4)";

        let mut session = self.read().await?;
        let wallet = sqlx::query_as(SQL)
            .bind(Account::Wallet(rider).key())
            .bind(Account::Hold(rider).key())
            .bind(Account::Receivable(rider).key())
            .bind(Account::Withdrawing(rider).key())
            .fetch_one(&mut session)
            .await?;
        Ok(wallet)
    }
}

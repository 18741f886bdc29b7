//! The ledger as a whole: what each kind of account holds, and whether it adds up.

use domain::money::Money;
use serde::{Deserialize, Serialize};

use crate::store::{Error, Store};

/// Sums over all entries; every one of the counts below is zero in a sound ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    pub accounts: Vec<Sum>,
    pub transfers: i64,
    /// The sum of all entries.
    pub total: Money,
    /// Transfers whose entries do not add up to zero.
    pub unbalanced: i64,
    /// Riders' accounts whose balance is not the sum of their entries.
    pub astray: i64,
}

impl Books {
    pub fn is_sound(&self) -> bool {
        self.total.is_zero() && self.unbalanced == 0 && self.astray == 0
    }
}

/// All accounts of one kind: riders' wallets together, each gateway by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Sum {
    pub name: String,
    pub accounts: i64,
    /// Credits minus debits.
    pub amount: Money,
}

impl Store {
    /// Reads the whole ledger in one snapshot: for a check, not for every minute.
    pub async fn books(&self) -> Result<Books, Error> {
        const ACCOUNTS: &str = "
            select name, count(distinct account) as accounts, sum(amount)::numeric(16, 2) as amount
            from (
                select account, amount,
                    case when account ~ '^(wallet|hold|receivable):' then split_part(account, ':', 1)
                        else account end as name
                from ledger_entries
            ) entries
            group by name
            order by name";
        const CHECKS: &str = "
            select
                (select count(*) from ledger_transfers),
                (select coalesce(sum(amount), 0)::numeric(16, 2) from ledger_entries),
                (
                    select count(*) from (
                        select from ledger_entries group by transfer_id having sum(amount) <> 0
                    ) transfers
                ),
                (
                    select count(*)
                    from ledger_balances b
                    full join (
                        select account,
                            sum(case when account like 'receivable:%' then -amount else amount end)
                                as balance
                        from ledger_entries
                        where account ~ '^(wallet|hold|receivable):'
                        group by account
                    ) e using (account)
                    where coalesce(b.balance, 0) <> coalesce(e.balance, 0)
                )";

        let mut session = self.read().await?;
        session.begin_snapshot().await?;
        let read = async {
            let accounts: Vec<Sum> = sqlx::query_as(ACCOUNTS).fetch_all(&mut session).await?;
            let checks = sqlx::query_as(CHECKS).fetch_one(&mut session).await?;
            Ok::<_, Error>((accounts, checks))
        };
        let read = read.await;
        session.rollback().await;
        let (accounts, (transfers, total, unbalanced, astray)) = read?;
        Ok(Books { accounts, transfers, total, unbalanced, astray })
    }
}

//! The ledger as a whole: what each kind of account holds, and whether it adds up.

use domain::money::Money;
use serde::{Deserialize, Serialize};

use crate::store::verify::{Report, Scope};
use crate::store::{Error, Store};

/// Sums over all entries, and what a whole look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    pub accounts: Vec<Sum>,
    pub report: Report,
}

impl Books {
    pub fn is_sound(&self) -> bool {
        self.report.is_sound()
    }
}

/// All accounts of one kind: riders' wallets together, each gateway by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Sum {
    pub name: String,
    /// `NPR` or `POINTS`.
    pub unit: String,
    pub accounts: i64,
    /// Credits minus debits.
    pub amount: Money,
}

impl Store {
    /// Reads the whole ledger: for a check, not for every minute.
    pub async fn books(&self) -> Result<Books, Error> {
        const ACCOUNTS: &str = "
            select name, min(ledger_unit(account)) as unit, count(distinct account) as accounts,
                sum(amount)::numeric(16, 2) as amount
            from (
                select account, amount,
                    case when ledger_is_riders(account) then split_part(account, ':', 1)
                        else account end as name
                from ledger_entries
            ) entries
            group by name
            order by unit, name";

        let (report, _) = self.verify(&Scope::Whole, |_| ()).await?;
        let mut session = self.read().await?;
        let accounts = sqlx::query_as(ACCOUNTS).fetch_all(&mut session).await?;
        Ok(Books { accounts, report })
    }
}

//! What accounts hold. Reads only: money moves in facts.

use domain::ids::RiderId;
use domain::ledger::{Account, Side};
use domain::money::Money;
use rust_decimal::Decimal;

use super::{Error, Store};

/// A rider's money, in NPR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// What can be spent.
    pub wallet: Money,
    /// Set aside for an open rental.
    pub held: Money,
    pub owed: Money,
}

impl Store {
    /// What a rider can spend.
    pub async fn wallet(&self, rider: RiderId) -> Result<Money, Error> {
        Ok(self.purse(rider).await?.wallet)
    }

    /// What a rider owes.
    pub async fn dues(&self, rider: RiderId) -> Result<Money, Error> {
        Ok(self.purse(rider).await?.owed)
    }

    /// All of a rider's money; nothing for a rider without any.
    pub async fn purse(&self, rider: RiderId) -> Result<Purse, Error> {
        const SQL: &str = "select account, balance from ledger_balances where account = any($1)";

        let accounts = [Account::Wallet(rider), Account::Hold(rider), Account::Receivable(rider)];
        let keys = accounts.map(|account| account.key());
        let mut session = self.read().await?;
        let rows: Vec<(String, Money)> =
            sqlx::query_as(SQL).bind(&keys[..]).fetch_all(&mut session).await?;
        let of = |key: &String| rows.iter().find(|row| row.0 == *key).map_or(Money::ZERO, |r| r.1);
        let [wallet, held, owed] = keys;
        Ok(Purse { wallet: of(&wallet), held: of(&held), owed: of(&owed) })
    }

    /// What an account holds: the kept balance of a rider's, the sum of the entries of the
    /// network's own.
    pub async fn balance(&self, account: &Account) -> Result<Money, Error> {
        const KEPT: &str = "select balance from ledger_balances where account = $1";
        const SUMMED: &str = "select sum(amount) from ledger_entries where account = $1";

        let sql = if account.rider().is_some() { KEPT } else { SUMMED };
        let mut session = self.read().await?;
        let found: Option<Option<Decimal>> =
            sqlx::query_scalar(sql).bind(account.key()).fetch_optional(&mut session).await?;
        let amount = found.flatten().unwrap_or_default();
        let credit = account.rider().is_some() || account.side() == Side::Credit;
        Money::exact(if credit { amount } else { -amount })
            .map_err(|error| Error::Corrupt(format!("{}: {error}", account.key())))
    }
}

//! What accounts hold. Reads only: money moves in facts.

use domain::ids::{IntentId, RentalId, RiderId, TransferId, WithdrawalId};
use domain::ledger::{Account, Entry, NoAccount, Posted, Quantity};
use domain::money::Money;
use domain::points::Points;
use rust_decimal::Decimal;

use super::{Error, Store};

/// A rider's money, in NPR, and points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// What can be spent.
    pub wallet: Money,
    /// Set aside for an open rental.
    pub held: Money,
    pub owed: Money,
    /// Asked to be paid out, and not paid out yet.
    pub withdrawing: Money,
    /// Points that can be spent.
    pub points: Points,
}

impl Store {
    /// What a rider can spend.
    pub async fn wallet(&self, rider: RiderId) -> Result<Money, Error> {
        Ok(self.purse(rider).await?.wallet)
    }

    /// All of a rider's money; nothing for a rider without any.
    pub async fn purse(&self, rider: RiderId) -> Result<Purse, Error> {
        const SQL: &str = "select account, balance from ledger_balances where account = any($1)";

        let accounts = [
            Account::Wallet(rider),
            Account::Hold(rider),
            Account::Receivable(rider),
            Account::Withdrawing(rider),
            Account::Points(rider),
        ];
        let keys = accounts.map(|account| account.key());
        let mut session = self.read().await?;
        let rows: Vec<(String, Money)> =
            sqlx::query_as(SQL).bind(&keys[..]).fetch_all(&mut session).await?;
        let of = |key: &String| rows.iter().find(|row| row.0 == *key).map_or(Money::ZERO, |r| r.1);
        let [wallet, held, owed, withdrawing, points] = keys;
        let points = u32::try_from(of(&points).decimal()).unwrap_or(u32::MAX);
        Ok(Purse {
            wallet: of(&wallet),
            held: of(&held),
            owed: of(&owed),
            withdrawing: of(&withdrawing),
            points: Points(points),
        })
    }

    /// What an account holds: the kept balance of a rider's; of the network's own the closing
    /// row of the last day that is closed, and all that came after it.
    pub async fn balance(&self, account: &Account) -> Result<Quantity, Error> {
        const KEPT: &str = "select balance from ledger_balances where account = $1";
        const SUMMED: &str = "
            with closed as (
                select day, last from ledger_days where last is not null order by day desc limit 1
            ), later as (
                select transfer_id from ledger_chain
                where position > coalesce((select last from closed), 0)
                union all
                select t.id from ledger_transfers t
                where t.xid >= coalesce((select below from ledger_sealer), '0')
                    and not exists (select from ledger_chain c where c.transfer_id = t.id)
            )
            select coalesce(
                (select c.balance from ledger_closings c join closed using (day)
                where c.account = $1), 0
            ) + coalesce(
                (select sum(e.amount) from ledger_entries e join later using (transfer_id)
                where e.account = $1), 0
            )";

        let sql = if account.rider().is_some() { KEPT } else { SUMMED };
        let mut session = self.read().await?;
        let found: Option<Decimal> =
            sqlx::query_scalar(sql).bind(account.key()).fetch_optional(&mut session).await?;
        let amount = Quantity(found.unwrap_or_default());
        Ok(if account.rider().is_some() { amount } else { account.growth(amount) })
    }

    /// A transfer as it stands, to be undone by a reversal.
    pub async fn posted(&self, id: TransferId) -> Result<Posted, Error> {
        const SQL: &str = "
            select t.kind, t.rental_id, t.intent_id, t.withdrawal_id, e.account, e.amount
            from ledger_transfers t
            join ledger_entries e on e.transfer_id = t.id
            where t.id = $1
            order by e.line";

        let mut session = self.read().await?;
        let lines: Vec<Line> = sqlx::query_as(SQL).bind(id).fetch_all(&mut session).await?;
        let first = lines.first().ok_or(Error::NotFound)?;
        let (kind, rental) = (first.kind.clone(), first.rental_id);
        let (intent, withdrawal) = (first.intent_id, first.withdrawal_id);
        let entry = |line: Line| {
            let account = line.account.parse().map_err(|no: NoAccount| no.to_string());
            Ok(Entry { account: account.map_err(Error::Corrupt)?, amount: Quantity(line.amount) })
        };
        let entries = lines.into_iter().map(entry).collect::<Result<_, Error>>()?;
        Ok(Posted { id, kind, rental, intent, withdrawal, entries })
    }
}

#[derive(sqlx::FromRow)]
struct Line {
    kind: String,
    rental_id: Option<RentalId>,
    intent_id: Option<IntentId>,
    withdrawal_id: Option<WithdrawalId>,
    account: String,
    amount: Decimal,
}

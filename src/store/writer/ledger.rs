//! `ledger_transfers`, `ledger_entries` and `ledger_balances`. Balances of riders are locked,
//! computed here in the order of the facts, and written back once for each account.

use std::collections::BTreeMap;

use domain::ids::RiderId;
use domain::ledger::{Movement, Quantity};

use super::script::Script;
use crate::entropy::Entropy;
use crate::store::fact::{CommitError, Fact};

/// The accounts of riders that a batch moves money on or off.
#[derive(Debug, Default)]
pub struct Book {
    accounts: BTreeMap<String, Balance>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Balance {
    rider: RiderId,
    /// As it is stored; zero where nothing is.
    before: Quantity,
    now: Quantity,
}

impl Book {
    /// All accounts that the facts touch, empty until they are opened.
    pub fn of(facts: &[&Fact]) -> Book {
        let mut book = Book::default();
        for entry in facts.iter().flat_map(|f| &f.movements).flat_map(Movement::entries) {
            if let Some(rider) = entry.account.rider() {
                let nothing = Balance { rider, before: Quantity::ZERO, now: Quantity::ZERO };
                book.accounts.insert(entry.account.key(), nothing);
            }
        }
        book
    }

    /// In the order in which their rows are locked.
    pub fn accounts(&self) -> Vec<String> {
        self.accounts.keys().cloned().collect()
    }

    /// What is stored of an account.
    pub fn open(&mut self, account: String, stored: Quantity) {
        if let Some(balance) = self.accounts.get_mut(&account) {
            (balance.before, balance.now) = (stored, stored);
        }
    }

    /// Moves what one fact moves, or nothing: no account may fall below zero on the way.
    pub fn post(&mut self, movements: &[Movement]) -> Result<(), CommitError> {
        let mut moved: BTreeMap<String, Balance> = BTreeMap::new();
        for entry in movements.iter().flat_map(Movement::entries) {
            let account = entry.account.key();
            let Some(stored) = self.accounts.get(&account) else { continue };
            let balance = moved.entry(account.clone()).or_insert(*stored);
            balance.now = balance.now.plus(entry.account.growth(entry.amount));
            if balance.now < Quantity::ZERO {
                return Err(CommitError::Short { account });
            }
        }
        self.accounts.extend(moved);
        Ok(())
    }
}

pub fn write(script: &mut Script, facts: &[&Fact], book: Book, entropy: &Entropy) {
    let movements = facts.iter().flat_map(|fact| fact.movements.iter().map(move |m| (*fact, m)));
    let transfers: Vec<Transfer> = movements
        .map(|(fact, movement)| Transfer { id: entropy.uuid_at(fact.at), fact, movement })
        .filter(|transfer| !transfer.movement.entries().is_empty())
        .collect();
    if transfers.is_empty() {
        return;
    }
    append(script, &transfers);
    lines(script, &transfers);
    balances(script, book);
}

struct Transfer<'a> {
    id: uuid::Uuid,
    fact: &'a Fact,
    movement: &'a Movement,
}

fn append(script: &mut Script, transfers: &[Transfer<'_>]) {
    const SQL: &str = "
        insert into ledger_transfers (
            id, kind, rental_id, intent_id, withdrawal_id, reverses, at
        )
        select * from unnest($1, $2, $3, $4, $5, $6, $7)";

    script
        .part(SQL)
        .bind(transfers.iter().map(|t| t.id).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.movement.name()).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.movement.rental()).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.movement.intent()).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.movement.withdrawal()).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.movement.reverses()).collect::<Vec<_>>())
        .bind(transfers.iter().map(|t| t.fact.at).collect::<Vec<_>>());
}

fn lines(script: &mut Script, transfers: &[Transfer<'_>]) {
    const SQL: &str = "
        insert into ledger_entries (transfer_id, line, account, amount)
        select * from unnest($1, $2, $3, $4)";

    let mut rows = Vec::new();
    for transfer in transfers {
        let entries = transfer.movement.entries();
        rows.extend((1_i16..).zip(entries).map(|(line, entry)| (transfer.id, line, entry)));
    }
    script
        .part(SQL)
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.2.account.key()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.2.amount.decimal()).collect::<Vec<_>>());
}

/// A row that is not there yet is one of zero.
fn balances(script: &mut Script, book: Book) {
    const SQL: &str = "
        insert into ledger_balances (account, rider_id, balance)
        select account, rider_id, balance
        from unnest($1, $2, $3) as w (account, rider_id, balance)
        on conflict (account) do update set balance = excluded.balance";

    let moved: Vec<(&String, &Balance)> =
        book.accounts.iter().filter(|(_, b)| b.now != b.before).collect();
    if moved.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(moved.iter().map(|(account, _)| account.as_str()).collect::<Vec<_>>())
        .bind(moved.iter().map(|(_, b)| b.rider).collect::<Vec<_>>())
        .bind(moved.iter().map(|(_, b)| b.now.decimal()).collect::<Vec<_>>());
}

//! Asks whose the database is, locks and reads, in one statement, the rows that a batch is about
//! to write, and leaves out what cannot be written. Locks are taken in (table, id) order.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{IntentId, RentalId, SlotKey, Sn, StationId};
use domain::ledger::Quantity;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::ledger::Book;
use super::queue::Answer;
use super::{refunds, withdrawals};
use crate::store::error::Failure;
use crate::store::fact::{
    CommitError, Committed, Conflict, Fact, IntentWrite, KeyWrite, Row, SlotChange,
};
use crate::store::session::Session;

const SQL: &str = "
    with r as (
        select id, version from rentals where id = any($1) order by id for update
    ), b as (
        select sn, version from banks where sn = any($2) order by sn for update
    ), s as (
        select s.station_id, s.io, s.slot, s.version
        from unnest($3, $4, $5) w (station_id, io, slot)
        join slots s using (station_id, io, slot)
        order by s.station_id, s.io, s.slot
        for update of s
    ), t as (
        select id, version from stations where id = any($6) order by id for update
    ), i as (
        select id, case when status <> 'COMPLETED' then 0
            when errand_state = 'PENDING' then 2 else 1 end as settled
        from payment_intents where id = any($7) order by id for update
    ), k as (
        select k.actor, k.key
        from unnest($8, $9) w (actor, key)
        join idempotency_keys k using (actor, key)
    ), a as (
        select account, balance
        from ledger_balances where account = any($10) order by account for update
    )
    select 0, id, null::text, null::text, null::int, null::int, version, null::numeric
    from r
    union all select 1, null, sn, null, null, null, version, null from b
    union all select 2, station_id, null, null, io, slot, version, null from s
    union all select 3, id, null, null, null, null, version, null from t
    union all select 4, id, null, null, null, null, settled, null from i
    union all select 5, null, actor, key, null, null, null, null from k
    union all select 6, null, account, null, null, null, null, balance from a
    union all select 7, null, null, null, null, null, null, null from node where epoch = $11";

/// What the tables say of the rows that a batch names.
#[derive(Default)]
struct Seen {
    rentals: BTreeMap<RentalId, i32>,
    banks: BTreeMap<Sn, i32>,
    slots: BTreeMap<(StationId, SlotKey), i32>,
    stations: BTreeMap<StationId, i32>,
    /// 0 open, 1 settled, 2 settled with an errand that is to be done.
    intents: BTreeMap<IntentId, i32>,
    keys: BTreeSet<(String, String)>,
    /// The epoch is the database's.
    ours: bool,
}

/// For each fact the versions it leads to, or why it cannot be written; and the accounts as
/// the admitted ones leave them. `Fenced` when the epoch is over.
pub async fn admit(
    session: &mut Session,
    epoch: i64,
    facts: &[&Fact],
) -> Result<(Vec<Answer>, Book), Failure> {
    let (seen, mut book) = read(session, epoch, facts).await?;
    if !seen.ours {
        return Err(Failure::Fenced);
    }
    let taken = withdrawals::taken(session, facts).await?;
    let remains = refunds::remains(session, facts).await?;
    let answer = |fact: &&Fact| {
        let committed = seen.check(fact)?;
        withdrawals::check(fact, &taken)?;
        refunds::check(fact, &remains)?;
        book.post(&fact.movements)?;
        Ok(committed)
    };
    Ok((facts.iter().map(answer).collect(), book))
}

async fn read(session: &mut Session, epoch: i64, facts: &[&Fact]) -> Result<(Seen, Book), Failure> {
    let rentals: Vec<RentalId> =
        facts.iter().filter_map(|f| f.rental.as_ref()).map(|write| write.after.id).collect();
    let banks: Vec<&str> =
        facts.iter().flat_map(|f| &f.banks).map(|write| write.sn.as_str()).collect();
    let slots: Vec<_> = facts.iter().flat_map(|f| &f.slots).collect();
    let stations: Vec<StationId> =
        facts.iter().filter_map(|f| f.station.as_ref()).map(|write| write.station).collect();
    let intents: Vec<IntentId> =
        facts.iter().filter_map(|f| f.intent.as_ref()).map(IntentWrite::intent).collect();
    let keys: Vec<_> = facts.iter().filter_map(|f| f.key.as_ref()).collect();
    let mut book = Book::of(facts);
    let rows = sqlx::query(SQL)
        .bind(rentals)
        .bind(banks)
        .bind(slots.iter().map(|write| write.station).collect::<Vec<_>>())
        .bind(slots.iter().map(|write| i16::from(write.key.io)).collect::<Vec<_>>())
        .bind(slots.iter().map(|write| i32::from(write.key.slot)).collect::<Vec<_>>())
        .bind(stations)
        .bind(intents)
        .bind(keys.iter().map(|write| write.actor.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|write| write.key.as_str()).collect::<Vec<_>>())
        .bind(book.accounts())
        .bind(epoch)
        .fetch_all(session)
        .await?;
    let mut seen = Seen::default();
    for row in &rows {
        seen.take(row, &mut book)?;
    }
    Ok((seen, book))
}

impl Seen {
    fn take(&mut self, row: &PgRow, book: &mut Book) -> Result<(), sqlx::Error> {
        match row.try_get::<i32, _>(0)? {
            0 => drop(self.rentals.insert(row.try_get(1)?, row.try_get(6)?)),
            1 => drop(self.banks.insert(row.try_get(2)?, row.try_get(6)?)),
            2 => drop(self.slots.insert((row.try_get(1)?, slot_key(row)?), row.try_get(6)?)),
            3 => drop(self.stations.insert(row.try_get(1)?, row.try_get(6)?)),
            4 => drop(self.intents.insert(row.try_get(1)?, row.try_get(6)?)),
            5 => drop(self.keys.insert((row.try_get(2)?, row.try_get(3)?))),
            7 => self.ours = true,
            _ => book.open(row.try_get(2)?, Quantity(row.try_get(7)?)),
        }
        Ok(())
    }

    /// A key that was used comes first: the second request is to be answered like the first,
    /// whatever has changed since.
    fn check(&self, fact: &Fact) -> Result<Committed, CommitError> {
        let used = |key: &KeyWrite| self.keys.contains(&(key.actor.clone(), key.key.clone()));
        if fact.key.as_ref().is_some_and(used) {
            return Err(CommitError::Conflict(Conflict::KeyUsed));
        }
        let mut committed = Committed::default();
        if let Some(write) = &fact.rental {
            fresh(self.rentals.get(&write.after.id), write.before, Row::Rental)?;
            committed.rental = Some(write.version());
        }
        for write in &fact.banks {
            fresh(self.banks.get(&write.sn), write.before, Row::Bank)?;
            committed.banks.push((write.sn.clone(), write.before.unwrap_or(0) + 1));
        }
        for write in &fact.slots {
            let (before, after) = match write.change {
                SlotChange::Add => (None, Some(1)),
                SlotChange::Remove { version } => (Some(version), None),
                SlotChange::Maintenance { version, .. } => (Some(version), Some(version + 1)),
            };
            fresh(self.slots.get(&(write.station, write.key)), before, Row::Slot)?;
            committed.slots.extend(after.map(|version| (write.key, version)));
        }
        if let Some(write) = &fact.station {
            fresh(self.stations.get(&write.station), Some(write.before), Row::Station)?;
            committed.station = Some(write.before + 1);
        }
        if let Some(write) = &fact.intent {
            let wanted = match write {
                IntentWrite::Create(_) => None,
                IntentWrite::Settle { .. } | IntentWrite::End { .. } => Some(&0),
                IntentWrite::Resumed { .. } | IntentWrite::NotResumed { .. } => Some(&2),
            };
            if self.intents.get(&write.intent()) != wanted {
                return Err(CommitError::Stale(Row::Intent));
            }
        }
        Ok(committed)
    }
}

fn fresh(stored: Option<&i32>, before: Option<i32>, row: Row) -> Result<(), CommitError> {
    if stored.copied() == before { Ok(()) } else { Err(CommitError::Stale(row)) }
}

fn slot_key(row: &PgRow) -> Result<SlotKey, sqlx::Error> {
    let (io, slot): (i32, i32) = (row.try_get(4)?, row.try_get(5)?);
    let key = u8::try_from(io).ok().zip(u16::try_from(slot).ok());
    key.map(|(io, slot)| SlotKey::new(io, slot))
        .ok_or_else(|| sqlx::Error::Decode(format!("slot {io}/{slot}").into()))
}

//! One walk through all transfers with their entries: does each balance, and does its place in
//! the chain follow from the one before? The database reads two tables in the order of their
//! keys, each on a connection of its own in the snapshot of the look; sums and hashes are ours.
//!
//! Transfers come by id, places by commit: nearly the same order, since ids begin with the time.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::copied::{Fields, Rows, cut};
use super::{Finding, Kind, Mark, ROOM, TOLD_MAX};
use crate::chain::{self, Hash};
use crate::store::session::Session;
use crate::store::{Error, Store};

pub(super) const NAME: &str = "transfers balance and the chain is whole";

/// What it can find.
#[cfg(test)]
pub(super) const KINDS: [Kind; 2] = [Kind::Unbalanced, Kind::Chain];

/// Places that may wait for the one before or after them. A clock that was wrong for a day
/// makes some thousands.
const WAITING_MAX: usize = 1_000_000;

/// What was found, with how much of it there is.
#[derive(Default)]
pub(super) struct Walked {
    pub counts: BTreeMap<Kind, i64>,
    pub off: Decimal,
    pub findings: Vec<Finding>,
}

impl Walked {
    fn found(&mut self, kind: Kind, subject: String, expected: String, found: String) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if usize::try_from(*count).is_ok_and(|count| count <= TOLD_MAX) {
            self.findings.push(Finding { kind, subject, expected, found });
        }
    }

    fn balance(&mut self, group: &Group) {
        for (sum, off) in [(group.money, group.money.abs()), (group.points, Decimal::ZERO)] {
            if !sum.is_zero() {
                let id = Uuid::from_bytes(group.id).to_string();
                self.found(Kind::Unbalanced, id, "0.00".to_owned(), sum.to_string());
                self.off += off;
            }
        }
    }
}

/// `from` is nothing for a look at everything.
pub(super) async fn walk(
    store: &Store,
    snapshot: &str,
    from: Option<&Mark>,
) -> Result<Walked, Error> {
    let (since_transfers, since_entries) = from.map(since).transpose()?.unwrap_or_default();
    let transfers = format!(
        "select t.id, t.kind, t.at, t.rental_id, t.intent_id, t.withdrawal_id, t.reverses,
            c.position, c.hash, case when c.position = d.first then d.opened end
        from ledger_transfers t
        left join ledger_chain c on c.transfer_id = t.id
        left join ledger_days d on d.day = c.day
        {since_transfers}
        order by t.id"
    );
    let entries = format!(
        "select transfer_id, account, amount::text from ledger_entries
        {since_entries}
        order by transfer_id, line"
    );
    let room = if from.is_none() { ROOM } else { "" };
    let mut one = looking(store, snapshot, room).await?;
    let mut other = looking(store, snapshot, room).await?;
    let mut transfers = Rows::of(&mut one, &transfers).await?;
    let mut entries = Entries::of(Rows::of(&mut other, &entries).await?).await?;
    let mut walked = Walked::default();
    let mut places = Places::after(from.map_or(0, |mark| mark.position));
    while let Some(mut fields) = transfers.next().await? {
        let id = fields.fixed()?.ok_or_else(cut)?;
        // entries of no transfer at all, then those of this one
        while entries.group(id, Ordering::is_lt).await? {
            walked.balance(&entries.group);
        }
        entries.group(id, Ordering::is_eq).await?;
        walked.balance(&entries.group);
        let transfer = transfer(id, &mut fields, &entries.group.lines)?;
        if let Some(position) = fields.fixed()?.map(i64::from_be_bytes) {
            let hash = Hash(fields.fixed()?.ok_or_else(cut)?);
            let opened = fields.fixed()?.map(Hash);
            places.place(position, hash, opened, transfer, &mut walked)?;
        }
    }
    while entries.group([0xff; 16], Ordering::is_le).await? {
        walked.balance(&entries.group);
    }
    places.finish(&mut walked);
    Ok(walked)
}

/// A connection that sees what the look sees, and has as much room.
async fn looking(store: &Store, snapshot: &str, room: &str) -> Result<Session, Error> {
    let mut session = Session::connect(&store.inner.options, &store.inner.settings).await?;
    session.begin_snapshot().await?;
    session.run(format!("set transaction snapshot '{snapshot}'; {room}")).await?;
    Ok(session)
}

/// What is new: transfers, and places, which come later.
fn since(mark: &Mark) -> Result<(String, String), Error> {
    let below: u64 = mark.below.parse().map_err(|_| Error::Corrupt(mark.below.clone()))?;
    let new = format!(
        "in (
            select id from ledger_transfers where xid >= '{below}'::xid8
            union
            select transfer_id from ledger_chain where position >= {}
        )",
        mark.position
    );
    Ok((format!("where t.id {new}"), format!("where transfer_id {new}")))
}

/// Microseconds from 1970 to where the database counts from.
const EPOCH: i64 = 946_684_800_000_000;

/// The record of a transfer: fields in the order of the query.
fn transfer(id: [u8; 16], fields: &mut Fields<'_>, lines: &str) -> Result<String, Error> {
    let kind = fields.text()?;
    let at = fields.fixed()?.map(i64::from_be_bytes).and_then(|at| at.checked_add(EPOCH));
    let at: DateTime<Utc> = at.and_then(DateTime::from_timestamp_micros).ok_or_else(cut)?;
    let mut next = || Ok::<_, Error>(fields.fixed()?.map(Uuid::from_bytes));
    let names =
        [("rental", next()?), ("intent", next()?), ("withdrawal", next()?), ("reverses", next()?)];
    Ok(chain::transfer(Uuid::from_bytes(id), kind, at, names, lines))
}

/// Entries of one transfer after the other.
struct Entries<'a> {
    rows: Rows<'a>,
    ahead: Option<Entry>,
    group: Group,
}

struct Entry {
    transfer: [u8; 16],
    account: String,
    amount: String,
}

/// Of one transfer.
#[derive(Default)]
struct Group {
    id: [u8; 16],
    /// As they stand in a record.
    lines: String,
    money: Decimal,
    points: Decimal,
}

impl<'a> Entries<'a> {
    async fn of(rows: Rows<'a>) -> Result<Entries<'a>, Error> {
        let mut entries = Entries { rows, ahead: None, group: Group::default() };
        entries.ahead = entries.next().await?;
        Ok(entries)
    }

    async fn next(&mut self) -> Result<Option<Entry>, Error> {
        let Some(mut fields) = self.rows.next().await? else { return Ok(None) };
        let transfer = fields.fixed()?.ok_or_else(cut)?;
        let (account, amount) = (fields.text()?.to_owned(), fields.text()?.to_owned());
        Ok(Some(Entry { transfer, account, amount }))
    }

    /// Reads the entries of the next transfer, if that stands so to `id`; else none.
    async fn group(&mut self, id: [u8; 16], so: fn(Ordering) -> bool) -> Result<bool, Error> {
        let next = self.ahead.as_ref().map(|entry| entry.transfer);
        let next = next.filter(|next| so(next.cmp(&id)));
        self.group.begin(next.unwrap_or(id));
        while let Some(entry) = self.ahead.take_if(|entry| next == Some(entry.transfer)) {
            self.group.add(&entry)?;
            self.ahead = self.next().await?;
        }
        Ok(next.is_some())
    }
}

impl Group {
    fn begin(&mut self, id: [u8; 16]) {
        self.id = id;
        self.lines.clear();
        (self.money, self.points) = (Decimal::ZERO, Decimal::ZERO);
    }

    fn add(&mut self, Entry { account, amount, .. }: &Entry) -> Result<(), Error> {
        let number = Decimal::from_str_exact(amount);
        let number = number.map_err(|_| Error::Corrupt(format!("{account} {amount}")))?;
        // the same word as `ledger_unit`
        let sum = if account.starts_with("points") { &mut self.points } else { &mut self.money };
        *sum += number;
        chain::entry(&mut self.lines, account, amount);
        Ok(())
    }
}

/// Places, as they come, each with the one before.
struct Places {
    /// The last one that was looked at before; only its hash is asked for.
    after: i64,
    /// Hashes whose next place has not come.
    hashes: BTreeMap<i64, Hash>,
    /// Places whose one before has not come.
    waiting: BTreeMap<i64, (Hash, String)>,
}

impl Places {
    fn after(after: i64) -> Places {
        Places { after, hashes: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    fn place(
        &mut self,
        position: i64,
        hash: Hash,
        opened: Option<Hash>,
        record: String,
        walked: &mut Walked,
    ) -> Result<(), Error> {
        let before = self.hashes.remove(&(position - 1));
        if position > self.after {
            match opened.or(before) {
                Some(before) => follows(position, before, &record, hash, walked),
                None => drop(self.waiting.insert(position, (hash, record))),
            }
        }
        match self.waiting.remove(&(position + 1)) {
            Some((next, record)) => follows(position + 1, hash, &record, next, walked),
            None => drop(self.hashes.insert(position, hash)),
        }
        if self.waiting.len() + self.hashes.len() > WAITING_MAX {
            return Err(Error::Corrupt("places and transfers are in other orders".to_owned()));
        }
        Ok(())
    }

    /// Whatever still waits has no place before it.
    fn finish(self, walked: &mut Walked) {
        for (position, _) in self.waiting {
            let expected = format!("position {}", position - 1);
            walked.found(Kind::Chain, position.to_string(), expected, "nothing".to_owned());
        }
    }
}

fn follows(position: i64, before: Hash, record: &str, hash: Hash, walked: &mut Walked) {
    let wanted = before.then(record);
    if wanted != hash {
        let (wanted, hash) = (wanted.to_string(), hash.to_string());
        walked.found(Kind::Chain, position.to_string(), wanted, hash);
    }
}

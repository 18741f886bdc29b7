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

use super::copied::{Fields, Rows, Unread};
use super::places::Places;
use super::{Finding, Kind, Mark, ROOM, TOLD_MAX, answered, patience};
use crate::chain::{self, Hash};
use crate::store::session::Session;
use crate::store::{Error, Store};

pub(super) const NAME: &str = "transfers balance and the chain is whole";

/// What it can find.
#[cfg(test)]
pub(super) const KINDS: [Kind; 3] = [Kind::Unbalanced, Kind::Chain, Kind::Unreadable];

/// What was found, with how much of it there is.
#[derive(Default)]
pub(super) struct Walked {
    pub counts: BTreeMap<Kind, i64>,
    pub off: Decimal,
    pub findings: Vec<Finding>,
}

impl Walked {
    pub fn found(&mut self, kind: Kind, subject: String, expected: String, found: String) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if usize::try_from(*count).is_ok_and(|count| count <= TOLD_MAX) {
            self.findings.push(Finding { kind, subject, expected, found });
        }
    }

    fn unread(&mut self, transfer: Uuid, Unread: Unread) {
        let (id, what) = (transfer.to_string(), "a transfer that can be read".to_owned());
        self.found(Kind::Unreadable, id, what, Unread.to_string());
    }

    fn balance(&mut self, group: &Group) {
        if let Some(entry) = &group.unread {
            let id = Uuid::from_bytes(group.id).to_string();
            self.found(Kind::Unreadable, id, "entries with amounts".to_owned(), entry.clone());
        }
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
    let whole = from.is_none();
    let mut one = looking(store, snapshot, whole).await?;
    let mut other = looking(store, snapshot, whole).await?;
    let bound = patience(store, whole);
    let mut transfers = Rows::of(&mut one, &transfers, bound).await?;
    let mut entries = Entries::of(Rows::of(&mut other, &entries, bound).await?).await?;
    let mut walked = Walked::default();
    let mut places = Places::after(from.map_or(0, |mark| mark.position));
    while let Some(mut fields) = transfers.next().await? {
        let Ok(Some(id)) = fields.fixed() else {
            walked.unread(Uuid::nil(), Unread);
            continue;
        };
        // entries of no transfer at all, then those of this one
        while entries.group(id, Ordering::is_lt).await? {
            walked.balance(&entries.group);
        }
        entries.group(id, Ordering::is_eq).await?;
        walked.balance(&entries.group);
        transfer(id, fields, &entries.group.lines, &mut places, &mut walked);
    }
    while entries.group([0xff; 16], Ordering::is_le).await? {
        walked.balance(&entries.group);
    }
    places.finish(&mut walked);
    drop((transfers, entries));
    // closed outside of a transaction, the database has nothing to complain of
    let end = async { Ok::<_, Error>((one.rollback().await, other.rollback().await)) };
    answered(bound, end).await?;
    Ok(walked)
}

/// A connection that sees what the look sees, and has as much room.
async fn looking(store: &Store, snapshot: &str, whole: bool) -> Result<Session, Error> {
    let mut session = Session::connect(&store.inner.options, &store.inner.settings).await?;
    let room = if whole { ROOM } else { "" };
    answered(patience(store, whole), async {
        session.begin_snapshot().await?;
        session.run(format!("set transaction snapshot '{snapshot}'; {room}")).await
    })
    .await?;
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

/// Puts a transfer in its place, if it has one.
fn transfer(
    id: [u8; 16],
    mut fields: Fields<'_>,
    lines: &str,
    places: &mut Places,
    walked: &mut Walked,
) {
    let record = record(id, &mut fields, lines);
    let record = record.map_err(|unread| walked.unread(Uuid::from_bytes(id), unread)).ok();
    match place(&mut fields) {
        // what cannot be read was told, and its hash is still the next one's
        Ok(Some((position, hash, opened))) => {
            places.place(position, hash, opened, record, walked);
        }
        Ok(None) => {}
        Err(unread) => walked.unread(Uuid::from_bytes(id), unread),
    }
}

/// The record of a transfer: fields in the order of the query. All of them are passed, also when
/// one cannot be read.
fn record(id: [u8; 16], fields: &mut Fields<'_>, lines: &str) -> Result<String, Unread> {
    let kind = fields.text();
    let at = fields.fixed().map(|at| at.map(i64::from_be_bytes));
    let mut next = || fields.fixed().map(|id| id.map(Uuid::from_bytes));
    let (rental, intent, withdrawal, reverses) = (next(), next(), next(), next());
    let at: DateTime<Utc> = at?
        .and_then(|at| at.checked_add(EPOCH))
        .and_then(DateTime::from_timestamp_micros)
        .ok_or(Unread)?;
    let names = [
        ("rental", rental?),
        ("intent", intent?),
        ("withdrawal", withdrawal?),
        ("reverses", reverses?),
    ];
    Ok(chain::transfer(Uuid::from_bytes(id), kind?, at, names, lines))
}

type Place = (i64, Hash, Option<Hash>);

/// Where it stands in the chain, its hash, and what its day was opened with if it is the first.
fn place(fields: &mut Fields<'_>) -> Result<Option<Place>, Unread> {
    let position = fields.fixed()?.map(i64::from_be_bytes);
    let (hash, opened) = (fields.fixed()?, fields.fixed()?);
    let Some(position) = position else { return Ok(None) };
    Ok(Some((position, Hash(hash.ok_or(Unread)?), opened.map(Hash))))
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
    /// The first entry whose amount is no number.
    unread: Option<String>,
}

impl<'a> Entries<'a> {
    async fn of(rows: Rows<'a>) -> Result<Entries<'a>, Error> {
        let mut entries = Entries { rows, ahead: None, group: Group::default() };
        entries.ahead = entries.next().await?;
        Ok(entries)
    }

    async fn next(&mut self) -> Result<Option<Entry>, Error> {
        let Some(mut fields) = self.rows.next().await? else { return Ok(None) };
        // what cannot be read is no amount, and is told with its transfer
        let transfer = fields.fixed().ok().flatten().unwrap_or_default();
        let mut next = || fields.text().unwrap_or_default().to_owned();
        let (account, amount) = (next(), next());
        Ok(Some(Entry { transfer, account, amount }))
    }

    /// Reads the entries of the next transfer, if that stands so to `id`; else none.
    async fn group(&mut self, id: [u8; 16], so: fn(Ordering) -> bool) -> Result<bool, Error> {
        let next = self.ahead.as_ref().map(|entry| entry.transfer);
        let next = next.filter(|next| so(next.cmp(&id)));
        self.group.begin(next.unwrap_or(id));
        while let Some(entry) = self.ahead.take_if(|entry| next == Some(entry.transfer)) {
            self.group.add(&entry);
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
        self.unread = None;
    }

    fn add(&mut self, Entry { account, amount, .. }: &Entry) {
        // the same word as `ledger_unit`
        let sum = if account.starts_with("points") { &mut self.points } else { &mut self.money };
        let number = Decimal::from_str_exact(amount).ok();
        match number.and_then(|number| sum.checked_add(number)) {
            Some(added) => *sum = added,
            None => drop(self.unread.get_or_insert_with(|| format!("{account} {amount}"))),
        }
        chain::entry(&mut self.lines, account, amount);
    }
}

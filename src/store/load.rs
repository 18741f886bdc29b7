//! What a node knows when it starts, in a few bulk reads of one snapshot, and the same rows
//! one by one for an actor that is in doubt about its own.

use chrono::{DateTime, Utc};
use domain::bank::{Bank, Condition, Custody, Fingerprint};
use domain::ids::{RentalId, SlotKey, Sn, StationId};
use domain::rental::Rental;
use domain::tariff::{LateFee, Package};
use serde_json::value::RawValue;
use sqlx::types::Json;

pub use stations::{SlotRow, StationInfo, StationRow};
pub(super) use stations::{all as all_stations, find_station, read_station};

use super::session::Session;
use super::{Error, Store, tariff};

mod stations;
mod unread;

/// Everything that is open.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Those in service.
    pub stations: Vec<StationRow>,
    pub banks: Vec<Bank>,
    /// Open ones, and cancelled ones that a late answer of the cabinet may still reopen.
    pub rentals: Vec<Stored>,
    /// Those that can be bought, in the order of the list.
    pub packages: Vec<Package>,
    pub late_fee: Option<LateFee>,
    /// Rows that could not be understood; the others are not held up by them.
    pub corrupt: Vec<CorruptRow>,
}

/// A rental with the version it was read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub rental: Rental,
    pub version: i32,
    /// Until when a late answer of the cabinet may reopen it.
    pub settle_until: DateTime<Utc>,
}

/// A row that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorruptRow {
    pub table: &'static str,
    pub id: String,
    pub error: String,
}

impl Store {
    /// All that a node has to know, from one snapshot.
    pub async fn load_all(&self) -> Result<Loaded, Error> {
        let now = self.inner.clock.now();
        let mut session = self.read().await?;
        session.begin_snapshot().await?;
        let loaded = load(&mut session, now).await;
        session.rollback().await;
        loaded
    }

    pub async fn rental(&self, id: RentalId) -> Result<Stored, Error> {
        const SQL: &str = "select id, version, settle_until, state from rentals where id = $1";

        let mut session = self.read().await?;
        let row: Option<RentalRow> =
            sqlx::query_as(SQL).bind(id).fetch_optional(&mut session).await?;
        row.ok_or(Error::NotFound)?.understand().map_err(Error::from)
    }

    pub async fn bank(&self, sn: &Sn) -> Result<Bank, Error> {
        const SQL: &str = "
            select sn, custody, station_id, io, slot, rental_id, condition, consumed, version
            from banks
            where sn = $1";

        let mut session = self.read().await?;
        let row: Option<BankRow> =
            sqlx::query_as(SQL).bind(sn).fetch_optional(&mut session).await?;
        row.ok_or(Error::NotFound)?.understand().map_err(Error::from)
    }
}

impl From<CorruptRow> for Error {
    fn from(row: CorruptRow) -> Error {
        Error::Corrupt(format!("{} {}: {}", row.table, row.id, row.error))
    }
}

/// Rows, and those that could not be understood.
type Read<T> = (Vec<T>, Vec<CorruptRow>);

async fn load(session: &mut Session, now: DateTime<Utc>) -> Result<Loaded, Error> {
    let (stations, mut corrupt) = stations::all(session).await?;
    let (banks, unread) = banks(session).await?;
    corrupt.extend(unread);
    let (rentals, unread) = rentals(session, now).await?;
    corrupt.extend(unread);
    let packages = tariff::packages(session).await?;
    let late_fee = tariff::late_fee(session).await?;
    Ok(Loaded { stations, banks, rentals, packages, late_fee, corrupt })
}

#[derive(sqlx::FromRow)]
struct RentalRow {
    id: RentalId,
    version: i32,
    settle_until: DateTime<Utc>,
    state: Json<Box<RawValue>>,
}

impl RentalRow {
    fn understand(self) -> Result<Stored, CorruptRow> {
        let corrupt = |error| CorruptRow { table: "rentals", id: self.id.to_string(), error };
        let rental: Rental =
            serde_json::from_str(self.state.get()).map_err(|error| corrupt(error.to_string()))?;
        if rental.id != self.id {
            return Err(corrupt(format!("the state is of rental {}", rental.id)));
        }
        Ok(Stored { rental, version: self.version, settle_until: self.settle_until })
    }
}

/// The indexes hold exactly these: the open ones, and those that may be reopened.
async fn rentals(session: &mut Session, now: DateTime<Utc>) -> Result<Read<Stored>, Error> {
    const SQL: &str = "
        select id, version, settle_until, state from rentals
        where status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE')
        union all
        select id, version, settle_until, state from rentals
        where status = 'CANCELLED' and settle_until > $1
        order by id";

    let rows: Vec<RentalRow> = sqlx::query_as(SQL).bind(now).fetch_all(session).await?;
    Ok(understood(rows, RentalRow::understand))
}

#[derive(sqlx::FromRow)]
struct BankRow {
    sn: Sn,
    custody: String,
    station_id: Option<StationId>,
    io: Option<i16>,
    slot: Option<i32>,
    rental_id: Option<RentalId>,
    condition: Condition,
    consumed: Vec<i64>,
    version: i32,
}

impl BankRow {
    fn understand(self) -> Result<Bank, CorruptRow> {
        let place = || Some((self.station_id?, slot_key(self.io?, self.slot?)?));
        let custody = match self.custody.as_str() {
            "slot" => place().map(|(station, key)| Custody::Slot { station, key }),
            "quarantine" => place().map(|(station, key)| Custody::Quarantine { station, key }),
            "rental" => self.rental_id.map(|rental| Custody::Rental { rental }),
            "missing" => Some(Custody::Missing),
            _ => None,
        };
        let Some(custody) = custody else {
            let error = format!("custody {} at {:?}/{:?}", self.custody, self.io, self.slot);
            return Err(CorruptRow { table: "banks", id: self.sn.0, error });
        };
        Ok(Bank {
            sn: self.sn,
            version: self.version,
            custody,
            condition: self.condition,
            consumed: self.consumed.into_iter().map(Fingerprint).collect(),
        })
    }
}

async fn banks(session: &mut Session) -> Result<Read<Bank>, Error> {
    const SQL: &str = "
        select sn, custody, station_id, io, slot, rental_id, condition, consumed, version
        from banks
        order by sn";

    let rows: Vec<BankRow> = sqlx::query_as(SQL).fetch_all(session).await?;
    Ok(understood(rows, BankRow::understand))
}

fn slot_key(io: i16, slot: i32) -> Option<SlotKey> {
    Some(SlotKey::new(u8::try_from(io).ok()?, u16::try_from(slot).ok()?))
}

fn understood<R, T>(rows: Vec<R>, understand: fn(R) -> Result<T, CorruptRow>) -> Read<T> {
    let mut read = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match understand(row) {
            Ok(value) => read.0.push(value),
            Err(corrupt) => read.1.push(corrupt),
        }
    }
    read
}

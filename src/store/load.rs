//! What a node knows when it starts, in a few bulk reads of one snapshot, and the same rows
//! one by one for an actor that is in doubt about its own.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use domain::bank::{Bank, Condition, Custody, Fingerprint};
use domain::ids::{DeviceUuid, RentalId, Serial, SlotKey, Sn, StationId};
use domain::rental::Rental;
use domain::slot::Reading;
use domain::tariff::{LateFee, Package};
use serde_json::value::RawValue;
use sqlx::types::Json;

use super::session::Session;
use super::{Error, Store, tariff};

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

/// A cabinet with its slots, and what it last said before the service started.
#[derive(Clone, Debug, PartialEq)]
pub struct StationRow {
    pub info: StationInfo,
    pub version: i32,
    /// A whole report has confirmed the slots.
    pub layout_confirmed: bool,
    pub is_maintenance: bool,
    pub slots: Vec<SlotRow>,
    pub heard_at: Option<DateTime<Utc>>,
    pub whole_at: Option<DateTime<Utc>>,
}

/// What an operator says of a station.
#[derive(Clone, Debug, PartialEq)]
pub struct StationInfo {
    pub id: StationId,
    pub uuid: DeviceUuid,
    pub serial: Serial,
    pub name: String,
    pub latitude: f64,
    pub longitude: f64,
    pub address: String,
    pub landmark: Option<String>,
    pub description: Option<String>,
    pub opening_time: Option<NaiveTime>,
    pub closing_time: Option<NaiveTime>,
    /// Grows when the cabinet's password is to change.
    pub credential_generation: u32,
    pub area_code: String,
    /// Accepts frames whose checksum is wrong.
    pub lenient: bool,
    /// Refuses HTTP calls whose signature is wrong.
    pub strict_sign: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    pub key: SlotKey,
    pub maintenance: bool,
    pub version: i32,
    pub reading: Option<Reading>,
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

    /// A station in service.
    pub async fn station(&self, id: StationId) -> Result<StationRow, Error> {
        read_station(&mut self.read().await?, id).await
    }

    /// A station in service, by its serial or by what the cabinet calls itself.
    pub async fn find_station(&self, name: &str) -> Result<StationRow, Error> {
        let mut session = self.read().await?;
        one(stations(&mut session, Which { id: None, name: Some(name) }).await?)
    }

    /// The stations in service, by name.
    pub async fn stations(&self) -> Result<Vec<StationRow>, Error> {
        let (mut rows, corrupt) = stations(&mut self.read().await?, Which::default()).await?;
        for row in corrupt {
            tracing::error!(table = row.table, id = row.id, error = row.error, "corrupt row");
        }
        rows.sort_by(|a, b| (&a.info.name, &a.info.serial).cmp(&(&b.info.name, &b.info.serial)));
        Ok(rows)
    }
}

pub(super) async fn read_station(
    session: &mut Session,
    id: StationId,
) -> Result<StationRow, Error> {
    one(stations(session, Which { id: Some(id), name: None }).await?)
}

impl From<CorruptRow> for Error {
    fn from(row: CorruptRow) -> Error {
        Error::Corrupt(format!("{} {}: {}", row.table, row.id, row.error))
    }
}

/// Rows, and those that could not be understood.
type Read<T> = (Vec<T>, Vec<CorruptRow>);

async fn load(session: &mut Session, now: DateTime<Utc>) -> Result<Loaded, Error> {
    let (stations, mut corrupt) = stations(session, Which::default()).await?;
    let (banks, unread) = banks(session).await?;
    corrupt.extend(unread);
    let (rentals, unread) = rentals(session, now).await?;
    corrupt.extend(unread);
    let packages = tariff::packages(session).await?;
    let late_fee = tariff::late_fee(session).await?;
    Ok(Loaded { stations, banks, rentals, packages, late_fee, corrupt })
}

fn one((mut rows, mut corrupt): Read<StationRow>) -> Result<StationRow, Error> {
    if let Some(row) = corrupt.pop() {
        return Err(row.into());
    }
    rows.pop().ok_or(Error::NotFound)
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

/// Which stations; all in service by default.
#[derive(Clone, Copy, Default)]
struct Which<'a> {
    id: Option<StationId>,
    /// A serial or a cabinet's own name.
    name: Option<&'a str>,
}

#[expect(clippy::struct_excessive_bools, reason = "columns that do not depend on each other")]
#[derive(sqlx::FromRow)]
struct StationFields {
    id: StationId,
    device_uuid: DeviceUuid,
    serial: Serial,
    name: String,
    latitude: f64,
    longitude: f64,
    address: String,
    landmark: Option<String>,
    description: Option<String>,
    opening_time: Option<NaiveTime>,
    closing_time: Option<NaiveTime>,
    credential_generation: i32,
    area_code: String,
    lenient: bool,
    strict_sign: bool,
    layout_confirmed: bool,
    is_maintenance: bool,
    version: i32,
    heard_at: Option<DateTime<Utc>>,
    whole_at: Option<DateTime<Utc>>,
}

impl StationFields {
    fn with(self, slots: Vec<SlotRow>) -> StationRow {
        let info = StationInfo {
            id: self.id,
            uuid: self.device_uuid,
            serial: self.serial,
            name: self.name,
            latitude: self.latitude,
            longitude: self.longitude,
            address: self.address,
            landmark: self.landmark,
            description: self.description,
            opening_time: self.opening_time,
            closing_time: self.closing_time,
            credential_generation: u32::try_from(self.credential_generation).unwrap_or(0),
            area_code: self.area_code,
            lenient: self.lenient,
            strict_sign: self.strict_sign,
        };
        StationRow {
            info,
            version: self.version,
            layout_confirmed: self.layout_confirmed,
            is_maintenance: self.is_maintenance,
            slots,
            heard_at: self.heard_at,
            whole_at: self.whole_at,
        }
    }
}

async fn stations(session: &mut Session, which: Which<'_>) -> Result<Read<StationRow>, Error> {
    const SQL: &str = "
        select s.id, device_uuid, serial, name, latitude, longitude, address, landmark,
            description, opening_time, closing_time, credential_generation, area_code, lenient,
            strict_sign, layout_confirmed, is_maintenance, version, t.heard_at, t.whole_at
        from stations s
        left join station_telemetry t on t.station_id = s.id
        where not is_deleted
            and ($1 is null or s.id = $1)
            and ($2 is null or serial = $2 or device_uuid = $2)
        order by s.id";

    let rows: Vec<StationFields> =
        sqlx::query_as(SQL).bind(which.id).bind(which.name).fetch_all(&mut *session).await?;
    let single = match &rows[..] {
        [only] if which.id.is_some() || which.name.is_some() => Some(only.id),
        _ => None,
    };
    let (mut slots, corrupt) = slots(session, single).await?;
    let with_slots = |row: StationFields| {
        let own = slots.remove(&row.id).unwrap_or_default();
        row.with(own)
    };
    Ok((rows.into_iter().map(with_slots).collect(), corrupt))
}

#[derive(sqlx::FromRow)]
struct SlotFields {
    station_id: StationId,
    io: i16,
    slot: i32,
    maintenance: bool,
    version: i32,
    reading: Option<Json<Box<RawValue>>>,
}

/// Slots by station. A reading that is not understood is left out: it is telemetry.
async fn slots(
    session: &mut Session,
    station: Option<StationId>,
) -> Result<(BTreeMap<StationId, Vec<SlotRow>>, Vec<CorruptRow>), Error> {
    const SQL: &str = "
        select s.station_id, s.io, s.slot, s.maintenance, s.version, t.reading
        from slots s
        left join slot_telemetry t using (station_id, io, slot)
        where $1 is null or s.station_id = $1
        order by s.station_id, s.io, s.slot";

    let rows: Vec<SlotFields> = sqlx::query_as(SQL).bind(station).fetch_all(session).await?;
    let mut slots: BTreeMap<StationId, Vec<SlotRow>> = BTreeMap::new();
    let mut corrupt = Vec::new();
    for row in rows {
        let id = || format!("{} {}/{}", row.station_id, row.io, row.slot);
        let Some(key) = slot_key(row.io, row.slot) else {
            corrupt.push(CorruptRow { table: "slots", id: id(), error: "no slot".into() });
            continue;
        };
        let reading = row.reading.as_ref().map(|json| serde_json::from_str(json.get()));
        if let Some(Err(error)) = &reading {
            let error = error.to_string();
            corrupt.push(CorruptRow { table: "slot_telemetry", id: id(), error });
        }
        let (maintenance, version) = (row.maintenance, row.version);
        let reading = reading.and_then(Result::ok);
        let own = slots.entry(row.station_id).or_default();
        own.push(SlotRow { key, maintenance, version, reading });
    }
    Ok((slots, corrupt))
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

//! `stations`, `slots` and `pending_cabinets`, as operators read and write them: enrol, describe,
//! remove. What a station's actor changes goes through facts. Every write takes the version it
//! read at, so that neither overwrites the other.

use chrono::{DateTime, NaiveTime, Utc};
use domain::bank::Custody;
use domain::ids::{DeviceUuid, Serial, Sn, StationId};
use sqlx::types::Json;

use super::audit::Stamped;
use super::fact::{AuditEntry, Conflict};
use super::load::{StationRow, all_stations, find_station, read_station};
use super::session::Session;
use super::{Error, PURGE_MAX, Query, Store};

/// A cabinet to be taken into service.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStation {
    pub uuid: DeviceUuid,
    pub serial: Serial,
    /// Slots 1 to this number on serial port 0, until the cabinet's first report says better.
    pub slots: u16,
    pub about: Particulars,
}

/// What an operator says of a station.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Particulars {
    pub name: String,
    /// Degrees, -90 to 90.
    pub latitude: f64,
    /// Degrees, -180 to 180.
    pub longitude: f64,
    pub address: String,
    pub landmark: Option<String>,
    pub description: Option<String>,
    pub opening_time: Option<NaiveTime>,
    pub closing_time: Option<NaiveTime>,
    /// What the cabinet is told on connect.
    pub area_code: String,
    /// Accept frames whose checksum is wrong.
    pub lenient: bool,
    /// Refuse HTTP calls whose signature is wrong.
    pub strict_sign: bool,
}

impl Particulars {
    /// A name and a place; the rest can follow.
    pub fn new(name: impl Into<String>, latitude: f64, longitude: f64) -> Particulars {
        Particulars {
            name: name.into(),
            latitude,
            longitude,
            address: String::new(),
            landmark: None,
            description: None,
            opening_time: None,
            closing_time: None,
            area_code: "0".into(),
            lenient: false,
            strict_sign: false,
        }
    }
}

/// A cabinet that called without being enrolled.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Pending {
    pub device_uuid: DeviceUuid,
    pub attempts: i64,
    pub address: Option<String>,
    pub hardware: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

impl Store {
    /// A station in service.
    pub async fn station(&self, id: StationId) -> Result<StationRow, Error> {
        read_station(&mut self.read().await?, id).await
    }

    /// A station in service, by its serial or by what the cabinet calls itself.
    pub async fn find_station(&self, name: &str) -> Result<StationRow, Error> {
        find_station(&mut self.read().await?, name).await
    }

    /// The stations in service, by name.
    pub async fn stations(&self) -> Result<Vec<StationRow>, Error> {
        let (mut rows, corrupt) = all_stations(&mut self.read().await?).await?;
        for row in corrupt {
            tracing::error!(table = row.table, id = row.id, error = row.error, "corrupt row");
        }
        rows.sort_by(|a, b| name(a).cmp(&name(b)));
        Ok(rows)
    }

    /// Takes a cabinet into service. `Conflict` when its uuid or its serial is in service.
    pub async fn enrol(&self, new: NewStation, audit: AuditEntry) -> Result<StationRow, Error> {
        let audit = self.stamp(audit);
        let id = StationId(self.inner.entropy.uuid_at(audit.at));
        self.transact("store.enrol", move |session| {
            Box::pin(async move {
                insert(session, id, &new, audit.at).await?;
                audit.write(session).await?;
                read_station(session, id).await
            })
        })
        .await
    }

    /// Replaces what operators say of a station.
    pub async fn describe_station(
        &self,
        id: StationId,
        before: i32,
        about: Particulars,
        audit: AuditEntry,
    ) -> Result<StationRow, Error> {
        const SQL: &str = "
            update stations
            set name = $1, latitude = $2, longitude = $3, address = $4, landmark = $5,
                description = $6, opening_time = $7, closing_time = $8, area_code = $9,
                lenient = $10, strict_sign = $11, updated_at = $12, version = version + 1
            where id = $13 and version = $14 and not is_deleted";

        self.change(id, audit, move |at| {
            particulars(sqlx::query(SQL), &about).bind(at).bind(id).bind(before)
        })
        .await
    }

    /// Makes the cabinet's password another one.
    pub async fn rotate_credentials(
        &self,
        id: StationId,
        before: i32,
        audit: AuditEntry,
    ) -> Result<StationRow, Error> {
        const SQL: &str = "
            update stations
            set credential_generation = credential_generation + 1, updated_at = $1,
                version = version + 1
            where id = $2 and version = $3 and not is_deleted";

        self.change(id, audit, move |at| sqlx::query(SQL).bind(at).bind(id).bind(before)).await
    }

    /// Takes a station out of service. `Conflict` while an eject has no end; and, unless it is
    /// forced, while a rental that began there is open or banks are in it by custody. Answers
    /// the banks that were in it: they are missing now, until some cabinet shows them.
    pub async fn remove_station(
        &self,
        id: StationId,
        before: i32,
        force: bool,
        audit: AuditEntry,
    ) -> Result<Vec<Sn>, Error> {
        let audit = self.stamp(audit);
        let removal = Removal { id, before, force };
        self.transact("store.station", move |session| Box::pin(remove(session, removal, audit)))
            .await
    }

    /// Cabinets that called without being enrolled, the latest first.
    pub async fn pending(&self, limit: u32) -> Result<Vec<Pending>, Error> {
        const SQL: &str = "
            select device_uuid, attempts, address, hardware, first_seen_at, last_seen_at
            from pending_cabinets
            order by last_seen_at desc, device_uuid
            limit $1";

        let mut session = self.read().await?;
        Ok(sqlx::query_as(SQL).bind(i64::from(limit)).fetch_all(&mut session).await?)
    }

    /// Forgets callers that were last seen before `before`, up to the bound; answers how many.
    pub async fn purge_pending(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        const SQL: &str = "
            delete from pending_cabinets
            where device_uuid in (
                select device_uuid from pending_cabinets where last_seen_at < $1 limit $2
            )";

        let purge = move || sqlx::query(SQL).bind(before).bind(PURGE_MAX);
        self.write_one("store.pending", purge).await
    }

    async fn change(
        &self,
        id: StationId,
        audit: AuditEntry,
        update: impl FnOnce(DateTime<Utc>) -> Query + Send + 'static,
    ) -> Result<StationRow, Error> {
        let audit = self.stamp(audit);
        self.transact("store.station", move |session| {
            Box::pin(async move {
                let changed = update(audit.at).execute(&mut *session).await?;
                if changed.rows_affected() != 1 {
                    read_station(session, id).await?;
                    return Err(Error::Stale);
                }
                audit.write(session).await?;
                read_station(session, id).await
            })
        })
        .await
    }
}

fn name(row: &StationRow) -> (&str, &Serial) {
    (&row.info.about.name, &row.info.serial)
}

async fn insert(
    session: &mut Session,
    id: StationId,
    new: &NewStation,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    const STATION: &str = "
        insert into stations (
            name, latitude, longitude, address, landmark, description, opening_time,
            closing_time, area_code, lenient, strict_sign, id, device_uuid, serial, version,
            created_at, updated_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $15)";
    const SLOTS: &str = "
        insert into slots (station_id, io, slot, version)
        select $1, 0, slot, 1 from generate_series(1, $2) as g (slot)";
    const KNOWN: &str = "delete from pending_cabinets where device_uuid = $1";

    particulars(sqlx::query(STATION), &new.about)
        .bind(id)
        .bind(new.uuid.clone())
        .bind(new.serial.clone())
        .bind(at)
        .execute(&mut *session)
        .await?;
    sqlx::query(SLOTS).bind(id).bind(i32::from(new.slots)).execute(&mut *session).await?;
    sqlx::query(KNOWN).bind(new.uuid.clone()).execute(session).await?;
    Ok(())
}

fn particulars(query: Query, about: &Particulars) -> Query {
    query
        .bind(about.name.clone())
        .bind(about.latitude)
        .bind(about.longitude)
        .bind(about.address.clone())
        .bind(about.landmark.clone())
        .bind(about.description.clone())
        .bind(about.opening_time)
        .bind(about.closing_time)
        .bind(about.area_code.clone())
        .bind(about.lenient)
        .bind(about.strict_sign)
}

struct Removal {
    id: StationId,
    before: i32,
    force: bool,
}

async fn remove(session: &mut Session, removal: Removal, audit: Stamped) -> Result<Vec<Sn>, Error> {
    const GONE: &str = "
        update stations set is_deleted = true, version = version + 1, updated_at = $3
        where id = $1 and version = $2 and not is_deleted";
    const EJECTING: &str = "
        select exists (select 1 from rentals where station_id = $1 and status = 'PENDING_POPUP')";
    const IN_USE: &str = "
        select exists (select 1 from banks where station_id = $1)
            or exists (
                select 1 from rentals
                where station_id = $1 and status in ('PENDING', 'ACTIVE', 'OVERDUE')
            )";
    const REST: [&str; 3] = [
        "delete from slots where station_id = $1",
        "delete from slot_telemetry where station_id = $1",
        "delete from station_telemetry where station_id = $1",
    ];

    let Removal { id, before, force } = removal;
    let gone = sqlx::query(GONE).bind(id).bind(before).bind(audit.at);
    if gone.execute(&mut *session).await?.rows_affected() != 1 {
        read_station(session, id).await?;
        return Err(Error::Stale);
    }
    if sqlx::query_scalar(EJECTING).bind(id).fetch_one(&mut *session).await? {
        return Err(Error::Conflict(Conflict::StationEjecting));
    }
    if !force && sqlx::query_scalar(IN_USE).bind(id).fetch_one(&mut *session).await? {
        return Err(Error::Conflict(Conflict::StationInUse));
    }
    let banks = lose(session, id, audit.at).await?;
    for sql in REST {
        sqlx::query(sql).bind(id).execute(&mut *session).await?;
    }
    audit.write(session).await?;
    Ok(banks)
}

/// The banks of a station that is no more: nobody can say where they are.
async fn lose(session: &mut Session, id: StationId, at: DateTime<Utc>) -> Result<Vec<Sn>, Error> {
    const SQL: &str = "
        with lost as (
            update banks
            set custody = 'missing', station_id = null, io = null, slot = null,
                version = version + 1, updated_at = $2
            where station_id = $1
            returning sn, version, condition
        ), told as (
            insert into bank_events (sn, version, custody, condition, cause, rental_id, at)
            select sn, version, $3, condition, 'station_removed', null, $2 from lost
        )
        select sn from lost order by sn";

    let lost = sqlx::query_scalar(SQL).bind(id).bind(at).bind(Json(Custody::Missing));
    Ok(lost.fetch_all(session).await?)
}

//! Stations in service with their slots: the rows of facts beside what was last heard.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{DeviceUuid, Serial, SlotKey, StationId};
use domain::slot::Reading;
use serde_json::value::RawValue;
use sqlx::types::Json;

use super::{CorruptRow, Read, slot_key};
use crate::store::Error;
use crate::store::session::Session;
use crate::store::stations::Particulars;

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

/// Which cabinet it is, and what an operator says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StationInfo {
    pub id: StationId,
    pub uuid: DeviceUuid,
    pub serial: Serial,
    /// Grows when the cabinet's password is to change.
    pub credential_generation: u32,
    pub about: Particulars,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    pub key: SlotKey,
    pub maintenance: bool,
    pub version: i32,
    pub reading: Option<Reading>,
}

pub(in crate::store) async fn read_station(
    session: &mut Session,
    id: StationId,
) -> Result<StationRow, Error> {
    one(read(session, Which { id: Some(id), name: None }).await?)
}

/// By its serial or by what the cabinet calls itself.
pub(in crate::store) async fn find_station(
    session: &mut Session,
    name: &str,
) -> Result<StationRow, Error> {
    one(read(session, Which { id: None, name: Some(name) }).await?)
}

fn one((mut rows, mut corrupt): Read<StationRow>) -> Result<StationRow, Error> {
    if let Some(row) = corrupt.pop() {
        return Err(row.into());
    }
    rows.pop().ok_or(Error::NotFound)
}

/// Which stations; all in service by default.
#[derive(Clone, Copy, Default)]
struct Which<'a> {
    id: Option<StationId>,
    /// A serial or a cabinet's own name.
    name: Option<&'a str>,
}

pub(in crate::store) async fn all(session: &mut Session) -> Result<Read<StationRow>, Error> {
    read(session, Which::default()).await
}

#[derive(sqlx::FromRow)]
struct StationFields {
    id: StationId,
    device_uuid: DeviceUuid,
    serial: Serial,
    credential_generation: i32,
    #[sqlx(flatten)]
    about: Particulars,
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
            credential_generation: u32::try_from(self.credential_generation).unwrap_or(0),
            about: self.about,
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

async fn read(session: &mut Session, which: Which<'_>) -> Result<Read<StationRow>, Error> {
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

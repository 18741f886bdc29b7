//! `/stations`: cabinets as operators see them, how they come into service, and what can be
//! asked of them by hand.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use domain::ids::{DeviceUuid, Serial, SlotKey, Sn, StationId};
use domain::slot::Standing;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Code, Refusal, ok};
use super::listing::ROWS_MAX;
use super::{Admin, Live, Operator};
use crate::actors::availability::StationView;
use crate::store;
use crate::store::fact::Conflict;
use crate::store::load::{SlotRow, StationInfo, StationRow};
use crate::store::stations::{NewStation, Particulars, Pending};

/// Slots of the largest cabinet there is.
const SLOTS_MAX: u16 = 512;
const NAME_MAX: usize = 100;

/// A cabinet. What only a running node knows is left out where none runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StationBody {
    pub id: StationId,
    pub uuid: DeviceUuid,
    pub serial: Serial,
    pub name: String,
    pub lat: f64,
    pub lng: f64,
    pub address: String,
    /// How many it has.
    pub slots: usize,
    /// A whole report has confirmed the slots.
    pub layout_confirmed: bool,
    pub maintenance: bool,
    /// `ONLINE`, `OFFLINE` or `MAINTENANCE`; `UNKNOWN` where no node runs.
    pub status: String,
    /// Commands reach it.
    pub reachable: Option<bool>,
    /// It has not reported since the node started.
    pub stale: Option<bool>,
    pub free_slots: Option<u16>,
    pub banks: Option<u16>,
    pub heard_at: Option<DateTime<Utc>>,
    /// Its last report that listed every slot.
    pub whole_at: Option<DateTime<Utc>>,
    /// The bank whose eject has no end yet.
    pub ejecting: Option<Sn>,
    /// Slot by slot; of one station only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<SlotBody>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotBody {
    pub io: u8,
    pub slot: u16,
    pub state: Standing,
    pub bank: Option<Sn>,
    /// Percent.
    pub level: Option<u8>,
    pub rentable: bool,
}

/// Takes a cabinet into service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    pub uuid: String,
    pub serial: String,
    pub name: String,
    pub lat: f64,
    pub lng: f64,
    pub slots: u16,
    #[serde(default)]
    pub address: String,
}

/// A slot, by its numbers: to take a bank out of it without a rental, or to close it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SlotNumber {
    #[serde(default)]
    pub io: u8,
    pub slot: u16,
}

impl From<SlotNumber> for SlotKey {
    fn from(number: SlotNumber) -> SlotKey {
        SlotKey::new(number.io, number.slot)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ejected {
    pub bank: Sn,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Maintain {
    pub on: bool,
    /// Of this slot; without it of the whole station.
    #[serde(default)]
    pub slot: Option<SlotNumber>,
}

/// A cabinet that called without being enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingBody {
    pub uuid: DeviceUuid,
    pub attempts: i64,
    pub address: Option<String>,
    pub hardware: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
}

impl From<Pending> for PendingBody {
    fn from(row: Pending) -> PendingBody {
        let Pending { device_uuid, attempts, address, hardware, first_seen_at, last_seen_at } = row;
        PendingBody { uuid: device_uuid, attempts, address, hardware, first_seen_at, last_seen_at }
    }
}

/// Whether a whole report came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reported {
    pub reported: bool,
}

pub async fn list(State(admin): State<Admin>) -> Answer<Vec<StationBody>> {
    if let Some(live) = &admin.parts.live {
        return ok(live.stations.availability().all().map(|view| of_view(&view)).collect());
    }
    let rows = admin.store().stations().await;
    let rows = rows.map_err(|error| Refusal::of(error, "station"))?;
    ok(rows.iter().map(of_row).collect())
}

/// The last to call first.
pub async fn pending(State(admin): State<Admin>) -> Answer<Vec<PendingBody>> {
    let rows = admin.store().pending(ROWS_MAX).await;
    let rows = rows.map_err(|error| Refusal::of(error, "pending cabinet"))?;
    ok(rows.into_iter().map(PendingBody::from).collect())
}

pub async fn show(State(admin): State<Admin>, Path(name): Path<String>) -> Answer<StationBody> {
    ok(body(&admin, &find(&admin, &name).await?).await)
}

pub async fn enrol(
    State(admin): State<Admin>,
    operator: Operator,
    Json(wanted): Json<Enrol>,
) -> Answer<StationBody> {
    let station = checked(&wanted)?;
    let (uuid, serial) = (station.uuid.clone(), station.serial.clone());
    let audit = operator.did("station.enrol", &serial, json!(wanted));
    let enrolled = admin.store().enrol(station, audit).await;
    let row = enrolled.map_err(|error| taken(error, &uuid, &serial))?;
    if let Some(live) = &admin.parts.live {
        let admitted = (live.admit)(row.clone()).await;
        admitted.map_err(|why| {
            let text = format!("{serial} is enrolled, but not in service before a restart: {why}");
            Refusal::new(Code::Unavailable, text)
        })?;
    }
    ok(body(&admin, &row).await)
}

pub async fn check(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
) -> Answer<Reported> {
    let live = admin.live()?;
    let row = find(&admin, &name).await?;
    let audit = operator.did("station.check", &row.info.serial, json!({}));
    let noted = admin.store().record(audit).await;
    noted.map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))?;
    match live.stations.check(row.info.id).await {
        Some(reported) => ok(Reported { reported }),
        None => Err(silent(&name)),
    }
}

pub async fn eject(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(wanted): Json<SlotNumber>,
) -> Answer<Ejected> {
    let live = admin.live()?;
    let row = find(&admin, &name).await?;
    let key = SlotKey::from(wanted);
    match live.stations.eject(row.info.id, key, operator.to_string()).await {
        Some(Ok(bank)) => ok(Ejected { bank }),
        Some(Err(why)) => {
            let text = format!("slot {key} of {name}: {why}; see station show {name}");
            Err(Refusal::new(Code::Refused, text))
        }
        None => Err(silent(&name)),
    }
}

pub async fn maintain(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(wanted): Json<Maintain>,
) -> Answer<StationBody> {
    let live = admin.live()?;
    let row = find(&admin, &name).await?;
    let (id, on, actor) = (row.info.id, wanted.on, operator.to_string());
    let done = match wanted.slot.map(SlotKey::from) {
        None => live.stations.maintain(id, on, actor).await,
        Some(key) if row.slots.iter().all(|slot| slot.key != key) => {
            let text = format!("{name} has no slot {key}; see station show {name}");
            return Err(Refusal::new(Code::Refused, text));
        }
        Some(key) => live.stations.maintain_slot(id, key, on, actor).await,
    };
    match done {
        Some(true) => ok(body(&admin, &row).await),
        Some(false) => Err(busy(&name)),
        None => Err(silent(&name)),
    }
}

/// By serial, or by what the cabinet calls itself.
pub(super) async fn find(admin: &Admin, name: &str) -> Result<StationRow, Refusal> {
    let row = admin.store().find_station(name).await;
    row.map_err(|error| Refusal::of(error, &format!("station {name}; see station list")))
}

/// Somebody else writes the station's row at this moment.
pub(super) fn busy(name: &str) -> Refusal {
    let text = format!("{name} is being changed at this moment; try again");
    Refusal::new(Code::Unavailable, text)
}

fn silent(name: &str) -> Refusal {
    Refusal::new(Code::Unavailable, format!("{name} does not answer at this moment; try again"))
}

fn taken(error: store::Error, uuid: &DeviceUuid, serial: &Serial) -> Refusal {
    let refused = |text: String| Refusal::new(Code::Refused, text);
    if error == store::Error::Conflict(Conflict::DeviceUsed) {
        return refused(format!("the cabinet {uuid} is enrolled already; see station show {uuid}"));
    }
    if error == store::Error::Conflict(Conflict::SerialUsed) {
        let text = format!("the serial {serial} is another station's; see station show {serial}");
        return refused(text);
    }
    Refusal::of(error, "station")
}

pub(super) fn a_name(text: &str) -> Result<&str, Refusal> {
    let name = text.trim();
    if (1..=NAME_MAX).contains(&name.chars().count()) {
        return Ok(name);
    }
    Err(Refusal::new(Code::Invalid, format!("a name has 1 to {NAME_MAX} characters")))
}

pub(super) fn a_place(lat: f64, lng: f64) -> Result<(), Refusal> {
    let inside = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng);
    if inside && (lat != 0.0 || lng != 0.0) {
        return Ok(());
    }
    let text = format!("{lat}, {lng} is no place; Thamel is 27.7154, 85.3123");
    Err(Refusal::new(Code::Invalid, text))
}

fn checked(wanted: &Enrol) -> Result<NewStation, Refusal> {
    let invalid = |text: String| Refusal::new(Code::Invalid, text);
    let uuid = DeviceUuid::parse(&wanted.uuid)
        .map_err(|error| invalid(format!("{:?}: {error}", wanted.uuid)))?;
    let serial = Serial::parse(&wanted.serial)
        .map_err(|error| invalid(format!("{:?}: {error}", wanted.serial)))?;
    let name = a_name(&wanted.name)?;
    a_place(wanted.lat, wanted.lng)?;
    if !(1..=SLOTS_MAX).contains(&wanted.slots) {
        return Err(invalid(format!("a cabinet has 1 to {SLOTS_MAX} slots")));
    }
    let about = Particulars::new(name, wanted.lat, wanted.lng);
    let about = Particulars { address: wanted.address.trim().to_owned(), ..about };
    Ok(NewStation { uuid, serial, slots: wanted.slots, about })
}

/// As the node sees it, else as the rows have it.
pub(super) async fn body(admin: &Admin, row: &StationRow) -> StationBody {
    let Some(live) = &admin.parts.live else {
        return StationBody { content: row.slots.iter().map(of_slot_row).collect(), ..of_row(row) };
    };
    described(live, row).await.unwrap_or_else(|| of_row(row))
}

async fn described(live: &Live, row: &StationRow) -> Option<StationBody> {
    let described = live.stations.describe(row.info.id).await?;
    let view = &described.view;
    let slot = |slot: &crate::actors::availability::SlotView| SlotBody {
        io: slot.key.io,
        slot: slot.key.slot,
        state: slot.standing,
        bank: slot.sn.clone(),
        level: slot.level,
        rentable: slot.rentable,
    };
    Some(StationBody {
        layout_confirmed: described.confirmed,
        maintenance: described.maintenance,
        reachable: Some(described.reachable),
        heard_at: described.heard_at,
        whole_at: described.whole_at,
        ejecting: described.ejecting,
        content: view.slots.iter().map(slot).collect(),
        ..of_view(view)
    })
}

fn of_view(view: &StationView) -> StationBody {
    StationBody {
        slots: view.slots.len(),
        layout_confirmed: !view.stale,
        maintenance: view.maintenance,
        status: view.app_status().to_owned(),
        stale: Some(view.stale),
        free_slots: Some(view.free_slots),
        banks: Some(view.banks),
        ..of_info(&view.info)
    }
}

fn of_row(row: &StationRow) -> StationBody {
    StationBody {
        slots: row.slots.len(),
        layout_confirmed: row.layout_confirmed,
        maintenance: row.is_maintenance,
        heard_at: row.heard_at,
        whole_at: row.whole_at,
        ..of_info(&row.info)
    }
}

/// What an operator said of it, and nothing of how it stands.
fn of_info(info: &StationInfo) -> StationBody {
    StationBody {
        id: info.id,
        uuid: info.uuid.clone(),
        serial: info.serial.clone(),
        name: info.about.name.clone(),
        lat: info.about.latitude,
        lng: info.about.longitude,
        address: info.about.address.clone(),
        slots: 0,
        layout_confirmed: false,
        maintenance: false,
        status: "UNKNOWN".to_owned(),
        reachable: None,
        stale: None,
        free_slots: None,
        banks: None,
        heard_at: None,
        whole_at: None,
        ejecting: None,
        content: Vec::new(),
    }
}

fn of_slot_row(row: &SlotRow) -> SlotBody {
    let reading = row.reading.as_ref();
    SlotBody {
        io: row.key.io,
        slot: row.key.slot,
        state: if row.maintenance { Standing::Maintenance } else { Standing::Stale },
        bank: reading.and_then(|reading| reading.sn.clone()),
        level: reading.and_then(|reading| reading.level),
        rentable: false,
    }
}

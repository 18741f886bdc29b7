//! Changes to a station that is in service: what is said of it, its password, and its end. The
//! row is written first; then the cabinet's actor, riders and the broker learn of it.

use axum::Json;
use axum::extract::{Path, State};
use domain::ids::{DeviceUuid, Serial, Sn};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Code, Refusal, ok};
use super::stations::{StationBody, a_name, a_place, body, busy, find};
use super::{Admin, Live, Operator};
use crate::clients::broker_admin;
use crate::store;
use crate::store::fact::Conflict;
use crate::store::load::StationRow;
use crate::store::stations::Particulars;

/// A station's actor may write its row at the same moment; then it is read and tried again.
const TRIES: usize = 5;

/// What is to be said of a station from now on; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Set {
    pub name: Option<String>,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub address: Option<String>,
    /// Frames of it are read although their checksum is wrong.
    pub lenient: Option<bool>,
    /// HTTP calls with a wrong signature are refused.
    pub strict_sign: Option<bool>,
    /// What the cabinet is told when it asks for its settings.
    pub area_code: Option<u16>,
}

impl Set {
    fn is_empty(&self) -> bool {
        let place = self.lat.is_none() && self.lng.is_none() && self.address.is_none();
        let wire = self.lenient.is_none() && self.strict_sign.is_none() && self.area_code.is_none();
        self.name.is_none() && place && wire
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rotated {
    pub serial: Serial,
    pub uuid: DeviceUuid,
    /// The number of its password.
    pub generation: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Remove {
    #[serde(default)]
    pub force: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removed {
    pub serial: Serial,
    pub uuid: DeviceUuid,
    /// Banks that were in it; they are missing now.
    pub banks: Vec<Sn>,
}

pub async fn set(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(wanted): Json<Set>,
) -> Answer<StationBody> {
    for _ in 0..TRIES {
        let row = find(&admin, &name).await?;
        let about = described(&row, &wanted)?;
        let audit = operator.did("station.set", &row.info.serial, json!(wanted));
        let written = admin.store().describe_station(row.info.id, row.version, about, audit).await;
        if let Some(row) = unless_stale(written, &name)? {
            if let Some(live) = &admin.parts.live {
                live.stations.described(row.clone());
            }
            return ok(body(&admin, &row).await);
        }
    }
    Err(busy(&name))
}

/// Another password: the cabinet gets it at its next connect call, which the end of its session
/// makes it do.
pub async fn rotate(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
) -> Answer<Rotated> {
    for _ in 0..TRIES {
        let row = find(&admin, &name).await?;
        let audit = operator.did("station.rotate", &row.info.serial, json!({}));
        let written = admin.store().rotate_credentials(row.info.id, row.version, audit).await;
        if let Some(row) = unless_stale(written, &name)? {
            return rotated(&admin, row, &name).await;
        }
    }
    Err(busy(&name))
}

async fn rotated(admin: &Admin, row: StationRow, name: &str) -> Answer<Rotated> {
    if let Some(live) = &admin.parts.live {
        live.stations.described(row.clone());
        lock_out(live, &row).await.map_err(|error| {
            let text = format!(
                "{name} has another password, but the broker was not told: {error}; run station \
                 rotate {name} again when it is back"
            );
            Refusal::new(Code::Unavailable, text)
        })?;
    }
    let info = row.info;
    ok(Rotated { serial: info.serial, uuid: info.uuid, generation: info.credential_generation })
}

/// Whoever is in with the old password is out, and only the new one is good.
async fn lock_out(live: &Live, row: &StationRow) -> Result<(), broker_admin::Error> {
    let info = &row.info;
    let password = live.credentials.password(&info.uuid, info.credential_generation);
    live.broker.remove(&info.uuid).await?;
    live.broker.put(&info.uuid, &password).await
}

pub async fn remove(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(wanted): Json<Remove>,
) -> Answer<Removed> {
    for _ in 0..TRIES {
        let row = find(&admin, &name).await?;
        let (id, version) = (row.info.id, row.version);
        let audit = operator.did("station.remove", &row.info.serial, json!(wanted));
        let removed = admin.store().remove_station(id, version, wanted.force, audit).await;
        if let Some(banks) = unless_stale(removed, &name)? {
            return removed_with(&admin, row, banks).await;
        }
    }
    Err(busy(&name))
}

async fn removed_with(admin: &Admin, row: StationRow, banks: Vec<Sn>) -> Answer<Removed> {
    let (serial, uuid) = (row.info.serial, row.info.uuid);
    if let Some(live) = &admin.parts.live {
        live.stations.removed(row.info.id);
        live.context.reread_banks(&banks).await;
        live.broker.remove(&uuid).await.map_err(|error| {
            let text = format!(
                "{serial} is removed, but the broker still lets its cabinet in: {error}; it is \
                 told at the next start"
            );
            Refusal::new(Code::Unavailable, text)
        })?;
    }
    ok(Removed { serial, uuid, banks })
}

/// Nothing where somebody else has changed the row since it was read.
fn unless_stale<T>(done: Result<T, store::Error>, name: &str) -> Result<Option<T>, Refusal> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(store::Error::Stale) => Ok(None),
        Err(error) => Err(refused(error, name)),
    }
}

fn refused(error: store::Error, name: &str) -> Refusal {
    let text = if error == store::Error::Conflict(Conflict::StationInUse) {
        format!(
            "banks are in {name} by the books, or a rental that began there is open; empty it, \
             or say --force: its banks are missing then"
        )
    } else if error == store::Error::Conflict(Conflict::StationEjecting) {
        format!(
            "an eject of {name} has no end yet; wait for it, or settle its rental: rental settle"
        )
    } else {
        return Refusal::of(error, &format!("station {name}"));
    };
    Refusal::new(Code::Refused, text)
}

fn described(row: &StationRow, wanted: &Set) -> Result<Particulars, Refusal> {
    let mut about = row.info.about.clone();
    let Set { name, lat, lng, address, lenient, strict_sign, area_code } = wanted;
    if wanted.is_empty() {
        let text = "say what is to change: --name, --lat with --lng, --address, --lenient, \
                    --strict-sign or --area-code";
        return Err(Refusal::new(Code::Invalid, text));
    }
    if let Some(name) = name {
        a_name(name)?.clone_into(&mut about.name);
    }
    about.latitude = lat.unwrap_or(about.latitude);
    about.longitude = lng.unwrap_or(about.longitude);
    a_place(about.latitude, about.longitude)?;
    if let Some(address) = address {
        address.trim().clone_into(&mut about.address);
    }
    about.lenient = lenient.unwrap_or(about.lenient);
    about.strict_sign = strict_sign.unwrap_or(about.strict_sign);
    if let Some(code) = area_code {
        about.area_code = code.to_string();
    }
    Ok(about)
}

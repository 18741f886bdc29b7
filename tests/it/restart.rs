//! The service dies at the worst moments and is started again; and its database does.
//!
//! The processes are the built program, and their time is real.

use chargeghar::entropy::Entropy;

use crate::harness::database::Database;

pub mod again;
pub mod backlog;
#[cfg(feature = "failpoints")]
pub mod crash;
#[cfg(feature = "failpoints")]
mod errand;
mod instances;
pub mod killed;
#[cfg(feature = "failpoints")]
mod lost;
mod outage;
#[cfg(feature = "failpoints")]
mod payment;
#[cfg(feature = "failpoints")]
mod refund;
#[cfg(feature = "failpoints")]
pub mod unacked;
mod unread;
#[cfg(feature = "failpoints")]
mod withdrawal;

/// A cabinet of eight slots, known before the service starts.
pub async fn enrol(database: &Database, uuid: &str, serial: &str) {
    let id = Entropy::system().uuid();
    let station = format!(
        "insert into stations (id, device_uuid, serial, name, latitude, longitude, version,
            created_at, updated_at)
         values ('{id}', '{uuid}', '{serial}', '{serial}', 27.7, 85.3, 1, now(), now())"
    );
    database.run(&station).await;
    let slots = format!(
        "insert into slots (station_id, io, slot, version)
         select '{id}', 0, slot, 1 from generate_series(1, 8) slot"
    );
    database.run(&slots).await;
}

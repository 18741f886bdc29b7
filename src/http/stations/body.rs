//! What the app reads of a station, made from the read model: a row of a list, and the detail.

use chrono::NaiveTime;
use domain::ids::{SlotKey, StationId};
use domain::slot::Standing;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::actors::availability::{SlotView, StationView};

/// A station in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Station)]
pub struct StationBody<'a> {
    #[schema(value_type = uuid::Uuid)]
    id: StationId,
    /// What the code on the cabinet says, and what a rental's start names.
    serial_number: &'a str,
    station_name: &'a str,
    /// Degrees north, a decimal.
    #[schema(example = "27.7172")]
    latitude: String,
    /// Degrees east, a decimal.
    #[schema(example = "85.324")]
    longitude: String,
    address: &'a str,
    /// `ONLINE` or `OFFLINE`.
    #[schema(example = "ONLINE")]
    status: &'static str,
    total_slots: usize,
    /// Slots that are free for a return.
    available_slots: u16,
    /// Power banks that can be rented.
    available_power_banks: u16,
    /// Not heard since the service started: the counts are those of before.
    stale: bool,
    is_favorite: bool,
    /// Pictures of the station.
    #[schema(value_type = Vec<Object>)]
    media: [Value; 0],
    /// Hour of the day in Nepal; null if it is always open.
    #[schema(value_type = Option<String>, example = "08:00:00")]
    opening_time: Option<NaiveTime>,
    #[schema(value_type = Option<String>, example = "20:00:00")]
    closing_time: Option<NaiveTime>,
    /// Kilometres from the place that was asked for, two decimals; null without one. The last
    /// one, so that all before it can be kept as text.
    distance: Option<f64>,
}

/// The end of a row without a place.
const NOWHERE: &str = "null}";

impl<'a> StationBody<'a> {
    /// `metres` is how far it is from the place that was asked for.
    pub fn new(view: &'a StationView, metres: Option<f64>) -> StationBody<'a> {
        let info = &*view.info;
        StationBody {
            id: info.id,
            serial_number: info.serial.as_str(),
            station_name: &info.about.name,
            latitude: info.about.latitude.to_string(),
            longitude: info.about.longitude.to_string(),
            address: &info.about.address,
            status: view.app_status(),
            total_slots: view.slots.len(),
            available_slots: view.free_slots,
            available_power_banks: view.banks,
            stale: view.stale,
            is_favorite: false,
            media: [],
            opening_time: info.about.opening_time,
            closing_time: info.about.closing_time,
            distance: metres.map(kilometres),
        }
    }

    /// Writes the same as text. All but the distance is kept with the view.
    pub fn write(
        out: &mut Vec<u8>,
        view: &StationView,
        metres: Option<f64>,
    ) -> serde_json::Result<()> {
        let row = view.kept.row(|| {
            let mut row = serde_json::to_string(&StationBody::new(view, None))?;
            row.truncate(row.len() - NOWHERE.len());
            Ok::<_, serde_json::Error>(row)
        })?;
        out.extend_from_slice(row.as_bytes());
        serde_json::to_writer(&mut *out, &metres.map(kilometres))?;
        out.push(b'}');
        Ok(())
    }
}

/// Two decimals, as the app shows them.
#[expect(clippy::float_arithmetic, reason = "a distance, not money")]
fn kilometres(metres: f64) -> f64 {
    (metres / 10.0).round() / 100.0
}

/// One station with its slots.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StationDetail)]
pub struct DetailBody<'a> {
    #[serde(flatten)]
    station: StationBody<'a>,
    landmark: Option<&'a str>,
    description: Option<&'a str>,
    slots: Vec<SlotBody<'a>>,
    #[schema(value_type = Vec<Object>)]
    amenities: [Value; 0],
    #[schema(value_type = Object)]
    hardware_info: Map<String, Value>,
    is_maintenance: bool,
}

impl<'a> DetailBody<'a> {
    pub fn new(view: &'a StationView, metres: Option<f64>) -> DetailBody<'a> {
        DetailBody {
            landmark: view.info.about.landmark.as_deref(),
            description: view.info.about.description.as_deref(),
            slots: view.slots.iter().map(SlotBody::new).collect(),
            amenities: [],
            hardware_info: Map::new(),
            is_maintenance: view.maintenance,
            station: StationBody::new(view, metres),
        }
    }
}

/// One slot. Its number is unique only together with `io`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StationSlot)]
struct SlotBody<'a> {
    slot_number: u16,
    /// The serial port of the cabinet's board: 0 or 1.
    io: u8,
    /// `AVAILABLE` (free for a return), `OCCUPIED`, `MAINTENANCE` or `ERROR`.
    #[schema(example = "OCCUPIED")]
    status: &'static str,
    /// Percent, of the power bank in it.
    battery_level: Option<u8>,
    powerbank: Option<PowerBankBody<'a>>,
    /// Whose rental it is, is nobody else's business: always null.
    #[schema(value_type = Option<Object>)]
    current_rental: Option<Value>,
}

impl<'a> SlotBody<'a> {
    fn new(slot: &'a SlotView) -> SlotBody<'a> {
        let SlotKey { io, slot: slot_number } = slot.key;
        SlotBody {
            slot_number,
            io,
            status: slot.standing.app_status(),
            battery_level: slot.level,
            powerbank: PowerBankBody::of(slot),
            current_rental: None,
        }
    }
}

/// The power bank in a slot.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StationPowerBank)]
struct PowerBankBody<'a> {
    /// The serial that is printed on it.
    serial_number: &'a str,
    /// Percent.
    battery_level: Option<u8>,
    /// `AVAILABLE`, `RENTED` while it is set aside for a rental, or `MAINTENANCE`.
    #[schema(example = "AVAILABLE")]
    status: &'static str,
    /// It can be rented at this moment: free, sound and charged.
    is_rentable: bool,
}

impl<'a> PowerBankBody<'a> {
    fn of(slot: &'a SlotView) -> Option<PowerBankBody<'a>> {
        let serial_number = slot.sn.as_ref()?.as_str();
        let status = match slot.standing {
            Standing::Occupied => "AVAILABLE",
            Standing::Held | Standing::Ejecting | Standing::Verify => "RENTED",
            Standing::Empty | Standing::Faulted | Standing::Maintenance | Standing::Stale => {
                "MAINTENANCE"
            }
        };
        let is_rentable = slot.rentable;
        Some(PowerBankBody { serial_number, battery_level: slot.level, status, is_rentable })
    }
}

//! A rental as the app reads it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{RentalId, SlotKey, Sn, StationId};
use domain::money::Money;
use domain::rental::{CancelReason, PaymentStatus, Phase, Rental, Status};
use domain::returns::Source;
use domain::tariff::LateCharge;
use serde::Serialize;
use utoipa::ToSchema;

use super::steps::{Step, steps};
use crate::actors::availability::Info;
use crate::store::views::rentals::{RentalView, StationName};

/// Everything about one rental.
#[expect(clippy::struct_excessive_bools, reason = "the fields that the app reads")]
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RentalBody {
    id: RentalId,
    rental_code: String,
    status: Status,
    payment_status: PaymentStatus,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
    /// What was paid and not given back, the held price included.
    amount_paid: Money,
    overdue_amount: Money,
    formatted_amount_paid: String,
    formatted_overdue_amount: String,
    /// The late fee up to now; fixed once the bank is back.
    current_overdue_amount: Money,
    /// What it all comes to if the bank came back now.
    estimated_total_cost: Money,
    minutes_overdue: i64,
    formatted_current_overdue: String,
    formatted_estimated_total: String,
    station_name: Option<String>,
    station_serial: Option<String>,
    station_location: Option<LocationBody>,
    return_station_name: Option<String>,
    return_station_serial: Option<String>,
    return_station_location: Option<LocationBody>,
    slot_number: u16,
    io: u8,
    package_name: String,
    power_bank_serial: Sn,
    duration_used: String,
    time_remaining: Option<String>,
    is_overdue: bool,
    is_returned_on_time: bool,
    timely_return_bonus_awarded: bool,
    /// The rider wants it cancelled; the outcome of the eject decides.
    cancel_requested: bool,
    /// Why it was cancelled.
    cancellation_reason: Option<&'static str>,
    /// What is still to be paid.
    amount_due: Money,
    /// How the amount comes about, step by step.
    price_steps: Vec<Step>,
    /// When the bank must have come back.
    return_interval: Option<IntervalBody>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct LocationBody {
    latitude: f64,
    longitude: f64,
    address: String,
}

/// Billed is to the beginning: no minute that cannot be shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct IntervalBody {
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
    #[schema(value_type = String)]
    source: Source,
}

impl From<&Info> for StationName {
    fn from(info: &Info) -> StationName {
        StationName {
            id: info.id,
            serial: info.serial.to_string(),
            name: info.about.name.clone(),
            latitude: info.about.latitude,
            longitude: info.about.longitude,
            address: info.about.address.clone(),
        }
    }
}

impl From<StationName> for LocationBody {
    fn from(station: StationName) -> LocationBody {
        let StationName { latitude, longitude, address, .. } = station;
        LocationBody { latitude, longitude, address }
    }
}

impl RentalBody {
    pub fn new(view: &RentalView, now: DateTime<Utc>) -> RentalBody {
        let of = |id: StationId| {
            let known = [Some(&view.station), view.returned_to.as_ref()].into_iter().flatten();
            known.into_iter().find(|station| station.id == id).cloned()
        };
        RentalBody::of(&view.rental, of, now)
    }

    pub fn of(
        rental: &Rental,
        name: impl Fn(StationId) -> Option<StationName>,
        now: DateTime<Utc>,
    ) -> RentalBody {
        let late = rental.late_charge(now);
        let (paid, total) = (rental.paid.plus(rental.held), total(rental, &late));
        let back = returned_to(rental).and_then(&name);
        let from = name(rental.station);
        let SlotKey { io, slot } = rental.key;
        RentalBody {
            id: rental.id,
            rental_code: rental.code.clone(),
            status: rental.status(),
            payment_status: rental.payment_status(),
            created_at: rental.created_at,
            started_at: rental.since(),
            ended_at: ended_at(rental),
            due_at: rental.due_at(),
            amount_paid: paid,
            overdue_amount: late.amount,
            formatted_amount_paid: formatted(paid),
            formatted_overdue_amount: formatted(late.amount),
            current_overdue_amount: late.amount,
            estimated_total_cost: total,
            minutes_overdue: late.minutes_late,
            formatted_current_overdue: formatted(late.amount),
            formatted_estimated_total: formatted(total),
            station_name: from.as_ref().map(|station| station.name.clone()),
            station_serial: from.as_ref().map(|station| station.serial.clone()),
            station_location: from.map(LocationBody::from),
            return_station_name: back.as_ref().map(|station| station.name.clone()),
            return_station_serial: back.as_ref().map(|station| station.serial.clone()),
            return_station_location: back.map(LocationBody::from),
            slot_number: slot,
            io,
            package_name: rental.package.name.clone(),
            power_bank_serial: rental.bank.clone(),
            duration_used: duration_used(rental, now),
            time_remaining: time_remaining(rental, now),
            is_overdue: late.minutes_late > 0,
            is_returned_on_time: is_over(rental) && late.minutes_late == 0,
            timely_return_bonus_awarded: false,
            cancel_requested: rental.cancel_requested,
            cancellation_reason: reason(rental).map(CancelReason::as_str),
            amount_due: rental.owed,
            price_steps: steps(rental, &late),
            return_interval: interval(rental),
        }
    }
}

/// The package and the late fee; nothing for what was cancelled.
fn total(rental: &Rental, late: &LateCharge) -> Money {
    match rental.phase {
        Phase::Cancelled { .. } => Money::ZERO,
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Completed { .. } => rental.package.price.plus(late.amount),
    }
}

fn returned_to(rental: &Rental) -> Option<StationId> {
    match &rental.phase {
        Phase::Completed { ended, .. } => Some(ended.station),
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Cancelled { .. } => None,
    }
}

fn ended_at(rental: &Rental) -> Option<DateTime<Utc>> {
    match &rental.phase {
        Phase::Completed { ended, .. } => Some(ended.at),
        Phase::Cancelled { at, .. } => Some(*at),
        Phase::Dispensing | Phase::Active { .. } | Phase::Overdue { .. } => None,
    }
}

fn is_over(rental: &Rental) -> bool {
    matches!(rental.phase, Phase::Completed { .. })
}

fn reason(rental: &Rental) -> Option<CancelReason> {
    match rental.phase {
        Phase::Cancelled { reason, .. } => Some(reason),
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Completed { .. } => None,
    }
}

fn interval(rental: &Rental) -> Option<IntervalBody> {
    match &rental.phase {
        Phase::Completed { ended, .. } => {
            Some(IntervalBody { earliest: ended.at, latest: ended.learnt_at, source: ended.source })
        }
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Cancelled { .. } => None,
    }
}

fn duration_used(rental: &Rental, now: DateTime<Utc>) -> String {
    let Some(since) = rental.since() else { return "Not started".to_owned() };
    spoken(ended_at(rental).unwrap_or(now) - since)
}

fn time_remaining(rental: &Rental, now: DateTime<Utc>) -> Option<String> {
    let due_at = match rental.phase {
        Phase::Dispensing | Phase::Active { .. } => rental.due_at(),
        Phase::Overdue { .. } | Phase::Completed { .. } | Phase::Cancelled { .. } => return None,
    };
    let left = due_at - now;
    let over = left <= TimeDelta::zero();
    Some(if over { "Overdue".to_owned() } else { format!("{} remaining", spoken(left)) })
}

fn spoken(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    if hours > 0 { format!("{hours}h {minutes}m") } else { format!("{minutes}m") }
}

/// `NPR 1,050.00`.
pub fn formatted(amount: Money) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("NPR {sign}{grouped}.{decimals}")
}

/// A rental in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryRow {
    id: RentalId,
    rental_code: String,
    status: Status,
    status_display: &'static str,
    payment_status: PaymentStatus,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
    station_name: String,
    return_station_name: Option<String>,
    package_name: String,
    power_bank_serial: Sn,
    amount_paid: Money,
    formatted_amount: String,
}

impl From<RentalView> for HistoryRow {
    fn from(view: RentalView) -> HistoryRow {
        let rental = view.rental;
        let paid = rental.paid.plus(rental.held);
        HistoryRow {
            id: rental.id,
            status: rental.status(),
            status_display: display(rental.status()),
            payment_status: rental.payment_status(),
            created_at: rental.created_at,
            started_at: rental.since(),
            ended_at: ended_at(&rental),
            due_at: rental.due_at(),
            station_name: view.station.name,
            return_station_name: view.returned_to.map(|station| station.name),
            amount_paid: paid,
            formatted_amount: formatted(paid),
            rental_code: rental.code,
            package_name: rental.package.name,
            power_bank_serial: rental.bank,
        }
    }
}

fn display(status: Status) -> &'static str {
    match status {
        Status::Pending => "Pending",
        Status::PendingPopup => "Pending Popup",
        Status::Active => "Active",
        Status::Overdue => "Overdue",
        Status::Completed => "Completed",
        Status::Cancelled => "Cancelled",
    }
}

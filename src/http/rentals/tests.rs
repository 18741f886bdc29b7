//! Rentals as the app reads them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::eject::NotOutReason;
use domain::ids::{CommandId, PackageId, RentalId, RiderId, SlotKey, StationId};
use domain::money::Money;
use domain::rental::{CancelReason, Ended, Phase, Rental};
use domain::returns::Source;
use domain::tariff::{LateCharge, LateFee, Package, PackageKind, PaymentModel};
use domain::tender::Spent;
use uuid::Uuid;

use super::body::{RentalBody, formatted};
use super::day::Day;
use crate::store::views::rentals::{RentalView, StationName};

#[test]
fn an_active_rental_shows_what_is_left() {
    let rental = rental(Phase::Active { since: noon(), due_at: noon() + TimeDelta::hours(1) });

    insta::assert_json_snapshot!(shown(&rental, noon() + TimeDelta::minutes(20)));
}

#[test]
fn a_late_return_shows_every_step_of_its_price() {
    let due_at = noon() + TimeDelta::hours(1);
    let at = due_at + TimeDelta::minutes(32);
    let late = LateFee::standard().charge(&package(), due_at, at);
    let ended = Ended {
        at,
        learnt_at: at + TimeDelta::minutes(3),
        station: StationId(Uuid::from_u128(2)),
        key: Some(SlotKey::new(0, 3)),
        source: Source::Report,
        level: Some(40),
        late,
    };
    let rental = Rental {
        paid: Money::rupees(80),
        owed: Money::rupees(20),
        ..rental(Phase::Completed { since: noon(), due_at, ended })
    };

    insta::assert_json_snapshot!(shown(&rental, noon() + TimeDelta::days(1)));
}

#[test]
fn a_cancelled_rental_costs_nothing() {
    let reason = CancelReason::NotOut(NotOutReason::StillReadable);
    let rental = Rental { paid: Money::ZERO, ..rental(Phase::Cancelled { at: noon(), reason }) };

    let shown = shown(&rental, noon());

    assert_eq!(shown["estimated_total_cost"], "0.00");
    assert_eq!(shown["cancellation_reason"], "popup_failed");
    assert_eq!(shown["payment_status"], "REFUNDED");
}

#[test]
fn amounts_are_written_with_commas() {
    assert_eq!(formatted(Money::parse("1050").unwrap()), "NPR 1,050.00");
    assert_eq!(formatted(Money::parse("-1234567.5").unwrap()), "NPR -1,234,567.50");
    assert_eq!(formatted(Money::rupees(50)), "NPR 50.00");
}

#[test]
fn a_day_in_a_query_counts_whole() {
    let day: Day = serde_json::from_str("\"2026-11-22\"").unwrap();
    let instant: Day = serde_json::from_str("\"2026-11-22T12:00:00+05:45\"").unwrap();

    assert_eq!(day.begin(), "2026-11-22T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!(day.end(), "2026-11-23T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!(instant.begin(), "2026-11-22T06:15:00Z".parse::<DateTime<Utc>>().unwrap());
    for wrong in ["\"\"", "\"yesterday\"", "\"2026-13-01\"", "\"+262142-12-31\""] {
        assert!(serde_json::from_str::<Day>(wrong).is_err(), "{wrong}");
    }
}

fn shown(rental: &Rental, now: DateTime<Utc>) -> serde_json::Value {
    let name = |id: StationId| {
        let number = id.0.as_u128();
        Some(StationName {
            id,
            serial: format!("CG-{number}"),
            name: format!("Station {number}"),
            latitude: 27.7,
            longitude: 85.3,
            address: "Kathmandu".to_owned(),
        })
    };
    serde_json::to_value(RentalBody::of(rental, name, now)).unwrap()
}

fn rental(phase: Phase) -> Rental {
    Rental {
        id: RentalId(Uuid::from_u128(9)),
        code: "AB12CD34".to_owned(),
        rider: RiderId(7),
        station: StationId(Uuid::from_u128(1)),
        key: SlotKey::new(0, 2),
        bank: "50000001".into(),
        package: package(),
        late_fee: LateFee::standard(),
        command: CommandId(Uuid::nil()),
        created_at: noon(),
        publish_before: noon(),
        start_level: Some(90),
        cancel_requested: false,
        unassigned: false,
        claims: vec![],
        held: Money::ZERO,
        paid: Money::rupees(50),
        owed: Money::ZERO,
        written_off: Money::ZERO,
        by_points: Spent::default(),
        phase,
    }
}

fn package() -> Package {
    Package {
        id: PackageId(Uuid::from_u128(3)),
        name: "1 hour".to_owned(),
        minutes: 60,
        price: Money::rupees(50),
        kind: PackageKind::Hourly,
        model: PaymentModel::Prepaid,
    }
}

fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A rental that is over, with its station.
pub(super) fn view() -> RentalView {
    let due_at = noon() + TimeDelta::hours(1);
    let ended = Ended {
        at: due_at,
        learnt_at: due_at + TimeDelta::minutes(3),
        station: StationId(Uuid::from_u128(1)),
        key: Some(SlotKey::new(0, 3)),
        source: Source::Report,
        level: Some(40),
        late: LateCharge::default(),
    };
    let station = StationName {
        id: StationId(Uuid::from_u128(1)),
        serial: "CG-1".to_owned(),
        name: "Thamel Chowk".to_owned(),
        latitude: 27.7,
        longitude: 85.3,
        address: "Kathmandu".to_owned(),
    };
    let rental = rental(Phase::Completed { since: noon(), due_at, ended });
    RentalView { rental, created_at: noon(), station: station.clone(), returned_to: Some(station) }
}

//! Late fees, on the seed's worked example.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{LateFee, LateFeeKind, Package, PackageKind, PaymentModel};
use crate::ids::PackageId;
use crate::money::Money;

#[test]
fn two_minutes_are_free_and_the_third_costs_twice_the_rate() {
    check_standard(0, "0.00");
    check_standard(2, "0.00");
    check_standard(3, "1.67");
    check_standard(32, "50.00");
}

#[test]
fn sixty_charged_minutes_reach_the_cap_of_a_day_and_stay_there() {
    check_standard(61, "98.33");
    check_standard(62, "100.00");
    check_standard(1442, "100.00");
    check_standard(1443, "200.00");
}

#[test]
fn a_bank_back_in_time_costs_nothing_more() {
    check_standard(-30, "0.00");
}

#[test]
fn a_started_minute_is_not_charged() {
    let due = DateTime::<Utc>::UNIX_EPOCH;
    let charge = LateFee::standard().charge(&hour(), due, due + TimeDelta::seconds(3 * 60 + 59));

    assert_eq!(charge.minutes_charged, 1);
}

#[test]
fn flat_and_compound_fees_add_up() {
    let flat = LateFee {
        kind: LateFeeKind::FlatRate,
        multiplier: Decimal::TWO,
        flat_per_hour: Money::rupees(50),
        grace_minutes: 30,
        max_per_day: Some(Money::rupees(300)),
    };
    check(&flat, 90, "50.00");
    check(&flat, 30 + 600, "300.00");
    check(&LateFee { kind: LateFeeKind::Compound, max_per_day: None, ..flat }, 90, "150.00");
}

fn check_standard(minutes: i64, expected: &str) {
    check(&LateFee::standard(), minutes, expected);
}

fn check(fee: &LateFee, minutes: i64, expected: &str) {
    let due = DateTime::<Utc>::UNIX_EPOCH;
    let charge = fee.charge(&hour(), due, due + TimeDelta::minutes(minutes));
    assert_eq!(charge.amount.to_string(), expected, "{minutes} minutes late");
}

fn hour() -> Package {
    Package {
        id: PackageId(Uuid::nil()),
        name: "1 hour".into(),
        minutes: 60,
        price: Money::rupees(50),
        kind: PackageKind::Hourly,
        model: PaymentModel::Prepaid,
    }
}

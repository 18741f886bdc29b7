//! Dates that three independent calendars agree on.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{BikramSambat, EPOCH, MONTHS, local_day};

#[test]
fn known_days_have_their_known_dates() {
    for (day, wanted, fiscal) in [
        ("2017-10-23", "2074.07.06", "74/75"),
        ("2024-07-30", "2081.04.15", "81/82"),
        ("2025-04-14", "2082.01.01", "81/82"),
        ("2025-07-17", "2082.04.01", "82/83"),
        ("2026-04-14", "2083.01.01", "82/83"),
        ("2026-07-16", "2083.03.32", "82/83"),
        ("2026-07-17", "2083.04.01", "83/84"),
        ("2026-11-22", "2083.08.06", "83/84"),
        ("2027-07-17", "2084.04.01", "84/85"),
    ] {
        let date = BikramSambat::of(day.parse().unwrap()).unwrap();
        assert_eq!(
            (date.to_string(), date.fiscal_year().to_string()),
            (wanted.into(), fiscal.into())
        );
    }
}

#[test]
fn every_day_of_the_table_has_a_date_that_follows_the_one_before() {
    let days: u64 = MONTHS.iter().flatten().map(|days| u64::from(*days)).sum();
    let date = |day| BikramSambat::of(EPOCH.unwrap().checked_add_days(Days::new(day)).unwrap());
    let dates: Vec<BikramSambat> = (0..days).map(|day| date(day).unwrap()).collect();
    assert!(dates.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(date(days), None);
    assert_eq!(BikramSambat::of(NaiveDate::from_ymd_opt(2017, 4, 13).unwrap()), None);
    assert!(
        MONTHS.iter().all(|year| matches!(year.iter().map(|d| u32::from(*d)).sum(), 364..=367))
    );
}

#[test]
fn the_day_begins_at_a_quarter_past_six_in_the_evening_of_greenwich() {
    let day = |text: &str| local_day(text.parse::<DateTime<Utc>>().unwrap()).to_string();
    assert_eq!(day("2026-11-21T18:14:59Z"), "2026-11-21");
    assert_eq!(day("2026-11-21T18:15:00Z"), "2026-11-22");
}

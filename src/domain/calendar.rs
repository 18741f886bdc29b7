//! Days as Nepal counts them: the local day of an instant, its date in Bikram Sambat, and the
//! fiscal year, which begins on 1 Shrawan.
//!
//! Months have 29 to 32 days by no formula. The table is the calendar as it is published; its
//! last years are projections until their calendar is out.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Nepal is 5:45 ahead of UTC, all year round.
pub const AHEAD: TimeDelta = TimeDelta::minutes(5 * 60 + 45);
/// The first year of the table.
const FIRST: u16 = 2074;
/// The day on which the table begins, 1 Baisakh of its first year.
const EPOCH: Option<NaiveDate> = NaiveDate::from_ymd_opt(2017, 4, 14);
/// Shrawan.
const FISCAL_MONTH: u8 = 4;

#[rustfmt::skip]
const MONTHS: [[u8; 12]; 26] = [
    [31, 31, 31, 32, 31, 31, 30, 29, 30, 29, 30, 30], // 2074
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2075
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 29, 30, 30], // 2076
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 30, 29, 31], // 2077
    [31, 31, 31, 32, 31, 31, 30, 29, 30, 29, 30, 30], // 2078
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2079
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 29, 30, 30], // 2080
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 30, 29, 31], // 2081
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2082
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2083
    [31, 31, 32, 31, 31, 30, 30, 30, 29, 30, 30, 30], // 2084
    [31, 32, 31, 32, 30, 31, 30, 30, 29, 30, 30, 30], // 2085
    [30, 32, 31, 32, 31, 30, 30, 30, 29, 30, 30, 30], // 2086
    [31, 31, 32, 31, 31, 31, 30, 30, 30, 30, 30, 30], // 2087
    [30, 31, 32, 32, 30, 31, 30, 30, 29, 30, 30, 30], // 2088
    [30, 32, 31, 32, 31, 30, 30, 30, 29, 30, 30, 30], // 2089
    [30, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2090
    [31, 31, 32, 32, 31, 30, 30, 29, 30, 29, 30, 30], // 2091
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 29, 30, 31], // 2092
    [31, 31, 31, 32, 31, 31, 29, 30, 30, 29, 29, 31], // 2093
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2094
    [31, 31, 32, 32, 31, 30, 30, 29, 30, 29, 30, 30], // 2095
    [31, 32, 31, 32, 31, 30, 30, 30, 29, 29, 30, 31], // 2096
    [31, 31, 31, 32, 31, 31, 29, 30, 30, 29, 30, 30], // 2097
    [31, 31, 32, 31, 31, 31, 30, 29, 30, 29, 30, 30], // 2098
    [31, 31, 32, 32, 31, 30, 30, 29, 30, 29, 30, 30], // 2099
];

/// The day on which an instant falls in Nepal.
pub fn local_day(at: DateTime<Utc>) -> NaiveDate {
    (at + AHEAD).date_naive()
}

/// The first instant of a day in Nepal.
pub fn began(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc() - AHEAD
}

/// The fiscal year of a day; beyond the table one that begins in the middle of July.
pub fn fiscal_year(day: NaiveDate) -> FiscalYear {
    let begun = u16::from((day.month(), day.day()) >= (7, 17));
    let near = u16::try_from(day.year() + 56).unwrap_or_default() + begun;
    BikramSambat::of(day).map_or(FiscalYear(near), BikramSambat::fiscal_year)
}

/// A date of Bikram Sambat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BikramSambat {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl BikramSambat {
    /// `None` outside of the table: from April 2017 to April 2043.
    pub fn of(day: NaiveDate) -> Option<BikramSambat> {
        let mut left = u64::try_from((day - EPOCH?).num_days()).ok()?;
        for (year, months) in (FIRST..).zip(&MONTHS) {
            for (month, days) in (1..).zip(months) {
                let days = u64::from(*days);
                if left < days {
                    let day = u8::try_from(left + 1).ok()?;
                    return Some(BikramSambat { year, month, day });
                }
                left -= days;
            }
        }
        None
    }

    pub fn fiscal_year(self) -> FiscalYear {
        FiscalYear(if self.month < FISCAL_MONTH { self.year - 1 } else { self.year })
    }
}

/// `2083.08.06`, as tax offices write it.
impl fmt::Display for BikramSambat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}.{:02}", self.year, self.month, self.day)
    }
}

/// By the year in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FiscalYear(pub u16);

/// `83/84`, as it stands in the number of a document.
impl fmt::Display for FiscalYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.0 % 100, (self.0 + 1) % 100)
    }
}

//! A day or an instant in a query.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    Whole(NaiveDate),
    Instant(DateTime<Utc>),
}

impl Day {
    pub fn begin(self) -> DateTime<Utc> {
        match self {
            Day::Whole(date) => date.and_time(NaiveTime::MIN).and_utc(),
            Day::Instant(at) => at,
        }
    }

    /// The first instant after it.
    pub fn end(self) -> DateTime<Utc> {
        match self {
            Day::Whole(_) => self.begin() + TimeDelta::days(1),
            Day::Instant(at) => at + TimeDelta::microseconds(1),
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = |date: NaiveDate| (1970..=9999).contains(&chrono::Datelike::year(&date));
        let day = text.parse().ok().filter(|date| known(*date)).map(Day::Whole);
        let instant = || DateTime::parse_from_rfc3339(&text).ok().map(|at| Day::Instant(at.into()));
        let wrong = || serde::de::Error::custom("must be a day such as 2026-11-30, or an instant");
        day.or_else(instant).ok_or_else(wrong)
    }
}

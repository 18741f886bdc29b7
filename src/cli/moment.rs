//! Times and durations as people read them: Nepal's time, and how long ago.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use crate::clock::Clock;

#[cfg(test)]
mod tests;

/// Nepal is 5:45 ahead of UTC all year round, in seconds.
const NEPAL: i32 = (5 * 60 + 45) * 60;

/// What distances are told from.
pub fn now() -> DateTime<Utc> {
    Clock::system().now()
}

/// `2025-11-22 15:40:07`, in Nepal's time.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.with_timezone(&nepal()).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2025-11-22 15:40:07 (3 min ago)`, `(in 2 h)`.
pub fn with_distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({})", stamp(at), distance(at, now))
}

/// `3 min ago`, `in 2 h`, `now`.
pub fn distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let ahead = at - now;
    match ahead.num_seconds() {
        -1..=1 => "now".to_owned(),
        seconds if seconds < 0 => format!("{} ago", rough(-ahead)),
        _ => format!("in {}", rough(ahead)),
    }
}

/// `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 10 min`.
pub fn span(duration: TimeDelta) -> String {
    let millis = duration.num_milliseconds().max(0);
    let seconds = millis / 1_000;
    match seconds {
        0..10 => format!("{seconds}.{:02} s", millis % 1_000 / 10),
        10..120 => format!("{seconds}.{} s", millis % 1_000 / 100),
        120..7_200 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// The largest unit that fits: `40 s`, `3 min`, `2 h`, `5 d`.
fn rough(duration: TimeDelta) -> String {
    match duration.num_seconds() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn nepal() -> FixedOffset {
    FixedOffset::east_opt(NEPAL).expect("an offset of less than a day")
}

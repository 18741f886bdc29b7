//! How often calls from one address failed in this minute. Calls that are in order are not
//! counted, however many there are.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

#[cfg(test)]
mod tests;

const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Addresses of one minute; beyond, all others count as one that failed too often.
const ADDRESSES_MAX: usize = 10_000;

#[derive(Debug)]
pub struct Faults {
    max: u32,
    minute: Mutex<Minute>,
}

#[derive(Debug, Default)]
struct Minute {
    until: Option<DateTime<Utc>>,
    counts: BTreeMap<IpAddr, u32>,
}

impl Faults {
    pub fn new(max: u32) -> Faults {
        Faults { max, minute: Mutex::default() }
    }

    pub fn count(&self, address: IpAddr, now: DateTime<Utc>) {
        let mut minute = self.minute.lock();
        minute.turn(now);
        if minute.counts.len() < ADDRESSES_MAX || minute.counts.contains_key(&address) {
            let count = minute.counts.entry(address).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether a failure from this address is still worth remembering.
    pub fn has_room(&self, address: IpAddr, now: DateTime<Utc>) -> bool {
        let mut minute = self.minute.lock();
        minute.turn(now);
        match minute.counts.get(&address) {
            Some(count) => *count < self.max,
            None => minute.counts.len() < ADDRESSES_MAX,
        }
    }
}

impl Minute {
    fn turn(&mut self, now: DateTime<Utc>) {
        if self.until.is_none_or(|until| now >= until) {
            self.until = Some(now + WINDOW);
            self.counts.clear();
        }
    }
}

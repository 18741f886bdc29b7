//! Short-lived data in this process: bounded, gone at a restart. What lives shortest goes first
//! when there is too much.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::{Bucket, Count, Ephemera, Error, Limit, Usage, Verdict, millis};
use crate::clock::Clock;

pub struct Memory {
    clock: Clock,
    keys_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    entries: BTreeMap<Arc<str>, Entry>,
    /// The same keys, the next to end first.
    ends: BTreeSet<(DateTime<Utc>, Arc<str>)>,
    evicted: u64,
}

struct Entry {
    value: String,
    ends: DateTime<Utc>,
}

impl Memory {
    /// Holds at most `keys_max` keys.
    pub fn new(clock: Clock, keys_max: usize) -> Memory {
        Memory { clock, keys_max: keys_max.max(1), held: Mutex::default() }
    }

    /// Runs `work` on what is still alive.
    fn with<T>(&self, work: impl FnOnce(&mut Held, DateTime<Utc>) -> T) -> T {
        let now = self.clock.now();
        let mut held = self.held.lock();
        held.forget_ended(now);
        let answer = work(&mut held, now);
        held.evict(self.keys_max);
        answer
    }
}

impl Held {
    fn forget_ended(&mut self, now: DateTime<Utc>) {
        while let Some((_, key)) = self.ends.first().filter(|(ends, _)| *ends <= now) {
            let key = Arc::clone(key);
            self.remove(&key);
        }
    }

    fn evict(&mut self, keys_max: usize) {
        while self.entries.len() > keys_max {
            let Some((_, key)) = self.ends.first() else { return };
            let key = Arc::clone(key);
            self.remove(&key);
            self.evicted += 1;
        }
    }

    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    fn put(&mut self, key: &str, value: String, ends: DateTime<Utc>) {
        self.remove(key);
        let key: Arc<str> = key.into();
        self.ends.insert((ends, Arc::clone(&key)));
        self.entries.insert(key, Entry { value, ends });
    }

    fn remove(&mut self, key: &str) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.ends.remove(&(entry.ends, key));
        Some(entry)
    }
}

#[async_trait]
impl Ephemera for Memory {
    async fn get(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.with(|held, _| held.get(key).map(|entry| entry.value.clone())))
    }

    async fn set(&self, key: &str, value: &str, life: Duration) -> Result<(), Error> {
        self.with(|held, now| held.put(key, value.to_owned(), after(now, millis(life))));
        Ok(())
    }

    async fn set_if_absent(&self, key: &str, value: &str, life: Duration) -> Result<bool, Error> {
        Ok(self.with(|held, now| {
            let is_absent = held.get(key).is_none();
            if is_absent {
                held.put(key, value.to_owned(), after(now, millis(life)));
            }
            is_absent
        }))
    }

    async fn take(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.with(|held, _| held.remove(key).map(|entry| entry.value)))
    }

    async fn count(&self, key: &str, window: Duration) -> Result<Count, Error> {
        Ok(self.with(|held, now| {
            let begun =
                held.get(key).and_then(|entry| Some((entry.value.parse().ok()?, entry.ends)));
            let (counted, ends): (u64, _) = begun.unwrap_or((0, after(now, millis(window))));
            let count = counted + 1;
            held.put(key, count.to_string(), ends);
            Count { count, resets_in: Duration::from_millis(left(now, ends)) }
        }))
    }

    async fn limit(&self, key: &str, limit: Limit) -> Result<Verdict, Error> {
        let bucket = Bucket::of(limit);
        Ok(self.with(|held, now| {
            let level = held.get(key).map_or(0, |entry| left(now, entry.ends));
            if !bucket.has_room(level) {
                return bucket.verdict(false, level);
            }
            held.put(key, "1".to_owned(), after(now, level + bucket.cost));
            bucket.verdict(true, level + bucket.cost)
        }))
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.with(|held, _| Usage { keys: held.entries.len(), evicted: held.evicted, failures: 0 })
    }
}

fn after(now: DateTime<Utc>, life_ms: u64) -> DateTime<Utc> {
    now + TimeDelta::milliseconds(i64::try_from(life_ms).unwrap_or(0))
}

/// Milliseconds until `ends`, begun ones included.
fn left(now: DateTime<Utc>, ends: DateTime<Utc>) -> u64 {
    let micros = (ends - now).num_microseconds().unwrap_or(i64::MAX);
    u64::try_from(micros).unwrap_or(0).div_ceil(1_000)
}

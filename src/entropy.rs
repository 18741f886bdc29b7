//! Chance: ids, codes, keys and jitter. The only source of randomness in the service.
//!
//! The system source is cryptographically secure. A seeded source gives the same sequence
//! every time and is for tests and simulations only.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use uuid::Uuid;

#[cfg(test)]
mod tests;

const DIGITS: &[u8] = b"0123456789";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RENTAL_CODE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const RENTAL_CODE_LENGTH: usize = 8;

/// A handle on one source of chance. Clones share it.
#[derive(Clone, Debug)]
pub struct Entropy {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Entropy {
    /// The generator of the machine.
    pub fn system() -> Entropy {
        Entropy { source: Source::System }
    }

    /// A sequence that `seed` determines. Never for keys or codes of real people.
    pub fn seeded(seed: u64) -> Entropy {
        let source = StdRng::seed_from_u64(seed);
        Entropy { source: Source::Seeded(Arc::new(Mutex::new(source))) }
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A UUID that sorts by time (version 7), with the microseconds in the bits after the
    /// milliseconds.
    pub fn uuid_at(&self, now: DateTime<Utc>) -> Uuid {
        let mut bytes: [u8; 10] = self.bytes();
        let fraction = u16::try_from(now.timestamp_subsec_micros() % 1_000).unwrap_or(0) * 4;
        bytes[..2].copy_from_slice(&fraction.to_be_bytes());
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|source| source.fill_bytes(&mut bytes));
        bytes
    }

    /// A code of `length` decimal digits, leading zeros allowed.
    pub fn digits(&self, length: usize) -> String {
        self.text(DIGITS, length)
    }

    /// `length` characters of `0-9A-Za-z`: 5.95 bits each.
    pub fn base62(&self, length: usize) -> String {
        self.text(BASE62, length)
    }

    /// The code riders read aloud: 8 characters of `A-Z0-9`.
    pub fn rental_code(&self) -> String {
        self.text(RENTAL_CODE, RENTAL_CODE_LENGTH)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: usize) -> usize {
        self.with(|source| source.random_range(0..bound.max(1)))
    }

    /// A duration anywhere in `range`; its start when the range is empty.
    pub fn jitter(&self, range: RangeInclusive<Duration>) -> Duration {
        if range.is_empty() {
            return *range.start();
        }
        self.with(|source| source.random_range(range))
    }

    /// How long to wait before attempt `attempt` (0 is the first repetition): anywhere from
    /// nothing to `base` doubled `attempt` times, at most `cap` (full jitter).
    pub fn backoff(&self, attempt: u32, base: Duration, cap: Duration) -> Duration {
        let ceiling = base.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(cap);
        self.jitter(Duration::ZERO..=ceiling)
    }

    fn text(&self, alphabet: &[u8], length: usize) -> String {
        self.with(|source| {
            let pick = |_| char::from(alphabet[source.random_range(0..alphabet.len())]);
            (0..length).map(pick).collect()
        })
    }

    #[expect(clippy::disallowed_methods, reason = "home of chance")]
    fn with<T>(&self, ask: impl FnOnce(&mut dyn RngCore) -> T) -> T {
        match &self.source {
            Source::System => ask(&mut rand::rng()),
            Source::Seeded(source) => ask(&mut *source.lock()),
        }
    }
}

//! Durations in a histogram of fixed size, and which of its percentiles may be told: one that
//! has too few samples beyond it is an accident, not a figure.

use std::time::Duration;

use hdrhistogram::Histogram;

#[cfg(test)]
mod tests;

/// Longest duration told apart; longer ones count as this.
const LONGEST_US: u64 = 600_000_000;
/// A percentile is told only with so many samples beyond it.
const BEYOND: u64 = 10;
/// Percentiles that are looked at, in hundredths of a percent.
pub const PERCENTILES: [u16; 6] = [5000, 9000, 9500, 9900, 9990, 9999];

/// Durations in microseconds, to three digits.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Latencies {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Latencies(histogram.expect("these bounds are possible"))
    }
}

impl Latencies {
    /// To two digits, for many small ones.
    pub fn coarse() -> Latencies {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 2);
        Latencies(histogram.expect("these bounds are possible"))
    }

    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(micros.clamp(1, LONGEST_US));
    }

    pub fn add(&mut self, other: &Latencies) {
        let _ = self.0.add(&other.0); // equal bounds always fit
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration that so many hundredths of a percent stay below; `None` with too few samples
    /// beyond.
    pub fn at(&self, percentile: u16) -> Option<Duration> {
        let beyond = self.0.len() * u64::from(10_000_u16.saturating_sub(percentile)) / 10_000;
        let quantile = f64::from(percentile) / 10_000.0;
        (beyond >= BEYOND).then(|| Duration::from_micros(self.0.value_at_quantile(quantile)))
    }

    /// The longest.
    pub fn max(&self) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }
}

/// `p50`, `p99.9`, `p99.99`.
pub fn name(percentile: u16) -> String {
    match (percentile / 100, percentile % 100) {
        (whole, 0) => format!("p{whole}"),
        (whole, part) if part.is_multiple_of(10) => format!("p{whole}.{}", part / 10),
        (whole, part) => format!("p{whole}.{part:02}"),
    }
}

//! What a scenario file may say, and every way in which it may not: who comes, when, what they
//! do, and what must hold. Reads text; runs nothing.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::gate::Gate;
use crate::plan::{Spread, Stretch};

#[cfg(test)]
mod tests;

/// Longest scenario, in seconds.
const SECONDS_MAX: u32 = 6 * 3600;
/// Most arrivals per second of one kind: more than this machine could plan for.
const RATE_MAX: f64 = 100_000.0;

/// A scenario that makes sense.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub about: String,
    pub seconds: u32,
    pub seed: u64,
    pub network: Network,
    pub arrivals: Vec<Arrivals>,
    pub gates: Vec<Gate>,
}

/// What is there before anybody comes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub stations: Spanned<u32>,
    /// In each station of 8 slots.
    pub banks: Spanned<u16>,
    pub riders: u32,
    /// Between heartbeats of one cabinet; none without it.
    pub heartbeat_s: Option<u32>,
    /// Between whole reports of one cabinet; none but the first without it.
    pub report_s: Option<u32>,
}

/// Riders of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    pub journey: Journey,
    pub stretches: Vec<Stretch>,
    pub spread: Spread,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Journey {
    /// List, map, one station.
    Browse,
    /// The same, then a rental, kept for so many seconds and returned at another station.
    Rent { keep_s: Range<u32> },
}

/// Where a scenario is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Wrong {
    pub line: usize,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    about: String,
    seconds: Spanned<u32>,
    #[serde(default)]
    seed: u64,
    network: Network,
    #[serde(default)]
    arrivals: Vec<Spanned<RawArrivals>>,
    #[serde(default)]
    fail: Vec<RawFail>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArrivals {
    journey: RawJourney,
    shape: Shape,
    per_s: Option<f64>,
    from_per_s: Option<f64>,
    to_per_s: Option<f64>,
    peak_per_s: Option<f64>,
    peak_at_s: Option<f64>,
    peak_for_s: Option<f64>,
    keep_s: Option<[u32; 2]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawJourney {
    Browse,
    Rent,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Constant,
    Poisson,
    Ramp,
    Spike,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFail {
    when: Spanned<String>,
}

impl Scenario {
    pub fn parse(text: &str) -> Result<Scenario, Wrong> {
        let document: Document = toml::from_str(text).map_err(|error| Wrong {
            line: error.span().map_or(1, |span| line(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        document.check(text)
    }

    /// Arrivals who rent: the others need neither an account nor a cabinet.
    pub fn rents(&self) -> bool {
        self.arrivals.iter().any(|arrivals| arrivals.journey != Journey::Browse)
    }
}

fn line(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

impl Document {
    fn check(self, text: &str) -> Result<Scenario, Wrong> {
        let wrong = |at: Range<usize>, reason: &str| Wrong {
            line: line(text, at.start),
            reason: reason.to_owned(),
        };
        let seconds = *self.seconds.get_ref();
        if !(1..=SECONDS_MAX).contains(&seconds) {
            return Err(wrong(self.seconds.span(), "seconds must be 1 to 21600"));
        }
        let Network { stations, banks, .. } = &self.network;
        if !(1..=20_000).contains(stations.get_ref()) {
            return Err(wrong(stations.span(), "stations must be 1 to 20000"));
        }
        if *banks.get_ref() > 8 {
            return Err(wrong(banks.span(), "a station has 8 slots"));
        }
        if self.arrivals.is_empty() {
            return Err(Wrong { line: 1, reason: "nobody comes: no [[arrivals]]".to_owned() });
        }
        let mut arrivals = Vec::new();
        for raw in &self.arrivals {
            let checked = raw.get_ref().check(seconds, &self.network);
            arrivals.push(checked.map_err(|reason| wrong(raw.span(), &reason))?);
        }
        let mut gates = Vec::new();
        for fail in &self.fail {
            let gate = fail.when.get_ref().parse();
            gates.push(gate.map_err(|reason: String| wrong(fail.when.span(), &reason))?);
        }
        let Document { about, seed, network, .. } = self;
        Ok(Scenario { about, seconds, seed, network, arrivals, gates })
    }
}

impl RawArrivals {
    fn check(&self, seconds: u32, network: &Network) -> Result<Arrivals, String> {
        let journey = self.journey(network)?;
        let stretches = self.stretches(f64::from(seconds))?;
        let even = |stretch: &Stretch| {
            let fine = |rate: f64| rate.is_finite() && (0.0..=RATE_MAX).contains(&rate);
            fine(stretch.from) && fine(stretch.to)
        };
        if !stretches.iter().all(even) {
            return Err(format!("rates are from 0 to {RATE_MAX}"));
        }
        let spread = match self.shape {
            Shape::Poisson => Spread::Poisson(0),
            Shape::Constant | Shape::Ramp | Shape::Spike => Spread::Even,
        };
        Ok(Arrivals { journey, stretches, spread })
    }

    fn journey(&self, network: &Network) -> Result<Journey, String> {
        match (self.journey, self.keep_s) {
            (RawJourney::Browse, None) => Ok(Journey::Browse),
            (RawJourney::Browse, Some(_)) => Err("keep_s belongs to rent".to_owned()),
            (RawJourney::Rent, keep) => {
                let [from, to] = keep.unwrap_or([5, 15]);
                if from > to {
                    return Err("keep_s is from the shortest to the longest".to_owned());
                }
                if network.riders == 0 || *network.banks.get_ref() == 0 {
                    return Err("to rent needs riders and banks".to_owned());
                }
                if *network.stations.get_ref() < 2 {
                    return Err("to return elsewhere needs two stations".to_owned());
                }
                Ok(Journey::Rent { keep_s: from..to + 1 })
            }
        }
    }

    /// The keys that the shape has, and no others.
    fn stretches(&self, seconds: f64) -> Result<Vec<Stretch>, String> {
        let keys = [
            self.per_s,
            self.from_per_s,
            self.to_per_s,
            self.peak_per_s,
            self.peak_at_s,
            self.peak_for_s,
        ];
        match (self.shape, keys) {
            (Shape::Constant | Shape::Poisson, [Some(rate), None, None, None, None, None]) => {
                Ok(vec![Stretch::even(seconds, rate)])
            }
            (Shape::Constant | Shape::Poisson, _) => Err("this shape has per_s, alone".to_owned()),
            (Shape::Ramp, [None, Some(from), Some(to), None, None, None]) => {
                Ok(vec![Stretch { seconds, from, to }])
            }
            (Shape::Ramp, _) => Err("a ramp has from_per_s and to_per_s, alone".to_owned()),
            (Shape::Spike, [Some(rate), None, None, Some(peak), Some(at), Some(length)]) => {
                let after = seconds - at - length;
                if at < 0.0 || length <= 0.0 || after < 0.0 {
                    return Err("the peak does not lie within the scenario".to_owned());
                }
                let parts = [(at, rate), (length, peak), (after, rate)];
                let parts = parts.into_iter().filter(|(length, _)| *length > 0.0);
                Ok(parts.map(|(length, rate)| Stretch::even(length, rate)).collect())
            }
            (Shape::Spike, _) => {
                Err("a spike has per_s, peak_per_s, peak_at_s and peak_for_s, alone".to_owned())
            }
        }
    }
}

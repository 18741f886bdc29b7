//! `[[arrivals]]` of a scenario: who comes and when, by a shape with keys of its own, or as a
//! trace says. Checks; plans nothing.

use std::time::Duration;

use serde::Deserialize;

use super::{Arrivals, Journey, Network, ReadFile};
use crate::plan::{Arrival, Spread, Stretch};

/// Most arrivals per second of one kind: more than this machine could send.
const RATE_MAX: f64 = 100_000.0;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArrivals {
    journey: RawJourney,
    shape: Shape,
    per_s: Option<f64>,
    from_per_s: Option<f64>,
    to_per_s: Option<f64>,
    peak_per_s: Option<f64>,
    peak_at_s: Option<f64>,
    peak_for_s: Option<f64>,
    file: Option<String>,
    keep_s: Option<[u32; 2]>,
    follow: Option<RawFollow>,
    follow_share: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawFollow {
    Poll,
    Sse,
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
    Trace,
}

impl RawArrivals {
    pub(super) fn check(
        &self,
        seconds: u32,
        network: &Network,
        file: &ReadFile<'_>,
    ) -> Result<Arrivals, String> {
        let journey = self.journey(network)?;
        let seconds = f64::from(seconds);
        if matches!(self.shape, Shape::Trace) {
            let times = Arrival::At(self.trace(seconds, file)?);
            return Ok(Arrivals { journey, times });
        }
        let stretches = self.stretches(seconds)?;
        let bounded = |rate: f64| rate.is_finite() && (0.0..=RATE_MAX).contains(&rate);
        if !stretches.iter().all(|stretch| bounded(stretch.from) && bounded(stretch.to)) {
            return Err(format!("rates are from 0 to {RATE_MAX}"));
        }
        let spread = match self.shape {
            Shape::Poisson => Spread::Poisson(0),
            Shape::Constant | Shape::Ramp | Shape::Spike | Shape::Trace => Spread::Even,
        };
        Ok(Arrivals { journey, times: Arrival::By(stretches, spread) })
    }

    /// Seconds from the begin, one on each line, as they happened somewhere.
    fn trace(&self, seconds: f64, file: &ReadFile<'_>) -> Result<Vec<Duration>, String> {
        let (Some(name), [None, None, None, None, None, None]) = (&self.file, self.keys()) else {
            return Err("a trace has file, alone".to_owned());
        };
        let mut instants = Vec::new();
        for (number, line) in (1..).zip(file(name)?.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = line.parse::<f64>().ok().filter(|at| (0.0..=seconds).contains(at));
            let at = at.ok_or_else(|| {
                format!("{name}, line {number}: {line} is no second of the scenario")
            })?;
            instants.push(Duration::from_secs_f64(at));
        }
        instants.sort_unstable();
        Ok(instants)
    }

    fn keys(&self) -> [Option<f64>; 6] {
        [
            self.per_s,
            self.from_per_s,
            self.to_per_s,
            self.peak_per_s,
            self.peak_at_s,
            self.peak_for_s,
        ]
    }

    fn journey(&self, network: &Network) -> Result<Journey, String> {
        let followed = self.followed()?;
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
                Ok(Journey::Rent { keep_s: from..to + 1, followed })
            }
        }
    }

    /// The share of riders who follow their rental over a stream.
    fn followed(&self) -> Result<f64, String> {
        if self.journey == RawJourney::Browse && self.follow.is_some() {
            return Err("follow belongs to rent".to_owned());
        }
        match (self.follow, self.follow_share) {
            (Some(RawFollow::Sse), None) => Ok(1.0),
            (Some(RawFollow::Sse), Some(share)) if share > 0.0 && share <= 1.0 => Ok(share),
            (Some(RawFollow::Sse), Some(_)) => {
                Err("follow_share is above 0 and at most 1".to_owned())
            }
            (Some(RawFollow::Poll) | None, None) => Ok(0.0),
            (Some(RawFollow::Poll) | None, Some(_)) => {
                Err("follow_share belongs to follow = \"sse\"".to_owned())
            }
        }
    }

    /// The keys that the shape has, and no others.
    fn stretches(&self, seconds: f64) -> Result<Vec<Stretch>, String> {
        if self.file.is_some() {
            return Err("file belongs to a trace".to_owned());
        }
        match (self.shape, self.keys()) {
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
            (Shape::Trace, _) => Ok(Vec::new()),
            (Shape::Spike, _) => {
                Err("a spike has per_s, peak_per_s, peak_at_s and peak_for_s, alone".to_owned())
            }
        }
    }
}

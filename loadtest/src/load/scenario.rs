//! What a scenario file may say, and every way in which it may not: who comes, when, what they
//! do, and what must hold. Reads text; runs nothing.

use std::ops::Range;
use std::time::Duration;

use anyhow::ensure;
use serde::Deserialize;
use toml::Spanned;

use super::gate::Gate;
use crate::plan::Arrival;
use arrivals::RawArrivals;
use cabinets::{Flaw, RawCabinets};
use faults::{RawFault, Timed};

mod arrivals;
pub mod cabinets;
pub mod faults;
#[cfg(test)]
mod tests;

/// Longest scenario, in seconds.
const SECONDS_MAX: u32 = 6 * 3600;
const STATIONS_MAX: u32 = 20_000;
/// Most arrivals of a scenario: they are planned before the first of them comes.
const ARRIVALS_MAX: u64 = 5_000_000;
/// Longest patience of riders, and theirs if nothing is said of it.
const PATIENCE_S_MAX: u32 = 90;
/// Most rentals: all of them are remembered to the end, and held against the books.
const RENTALS_MAX: u64 = 500_000;

/// A scenario that makes sense.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub about: String,
    pub seconds: u32,
    pub seed: u64,
    /// Longest wait of a rider for a rental to become active, or to end after the bank is back.
    pub patience: Duration,
    pub network: Network,
    pub arrivals: Vec<Arrivals>,
    /// What is wrong with cabinets, and when.
    pub flaws: Vec<Flaw>,
    /// What is done on purpose, in order.
    pub faults: Vec<Timed>,
    /// Whether the service has parts beside it that can be broken.
    pub is_faulty: bool,
    pub gates: Vec<Gate>,
}

/// A part of a run, in seconds from its begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub from_s: u32,
    /// Not included; the end of the run without it.
    pub to_s: Option<u32>,
}

impl Span {
    pub fn contains(self, second: u32) -> bool {
        second >= self.from_s && self.to_s.is_none_or(|to| second < to)
    }
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
    pub times: Arrival,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Journey {
    /// List, map, one station.
    Browse,
    /// The same, then a rental, kept for so many seconds and returned at another station. This
    /// share of them follows it over a stream, the others ask again and again.
    Rent { keep_s: Range<u32>, followed: f64 },
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
    patience_s: Option<Spanned<u32>>,
    network: Network,
    #[serde(default)]
    arrivals: Vec<Spanned<RawArrivals>>,
    #[serde(default)]
    cabinets: Vec<Spanned<RawCabinets>>,
    #[serde(default)]
    fault: Vec<Spanned<RawFault>>,
    #[serde(default)]
    fail: Vec<RawFail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFail {
    when: Spanned<String>,
}

impl Scenario {
    /// `file` reads a file that the scenario names, such as a trace.
    pub fn parse(text: &str, file: &ReadFile<'_>) -> Result<Scenario, Wrong> {
        let document: Document = toml::from_str(text).map_err(|error| Wrong {
            line: error.span().map_or(1, |span| line(text, span.start)),
            reason: error.message().to_owned(),
        })?;
        document.check(text, file)
    }

    /// The same with another number of stations.
    pub fn of_stations(&mut self, stations: u32) -> anyhow::Result<()> {
        ensure!((1..=STATIONS_MAX).contains(&stations), "stations must be 1 to {STATIONS_MAX}");
        let flawed = self.flaws.iter().map(|flaw| flaw.count).max().unwrap_or_default();
        ensure!(flawed <= stations, "{flawed} cabinets of this scenario are not as they should be");
        *self.network.stations.get_mut() = stations;
        Ok(())
    }

    /// Arrivals who rent: the others need neither an account nor a cabinet.
    pub fn rents(&self) -> bool {
        self.arrivals.iter().any(|arrivals| arrivals.journey != Journey::Browse)
    }
}

/// What is in a file, or why it cannot be read.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// So that the plan and what is remembered of it fit into memory.
fn bounded(arrivals: &[Arrivals]) -> Result<(), String> {
    let sum = |of: &dyn Fn(&&Arrivals) -> bool| -> u64 {
        arrivals.iter().filter(of).map(|kind| kind.times.about()).sum()
    };
    let (all, rents) = (sum(&|_| true), sum(&|kind| kind.journey != Journey::Browse));
    if all > ARRIVALS_MAX {
        return Err(format!("{all} arrivals so far: at most {ARRIVALS_MAX}"));
    }
    if rents > RENTALS_MAX {
        return Err(format!("{rents} rentals so far: at most {RENTALS_MAX}"));
    }
    Ok(())
}

fn line(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

impl Document {
    /// Or where it stands, if it makes no sense.
    fn patience(&self) -> Result<Duration, Range<usize>> {
        let Some(said) = &self.patience_s else {
            return Ok(Duration::from_secs(u64::from(PATIENCE_S_MAX)));
        };
        let is_sensible = (1..=PATIENCE_S_MAX).contains(said.get_ref());
        is_sensible
            .then(|| Duration::from_secs(u64::from(*said.get_ref())))
            .ok_or_else(|| said.span())
    }

    fn check(self, text: &str, file: &ReadFile<'_>) -> Result<Scenario, Wrong> {
        let wrong = |at: Range<usize>, reason: &str| Wrong {
            line: line(text, at.start),
            reason: reason.to_owned(),
        };
        let seconds = *self.seconds.get_ref();
        if !(1..=SECONDS_MAX).contains(&seconds) {
            return Err(wrong(self.seconds.span(), "seconds must be 1 to 21600"));
        }
        let patience = self.patience().map_err(|at| wrong(at, "patience_s must be 1 to 90"))?;
        let Network { stations, banks, .. } = &self.network;
        if !(1..=STATIONS_MAX).contains(stations.get_ref()) {
            return Err(wrong(stations.span(), "stations must be 1 to 20000"));
        }
        if *banks.get_ref() > 8 {
            return Err(wrong(banks.span(), "a station has 8 slots"));
        }
        if self.arrivals.is_empty() {
            return Err(Wrong { line: 1, reason: "nobody comes: no [[arrivals]]".to_owned() });
        }
        let mut arrivals: Vec<Arrivals> = Vec::new();
        for raw in &self.arrivals {
            let checked = raw.get_ref().check(seconds, &self.network, file);
            arrivals.push(checked.map_err(|reason| wrong(raw.span(), &reason))?);
            bounded(&arrivals).map_err(|reason| wrong(raw.span(), &reason))?;
        }
        let mut flaws = Vec::new();
        for raw in &self.cabinets {
            let checked = raw.get_ref().check(*stations.get_ref(), seconds);
            flaws.push(checked.map_err(|reason| wrong(raw.span(), &reason))?);
        }
        let mut faults = Vec::new();
        for raw in &self.fault {
            let checked = raw.get_ref().check(seconds);
            faults.push(checked.map_err(|reason| wrong(raw.span(), &reason))?);
        }
        faults.sort_by_key(|timed| timed.at);
        let mut gates = Vec::new();
        for fail in &self.fail {
            let gate = fail.when.get_ref().parse();
            gates.push(gate.map_err(|reason: String| wrong(fail.when.span(), &reason))?);
        }
        let Document { about, seed, network, .. } = self;
        let is_faulty = faults.iter().any(|timed: &Timed| !timed.fault.is_of_cabinets());
        Ok(Scenario {
            about,
            seconds,
            seed,
            patience,
            network,
            arrivals,
            flaws,
            faults,
            is_faulty,
            gates,
        })
    }
}

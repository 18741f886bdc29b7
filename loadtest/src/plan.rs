//! When requests are to be sent: an open loop, planned before the first of them, so that a slow
//! answer never delays the next question. Pure; chance comes from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[cfg(test)]
mod tests;

/// A piece of time over which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub seconds: f64,
    /// Arrivals per second at its begin and at its end.
    pub from: f64,
    pub to: f64,
}

impl Stretch {
    pub fn even(seconds: f64, rate: f64) -> Stretch {
        Stretch { seconds, from: rate, to: rate }
    }

    /// Arrivals in all of it.
    fn arrivals(&self) -> f64 {
        self.seconds * f64::midpoint(self.from, self.to)
    }

    /// After how many seconds so many have arrived.
    fn reached(&self, arrivals: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        if slope.abs() < 1e-9 {
            return arrivals / self.from;
        }
        // from·t + slope/2·t² = arrivals
        let root = (self.from * self.from + 2.0 * slope * arrivals).max(0.0).sqrt();
        (root - self.from) / slope
    }
}

/// How arrivals are spread over the same rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Evenly.
    Even,
    /// As independent riders come: exponential gaps, from this seed.
    Poisson(u64),
}

/// When one kind of riders comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    By(Vec<Stretch>, Spread),
    /// At these instants from the begin, in order.
    At(Vec<Duration>),
}

impl Arrival {
    /// How many there will be, more or less.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    pub fn about(&self) -> u64 {
        match self {
            Arrival::By(stretches, _) => {
                stretches.iter().map(Stretch::arrivals).sum::<f64>().ceil() as u64
            }
            Arrival::At(instants) => instants.len() as u64,
        }
    }

    /// Arrivals per second at its begin.
    pub fn rate(&self) -> f64 {
        match self {
            Arrival::By(stretches, _) => stretches.first().map_or(0.0, |stretch| stretch.from),
            Arrival::At(_) => 0.0,
        }
    }

    /// Chance is of this seed.
    pub fn instants(&self, seed: u64) -> Vec<Duration> {
        match self {
            Arrival::At(instants) => instants.clone(),
            Arrival::By(stretches, Spread::Even) => plan(stretches, Spread::Even),
            Arrival::By(stretches, Spread::Poisson(_)) => plan(stretches, Spread::Poisson(seed)),
        }
    }
}

/// The instants of all arrivals, from the begin, in order.
pub fn plan(stretches: &[Stretch], spread: Spread) -> Vec<Duration> {
    let mut chance = match spread {
        Spread::Even => None,
        Spread::Poisson(seed) => Some(StdRng::seed_from_u64(seed)),
    };
    let mut gap = |first: bool| match &mut chance {
        None if first => 0.5,
        None => 1.0,
        Some(chance) => -(1.0 - chance.random::<f64>()).ln(),
    };
    let mut instants = Vec::new();
    let (mut begin, mut passed) = (0.0, 0.0);
    let mut next = gap(true);
    for stretch in stretches {
        let within = stretch.arrivals();
        while next - passed < within {
            instants.push(Duration::from_secs_f64(begin + stretch.reached(next - passed)));
            next += gap(false);
        }
        begin += stretch.seconds;
        passed += within;
    }
    instants
}

//! Which faults a run has, in which order and how long apart: by chance, from a seed. The same
//! seed gives the same schedule.

use std::time::Duration;

use clap::Args;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::load::fault::Fault;

/// Longest rest between what is mended and the next fault.
const REST_MAX_MS: u64 = 1_500;
/// Longer than the lease, the patience of a start and the broker's with a silent session.
const PAUSE: Duration = Duration::from_secs(9);
const SECOND: Duration = Duration::from_secs(4);
const FULL: Duration = Duration::from_secs(8);
/// From the shortest cut to the longest, in milliseconds.
const CUT_MS: std::ops::Range<u64> = 500..6_000;

/// How many of each; what is not named is as in the short form, or the long one.
#[derive(Args, Clone, Copy, Debug)]
pub struct Counts {
    /// The long form: 200 kills, 20 cuts of the broker and of the database, and more of the rest
    #[arg(long)]
    long: bool,
    /// kill -9 of the service
    #[arg(long, value_name = "N")]
    kills: Option<usize>,
    /// Cuts between the service and its broker
    #[arg(long, value_name = "N")]
    broker_cuts: Option<usize>,
    /// Cuts between the service and its database
    #[arg(long, value_name = "N")]
    database_cuts: Option<usize>,
    /// Connections reset in the middle of a commit
    #[arg(long, value_name = "N")]
    resets: Option<usize>,
    /// Crashes of Postgres
    #[arg(long, value_name = "N")]
    database_crashes: Option<usize>,
    /// Full disks of Postgres; left out where the harness is not root
    #[arg(long, value_name = "N")]
    full_disks: Option<usize>,
    /// Brokers that die and come back knowing nothing
    #[arg(long, value_name = "N")]
    broker_losses: Option<usize>,
    /// Pauses of the service, longer than every patience with it
    #[arg(long, value_name = "N")]
    pauses: Option<usize>,
    /// Second instances, started by mistake
    #[arg(long, value_name = "N")]
    second_instances: Option<usize>,
}

/// One fault, and the rest before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub rest: Duration,
    pub fault: Fault,
}

impl Counts {
    /// All rounds, shuffled.
    pub fn rounds(&self, seed: u64) -> Vec<Round> {
        let mut chance = StdRng::seed_from_u64(seed);
        let count = |named: Option<usize>, short: usize, long: usize| {
            named.unwrap_or(if self.long { long } else { short })
        };
        let mut faults: Vec<Fault> = Vec::new();
        let mut add = |count: usize, one: &mut dyn FnMut() -> Fault| {
            faults.extend(std::iter::repeat_with(one).take(count));
        };
        let mut cut = || Duration::from_millis(chance.random_range(CUT_MS));
        add(count(self.kills, 5, 200), &mut || Fault::Kill);
        add(count(self.broker_cuts, 1, 20), &mut || Fault::CutBroker(cut()));
        add(count(self.database_cuts, 1, 20), &mut || Fault::CutDatabase(cut()));
        add(count(self.resets, 1, 20), &mut || Fault::ResetDatabase);
        add(count(self.database_crashes, 1, 10), &mut || Fault::DatabaseCrash);
        add(count(self.full_disks, 0, 3), &mut || Fault::DiskFull(FULL));
        add(count(self.broker_losses, 0, 10), &mut || Fault::BrokerRestart { keep: false });
        add(count(self.pauses, 1, 5), &mut || Fault::Pause(PAUSE));
        add(count(self.second_instances, 0, 3), &mut || Fault::SecondInstance(SECOND));
        faults.shuffle(&mut chance);
        let rest = |fault| {
            let rest = Duration::from_millis(chance.random_range(0..REST_MAX_MS));
            Round { rest, fault }
        };
        faults.into_iter().map(rest).collect()
    }
}

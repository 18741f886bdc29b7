//! `chaos`: a town under load whose service, database and broker are broken again and again, one
//! fault after the other at random instants. After each the books are asked while the town goes on;
//! now and then everybody goes home and everything is asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::fault::Log;
use super::invariants::during::Watch;
use super::invariants::{self, Finding, QUIET_MAX, Truth};
use super::journey::{Town, go};
use super::network::Network;
use super::result::{Done, Ending, Result as RunResult};
use super::sampler::Sampler;
use super::scenario::faults::Timed;
use super::scenario::{Journey, Scenario};
use super::{HOME_MAX, outcome, write};
use crate::machine::Facts;
use crate::progress::bar;
use crate::witness::Places;
use schedule::{Counts, Round};

mod schedule;
#[cfg(test)]
mod tests;

/// Rounds after which everybody goes home once.
const LEG: usize = 20;
/// A crash is found out within two seconds and doubt is settled within ten, so that many fit into
/// a run. A pause is longer than each of these.
const QUICK: [(&str, u32); 8] = [
    ("NODE__LEASE_EXPIRY_MS", 2_000),
    ("NODE__LEASE_RENEWAL_MS", 500),
    ("MQTT__RECONNECT_MAX_MS", 1_000),
    ("MQTT__KEEP_ALIVE_S", 5),
    ("DATABASE__IDLE_IN_TRANSACTION_S", 5),
    ("STATIONS__EJECT_REPLY_S", 3),
    ("STATIONS__VERIFY_GAP_S", 2),
    ("STATIONS__SIGHTINGS_APART_S", 1),
];

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    counts: Counts,
    /// The same seed gives the same faults, in the same order, as long apart
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the result, the page and the log go
    #[arg(long, value_name = "FOLDER", default_value = "target/chaos")]
    out: PathBuf,
    /// Prints the result as one JSON document
    #[arg(long)]
    json: bool,
}

/// Ends with an error when a promise was broken.
pub async fn run(program: &Path, arguments: Arguments) -> anyhow::Result<()> {
    let rounds = arguments.counts.rounds(arguments.seed);
    let result = whole(program, rounds, arguments.seed).await?;
    let folder = arguments.out;
    write(&folder, &result)?;
    let lines: Vec<String> = result.faults.iter().map(ToString::to_string).collect();
    std::fs::write(folder.join("faults.log"), lines.join("\n") + "\n")?;
    if arguments.json {
        println!("{}", serde_json::to_string(&result)?);
    } else {
        println!("{}\nreport: {}", result.text(), folder.join("report.html").display());
    }
    ensure!(result.is_good(), "a promise was broken");
    Ok(())
}

async fn whole(program: &Path, rounds: Vec<Round>, seed: u64) -> anyhow::Result<RunResult> {
    let facts = Facts::read();
    let mut scenario = Scenario::parse(include_str!("chaos/town.toml"), &|_| Ok(String::new()))?;
    scenario.seed = seed;
    scenario.is_faulty = true;
    scenario.faults = rounds
        .iter()
        .map(|round| Timed { at: Duration::ZERO, fault: round.fault.clone() })
        .collect();
    let mut network = Network::start(program, &scenario, &QUICK).await?;
    let town = Arc::clone(&network.town);
    let log = Log::new(town.begin);
    let http = network.parts.service().http;
    let sampler = Sampler::start(Arc::clone(&network.parts.pids), http, town.begin);
    let watch = Watch::start(network.books.clone(), town.begin);
    let mut found = Vec::new();
    let bar = bar("faults", rounds.len());
    for (leg, rounds) in (0..).zip(rounds.chunks(LEG)) {
        let seed = seed.wrapping_mul(1_009).wrapping_add(leg);
        let life = Life::start(&town, &scenario, seed);
        let done = breaking(&mut network, rounds, seed, &log, &mut found, &bar).await;
        life.end().await;
        done?;
        bar.set_message("everything is checked");
        add(&mut found, at_home(&network).await?);
    }
    bar.finish_and_clear();
    add(&mut found, watch.stop().await);
    add(&mut found, network.parts.findings());
    let watched = sampler.stop().await;
    let done =
        Done { outcome: outcome(&town), samples: watched, promises: found, faults: log.all() };
    let result = RunResult::new(&scenario, facts, done, Ending::Whole);
    drop(town);
    network.stop().await?;
    Ok(result)
}

/// One fault after the other, and after each a look at the books.
async fn breaking(
    network: &mut Network,
    rounds: &[Round],
    seed: u64,
    log: &Log,
    found: &mut Vec<Finding>,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let town = Arc::clone(&network.town);
    let Some(cabinets) = &town.cabinets else { return Ok(()) };
    for (number, Round { rest, fault }) in (0..).zip(rounds) {
        bar.set_message(fault.to_string());
        network.parts.rest_until(Instant::now() + *rest, log).await?;
        network.parts.strike(fault, cabinets, seed ^ number, log).await?;
        network.parts.settle(log).await?;
        let held = looked(network).await?;
        log.judge(&verdict(&held));
        add(found, held);
        bar.inc(1);
    }
    Ok(())
}

/// What can be asked while the town goes on.
async fn looked(network: &Network) -> anyhow::Result<Vec<Finding>> {
    let told = {
        let outcome = network.town.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.told.clone()
    };
    let mut db = network.books().await?;
    let mut held = invariants::meanwhile(&mut db, &told, &network.witness).await?;
    held.extend(network.parts.verify().await?);
    Ok(held)
}

/// Everything, when nobody is under way.
async fn at_home(network: &Network) -> anyhow::Result<Vec<Finding>> {
    let town = &network.town;
    let told = {
        let outcome = town.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.told.clone()
    };
    let places = || town.cabinets.as_ref().map_or_else(Places::new, |all| all.places());
    let (told, witness) = (&told, &network.witness);
    let truth = Truth { told, places: &places, witness, deaf: &[] };
    let mut db = network.books().await?;
    let mut held = invariants::check(&mut db, &truth, QUIET_MAX).await?;
    held.extend(network.parts.verify().await?);
    Ok(held)
}

fn verdict(held: &[Finding]) -> String {
    let broken: Vec<String> = held
        .iter()
        .filter(|finding| finding.broken != 0)
        .map(|Finding { promise, what, broken, .. }| format!("{promise}: {broken} {what}"))
        .collect();
    if broken.is_empty() {
        return format!("{} questions, all held", held.len());
    }
    format!("BROKEN: {}", broken.join(", "))
}

/// What was asked again and again is one line, with the most that was found at once.
fn add(found: &mut Vec<Finding>, more: Vec<Finding>) {
    for finding in more {
        let same =
            found.iter_mut().find(|f| f.promise == finding.promise && f.what == finding.what);
        match same {
            Some(same) => {
                same.of = same.of.max(finding.of);
                if finding.broken > same.broken {
                    (same.broken, same.which) = (finding.broken, finding.which);
                }
            }
            None => found.push(finding),
        }
    }
}

/// Riders who come and go until it is ended.
struct Life {
    stop: oneshot::Sender<()>,
    task: JoinHandle<JoinSet<()>>,
}

impl Life {
    fn start(town: &Arc<Town>, scenario: &Scenario, seed: u64) -> Life {
        let kinds: Vec<(f64, Journey)> = scenario
            .arrivals
            .iter()
            .map(|kind| (kind.times.rate(), kind.journey.clone()))
            .collect();
        let (stop, stopped) = oneshot::channel();
        Life { stop, task: tokio::spawn(live(Arc::clone(town), kinds, seed, stopped)) }
    }

    /// Nobody comes any more; done when everybody is home.
    async fn end(self) {
        let _ = self.stop.send(()); // it listens until then
        let Ok(mut ways) = self.task.await else { return };
        let home = async { while ways.join_next().await.is_some() {} };
        let _ = timeout(HOME_MAX, home).await; // who is not is found in the books
    }
}

async fn live(
    town: Arc<Town>,
    kinds: Vec<(f64, Journey)>,
    seed: u64,
    mut stopped: oneshot::Receiver<()>,
) -> JoinSet<()> {
    let mut ways = JoinSet::new();
    let mut chance = StdRng::seed_from_u64(seed);
    let all: f64 = kinds.iter().map(|(rate, _)| rate).sum();
    loop {
        let gap = -(1.0 - chance.random::<f64>()).ln() / all;
        tokio::select! {
            biased;
            _ = &mut stopped => return ways,
            () = sleep(Duration::from_secs_f64(gap)) => {}
        }
        let mut at = chance.random::<f64>() * all;
        let kind = kinds.iter().find(|(rate, _)| {
            at -= rate;
            at < 0.0
        });
        if let Some((_, journey)) = kind {
            ways.spawn(go(Arc::clone(&town), journey.clone(), chance.random(), Instant::now()));
        }
        while ways.try_join_next().is_some() {}
    }
}

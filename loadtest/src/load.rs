//! `load SCENARIO`: riders and cabinets of a scenario file against a service, on one clock; then
//! its gates and the promises; then `result.json` and one page to look at.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::machine::Facts;
use crate::progress::spinner;
use crate::witness::Places;

mod against;
pub mod chaos;
mod fault;
mod gate;
mod invariants;
mod journey;
mod network;
mod outcome;
mod page;
mod parts;
mod result;
mod sampler;
mod scenario;
#[cfg(test)]
mod tests;
mod trouble;
mod view;

use fault::Log;
use invariants::during::Watch;
use invariants::{QUIET_MAX, Truth};
use journey::{Town, go};
use network::{Network, town};
use outcome::Outcome;
use result::{Done, Ending, Result as RunResult};
use sampler::Sampler;
use scenario::{Journey, Scenario};
use trouble::Trouble;
use view::{Manner, View};

/// Longest wait for one answer; a start waits for the bank.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest wait for riders who are on their way when the time is over.
const HOME_MAX: Duration = Duration::from_mins(2);

#[derive(Args)]
pub struct Arguments {
    /// A scenario file, or the name of one in loadtest/scenarios
    scenario: PathBuf,
    /// A running service, as HOST:PORT or <http://HOST:PORT>, instead of one of its own; riders can
    /// only browse there
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Says that this host may be loaded; needed for any that is not this machine
    #[arg(long, value_name = "HOST")]
    i_own_this_target: Option<String>,
    /// So many stations, instead of what the scenario says: as many as a machine has files for
    #[arg(long, value_name = "N")]
    stations: Option<u32>,
    /// No figures on the way, only the result
    #[arg(long)]
    quiet: bool,
    /// The result.json of an earlier run, to be shown beside this one
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Where the result and the page go
    #[arg(long, value_name = "FOLDER", default_value = "target/load")]
    out: PathBuf,
}

/// Ends with an error when a gate failed or a promise was broken.
pub async fn run(program: &Path, arguments: Arguments) -> anyhow::Result<()> {
    let mut scenario = read(&arguments.scenario)?;
    if let Some(stations) = arguments.stations {
        scenario.of_stations(stations)?;
    }
    // read before the run: it may be the file that this run writes over
    let earlier = arguments.against.as_deref().map(earlier).transpose()?;
    let (facts, manner) = (Facts::read(), Manner::of(arguments.quiet));
    let mut result = match &arguments.target {
        Some(target) => {
            let address = permitted(target, arguments.i_own_this_target.as_deref())?;
            ensure!(!scenario.rents(), "at a target of somebody else riders can only browse");
            ensure!(scenario.faults.is_empty(), "a target of somebody else is not broken");
            elsewhere(scenario, facts, address, manner).await?
        }
        None => own(program, scenario, facts, manner).await?,
    };
    result.changes = earlier.map_or_else(Vec::new, |earlier| against::changes(&earlier, &result));
    let name = arguments.scenario.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = arguments.out.join(name);
    write(&folder, &result)?;
    println!("{}\nreport: {}", result.text(), folder.join("report.html").display());
    ensure!(result.is_good(), "the run failed");
    Ok(())
}

fn write(folder: &Path, result: &RunResult) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("result.json"), serde_json::to_string_pretty(result)?)?;
    std::fs::write(folder.join("report.html"), page::render(result))?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Scenario> {
    let named = Path::new("loadtest/scenarios").join(path).with_extension("toml");
    let path = if path.is_file() { path } else { &named };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("no scenario {}", path.display()))?;
    let beside = |name: &str| {
        let file = path.with_file_name(name);
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    Scenario::parse(&text, &beside).with_context(|| path.display().to_string())
}

fn earlier(path: &Path) -> anyhow::Result<RunResult> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{} is no result", path.display()))
}

/// Load on a machine that is not ours is an attack.
fn permitted(target: &str, owned: Option<&str>) -> anyhow::Result<SocketAddr> {
    use std::net::ToSocketAddrs;
    let target = target.strip_prefix("http://").unwrap_or(target).trim_end_matches('/');
    let form = "a target is HOST:PORT or http://HOST:PORT";
    let (host, port) = target.rsplit_once(':').context(form)?;
    ensure!(port.parse::<u16>().is_ok(), form);
    let addresses: Vec<SocketAddr> = target.to_socket_addrs()?.collect();
    let first = *addresses.first().context("the target has no address")?;
    let is_here = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    if addresses.iter().all(is_here) || owned == Some(host) {
        return Ok(first);
    }
    bail!("{host} is not this machine: say --i-own-this-target {host}, if you do")
}

/// A service, a network and cabinets of its own.
async fn own(
    program: &Path,
    scenario: Scenario,
    facts: Facts,
    manner: Manner,
) -> anyhow::Result<RunResult> {
    let mut network = Network::start(program, &scenario, &[]).await?;
    let town = Arc::clone(&network.town);
    let log = Log::new(town.begin);
    let http = network.parts.service().http;
    let sampler = Sampler::start(Arc::clone(&network.parts.pids), http, town.begin);
    let watch = Watch::start(network.books.clone(), town.begin);
    let trouble = Trouble::start(&town, &scenario.flaws);
    let view = View::start(manner, &scenario, &town, sampler.latest());
    let (cut, is_cut) = watch::channel(false);
    let riders = async {
        let ending = play(&scenario, &town, &view, &cut).await;
        drop(cut);
        ending
    };
    let (ending, played) = tokio::join!(riders, async {
        let Some(cabinets) = &town.cabinets else { return Ok(()) };
        network.parts.play(&scenario.faults, town.begin, cabinets, &log, is_cut).await
    });
    view.stop().await;
    played?;
    trouble.stop();
    let (watched, mut findings) = (sampler.stop().await, watch.stop().await);
    let outcome = outcome(&town);
    let shown = spinner("the promises are checked");
    let places = || town.cabinets.as_ref().map_or_else(Places::new, |all| all.places());
    let deaf = trouble::deaf(&scenario.flaws);
    let (told, witness) = (&outcome.told, &network.witness);
    let truth = Truth { told, places: &places, witness, deaf: &deaf };
    let mut db = network.books().await?;
    findings.extend(invariants::check(&mut db, &truth, QUIET_MAX.min(scenario.patience)).await?);
    findings.extend(invariants::ledger::verify(&network.parts.plan).await?);
    if scenario.is_faulty {
        findings.extend(network.parts.findings());
    }
    shown.finish_and_clear();
    let done = Done { outcome, samples: watched, promises: findings, faults: log.all() };
    let result = RunResult::new(&scenario, facts, done, ending);
    drop(town);
    network.stop().await?;
    Ok(result)
}

async fn elsewhere(
    scenario: Scenario,
    facts: Facts,
    address: SocketAddr,
    manner: Manner,
) -> anyhow::Result<RunResult> {
    let town = town(&scenario, address, None, Vec::new());
    // the processor's time of somebody else is not ours to see
    let (_, latest) = watch::channel(None);
    let view = View::start(manner, &scenario, &town, latest);
    let ending = play(&scenario, &town, &view, &watch::Sender::new(false)).await;
    view.stop().await;
    let done = Done { outcome: outcome(&town), ..Done::default() };
    Ok(RunResult::new(&scenario, facts, done, ending))
}

fn outcome(town: &Town) -> Outcome {
    std::mem::take(&mut *town.outcome.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Sends everybody on the way when it was planned; says at once when a person ends it.
async fn play(
    scenario: &Scenario,
    town: &Arc<Town>,
    View { bar, .. }: &View,
    cut: &watch::Sender<bool>,
) -> Ending {
    let mut arrivals: Vec<(Duration, Journey)> = Vec::new();
    for (number, kind) in (0..).zip(&scenario.arrivals) {
        let instants = kind.times.instants(scenario.seed.wrapping_add(number));
        arrivals.extend(instants.into_iter().map(|at| (at, kind.journey.clone())));
    }
    arrivals.sort_by_key(|(at, _)| *at);
    bar.set_length(u64::try_from(arrivals.len()).unwrap_or(u64::MAX));
    let mut ways = JoinSet::new();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut ending = Ending::Whole;
    for (number, (at, journey)) in (0..).zip(arrivals) {
        let planned = town.begin + at;
        tokio::select! {
            biased;
            _ = &mut stop => {
                ending = Ending::Cut;
                cut.send_replace(true);
                break;
            }
            () = sleep_until(planned) => {}
        }
        let seed = scenario.seed.wrapping_mul(1_000_003).wrapping_add(number);
        ways.spawn(go(Arc::clone(town), journey, seed, planned));
        while ways.try_join_next().is_some() {}
        bar.inc(1);
    }
    bar.set_message("the last riders go home");
    let home = tokio::time::timeout(HOME_MAX, async { while ways.join_next().await.is_some() {} });
    tokio::select! {
        biased;
        // the first time, or for whoever does not want to wait for them either
        _ = tokio::signal::ctrl_c() => ending = Ending::Cut,
        _ = home => {}
    }
    ending
}

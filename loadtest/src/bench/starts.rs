//! Rental starts: from the rider's request to the answer that the bank is out, with simulated
//! cabinets that give it out. An open loop: requests come when they were planned to, and each is
//! timed from then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use cabinet::Timing;
use cabinet::numbered::serial;
use domain::ids::Sn;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Bench, Network};
use crate::fixture::{PACKAGE, Tokens};
use crate::fleet::{Cabinets, Order};
use crate::latency::{Latencies, name};
use crate::machine;
use crate::plan::{Spread, Stretch, plan};
use crate::pool::Pool;
use crate::process::{Spent, spent_alone};
use crate::progress::{bar, spinner};
use crate::report::Section;
use crate::service::Service;
use crate::wire::post;

const BANKS: u16 = 7;
/// Between two starts at one cabinet, as a busy place may see them.
const PAUSE_S: u32 = 20;
/// A run at one rate.
const LENGTH: Duration = Duration::from_secs(20);
/// Connections of two cabinets: each its own to the broker, and one over HTTP that they share with
/// others from their address.
const FILES_TWO_CABINETS: u64 = 3;
/// Riders under way, the database, logs.
const FILES_BESIDE: u64 = 4_000;
const IDLE: Duration = Duration::from_secs(10);
/// The service answers a start within 8 s.
const PATIENCE: Duration = Duration::from_secs(12);

#[derive(Default)]
struct Run {
    latencies: Latencies,
    /// Anything but a bank in the rider's hand, by its code.
    failed: BTreeMap<String, u64>,
    spent: Spent,
    harness: Duration,
}

/// Riders and cabinets as they are used up.
struct Street {
    cabinets: Cabinets,
    tokens: Vec<String>,
    next_rider: usize,
    next_cabinet: u32,
}

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let seconds = u32::try_from(LENGTH.as_secs())?;
    let in_a_round: u32 = bench.rates.iter().map(|rate| rate * seconds).sum();
    let most = bench.cabinets * u32::from(BANKS) / in_a_round.max(1);
    let rounds = bench.rounds.min(most);
    ensure!(rounds > 0, "{} cabinets have too few banks for these rates", bench.cabinets);
    let fastest = bench.rates.iter().max().copied().unwrap_or(0);
    ensure!(fastest * PAUSE_S <= bench.cabinets, "{fastest}/s needs more cabinets");

    machine::files(u64::from(bench.cabinets).div_ceil(2) * FILES_TWO_CABINETS + FILES_BESIDE)?;

    let riders = in_a_round * rounds;
    let network = Network { stations: bench.cabinets, banks: 0, riders, out: 0 };
    let plan = bench.network("starts", network).await?;
    let service = plan.start().await?;
    let mut db = plan.books().await?;
    let signing = Tokens::of(&plan.folder)?;
    let tokens = (1..=i64::from(riders)).map(|rider| signing.of_rider(rider));
    let tokens = tokens.collect::<anyhow::Result<Vec<_>>>()?;
    let shown = spinner(&format!("starts: {} cabinets go online", bench.cabinets));
    let timing = Timing { keep_alive: Duration::from_mins(1), ..Timing::quick() };
    let base_url = service.base_url();
    let count = bench.cabinets;
    let order = Order { base_url: &base_url, count, stocked: BANKS, timing, witness: None };
    let cabinets = Cabinets::start(order, &mut db).await?;
    shown.finish_and_clear();

    let before = service.spent()?;
    sleep(IDLE).await;
    let idle = service.spent()? - before;
    let mut street = Street { cabinets, tokens, next_rider: 0, next_cabinet: 0 };
    let pool = Arc::new(Pool::new(service.http, PATIENCE));
    let bar = bar("starts", bench.rates.len() * rounds as usize);
    let mut runs: BTreeMap<u32, Vec<Run>> = BTreeMap::new();
    for _ in 0..rounds {
        for rate in &bench.rates {
            let run = Box::pin(street.run(&pool, *rate, &service)).await?;
            runs.entry(*rate).or_default().push(run);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    drop(street);
    service.stop().await?;
    Ok(section(bench, idle, rounds, &runs))
}

impl Street {
    /// Planned starts at one rate, each by a rider of its own.
    async fn run(&mut self, pool: &Arc<Pool>, rate: u32, service: &Service) -> anyhow::Result<Run> {
        let stretch = Stretch::even(LENGTH.as_secs_f64(), f64::from(rate));
        let instants = plan(&[stretch], Spread::Even);
        let (before, harness) = (service.spent()?, spent_alone(std::process::id())?);
        let run = Arc::new(Mutex::new(Run::default()));
        let begin = Instant::now() + Duration::from_millis(50);
        let mut riders = Vec::new();
        for at in instants {
            let intended = begin + at;
            sleep_until(intended).await;
            let number = self.next_cabinet % u32::try_from(self.cabinets.all().len())? + 1;
            self.next_cabinet += 1;
            let token = self.tokens.get(self.next_rider).context("no rider is left")?.clone();
            self.next_rider += 1;
            let cabinet = self.cabinets.get(number).context("no such cabinet")?.clone();
            let (pool, run) = (Arc::clone(pool), Arc::clone(&run));
            riders.push(tokio::spawn(async move {
                let end = start(&pool, number, &token).await;
                let took = intended.elapsed();
                let mut run = run.lock().unwrap_or_else(PoisonError::into_inner);
                match end {
                    Ok(bank) => {
                        run.latencies.record(took);
                        cabinet.take(&bank);
                    }
                    Err(code) => *run.failed.entry(code).or_default() += 1,
                }
            }));
        }
        for rider in riders {
            rider.await?;
        }
        let mut run = std::mem::take(&mut *run.lock().unwrap_or_else(PoisonError::into_inner));
        run.spent = service.spent()? - before;
        run.harness = spent_alone(std::process::id())?.saturating_sub(harness);
        Ok(run)
    }
}

/// The bank that is out, or what was said instead.
async fn start(pool: &Pool, number: u32, token: &str) -> Result<Sn, String> {
    let body = json!({
        "station_sn": serial(number), "package_id": PACKAGE, "payment_mode": "wallet",
    });
    let (address, body) = (pool.address(), body.to_string());
    let request = post(address, "/api/rentals/start", Some(token), &body, &[]);
    let answer = pool.ask(&request).await.map_err(|error| error.to_string())?;
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let data = &body["data"];
    match (data["status"].as_str(), data["power_bank"]["serial_number"].as_str()) {
        (Some("ACTIVE"), Some(sn)) => Ok(Sn(sn.to_owned())),
        (Some(status), _) => Err(status.to_owned()),
        (None, _) => Err(body["error"]["code"].as_str().unwrap_or("no code").to_owned()),
    }
}

fn section(bench: &Bench, idle: Spent, rounds: u32, runs: &BTreeMap<u32, Vec<Run>>) -> Section {
    let mut section = Section::new("starts", "Rental starts");
    for (rate, runs) in runs {
        let done = |run: &Run| run.latencies.count().max(1) as f64;
        let each = |of: fn(&Run) -> Duration| {
            runs.iter().map(move |run| of(run).as_secs_f64() * 1e3 / done(run))
        };
        let of = |what: &str| format!("{rate}/s: {what}");
        let per_s = runs.iter().map(|run| run.latencies.count() as f64 / LENGTH.as_secs_f64());
        section.row(of("banks out"), "starts/s", per_s, []);
        for percentile in [5000, 9000, 9900] {
            let all = runs.iter().filter_map(|run| run.latencies.at(percentile));
            section.row(of(&name(percentile)), "ms", all.map(|t| t.as_secs_f64() * 1e3), []);
        }
        let longest = runs.iter().filter_map(|run| run.latencies.max());
        section.row(of("longest"), "ms", longest.map(|t| t.as_secs_f64() * 1e3), []);
        let failed = runs.iter().map(|run| run.failed.values().sum::<u64>() as f64);
        section.row(of("without a bank"), "starts", failed, []);
        section.row(of("service and broker"), "CPU ms/start", each(|run| run.spent.service), []);
        section.row(of("database"), "CPU ms/start", each(|run| run.spent.database), []);
        let all = each(|run| run.spent.service + run.spent.database);
        section.row(of("service, broker and database"), "CPU ms/start", all, []);
        section.row(of("harness"), "CPU ms/start", each(|run| run.harness), []);
    }
    let per_second = |spent: Duration| spent.as_secs_f64() * 1e3 / IDLE.as_secs_f64();
    section.note(format!(
        "{} simulated cabinets, each gets at most one start in {PAUSE_S} s and gives the bank out \
         12 ms after the command; every start is by another rider; {rounds} runs of {LENGTH:?} a \
         rate; open loop, timed from the planned instant. Idle, all cabinets online: {:.0} CPU \
         ms/s service, {:.0} CPU ms/s database.",
        bench.cabinets,
        per_second(idle.service),
        per_second(idle.database),
    ));
    let mut failed: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in runs.values().flatten().flat_map(|run| &run.failed) {
        *failed.entry(code).or_default() += count;
    }
    if !failed.is_empty() {
        let failed: Vec<String> = failed.iter().map(|(c, n)| format!("{n} {c}")).collect();
        section.note(format!("Without a bank: {}.", failed.join(", ")));
    }
    section
}

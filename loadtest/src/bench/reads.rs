//! What riders' phones ask for most: the list, the map and one station, from memory. The limit
//! is a bare handler of the same library that sends the same bytes to the same client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::future::try_join_all;

use super::limits::Helper;
use super::{Bench, Network, micros_each};
use crate::latency::{Latencies, name};
use crate::process::spent_alone;
use crate::progress::bar;
use crate::report::Section;
use crate::wire::{Connection, get};

const STATIONS: u32 = 1_000;
const CONNECTIONS: usize = 32;
const READS: [(&str, &str); 3] = [
    ("list", "/api/stations?page_size=20"),
    ("nearby", "/api/stations/nearby?lat=27.7064&lng=85.315&radius=1"),
    ("detail", "/api/stations/SIM-00042"),
];

/// One measurement against one server.
struct Run {
    per_s: f64,
    server_us: f64,
    harness_us: f64,
    latencies: Latencies,
}

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let network = Network { stations: STATIONS, banks: 5, riders: 0, out: 0 };
    let plan = bench.network("reads", network).await?;
    let service = plan.with("LIMITS__ANONYMOUS_PER_MINUTE", 1_000_000_000).start().await?;
    let mut section = Section::new("reads", "Reads of the riders' app");
    let bar = bar("reads", READS.len() * 2 * bench.rounds as usize);
    for (what, path) in READS {
        let body = Connection::open(service.http).await?;
        let body = { body }.ask(&get(service.http, path, None)).await?;
        ensure!(body.status == 200, "{path}: {}", body.status);
        let file = bench.scratch.path().join(format!("{what}.json"));
        std::fs::write(&file, &body.body)?;
        let limit = Helper::limit(&["web", file.to_str().context("a strange folder")?]).await?;
        let address: SocketAddr = limit.ready["http"].as_str().unwrap_or_default().parse()?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            theirs.push(run(address, limit.pid()?, path, bench.length).await?);
            bar.inc(1);
            ours.push(run(service.http, service.pid(), path, bench.length).await?);
            bar.inc(1);
        }
        let size = body.body.len();
        rows(&mut section, &format!("{what}, {size} bytes"), &ours, &theirs);
    }
    bar.finish_and_clear();
    service.stop().await?;
    section.note(format!(
        "{STATIONS} stations of 8 slots and 5 banks; {CONNECTIONS} kept connections, each asks \
         again at once (closed loop); {:?} a run; the limit of requests per address is lifted.",
        bench.length
    ));
    section.note(READS.map(|(what, path)| format!("{what}: `{path}`")).join("; ") + ".");
    section.note("Limit: a handler of axum alone that sends the same bytes.");
    Ok(section)
}

fn rows(section: &mut Section, what: &str, ours: &[Run], theirs: &[Run]) {
    let mut row = |label: &str, unit, of: fn(&Run) -> f64| {
        let label = format!("{what}{label}");
        section.row(label, unit, ours.iter().map(of), theirs.iter().map(of));
    };
    row("", "req/s", |run| run.per_s);
    row(": server", "CPU µs/req", |run| run.server_us);
    row(": harness", "CPU µs/req", |run| run.harness_us);
    for percentile in [5000, 9900] {
        let of = |runs: &[Run]| -> Vec<f64> {
            let all = runs.iter().filter_map(|run| run.latencies.at(percentile));
            all.map(|took| took.as_secs_f64() * 1e3).collect()
        };
        section.row(format!("{what}: {}", name(percentile)), "ms", of(ours), of(theirs));
    }
}

async fn run(address: SocketAddr, pid: u32, path: &str, length: Duration) -> anyhow::Result<Run> {
    let request = get(address, path, None);
    let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(address))).await?;
    let (server, harness) = (spent_alone(pid)?, spent_alone(std::process::id())?);
    let begun = Instant::now();
    let tasks = connections.into_iter().map(|mut connection| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut latencies = Latencies::default();
            while begun.elapsed() < length {
                let asked = Instant::now();
                let answer = connection.ask(&request).await?;
                ensure!(answer.status == 200, "answered {}", answer.status);
                latencies.record(asked.elapsed());
            }
            anyhow::Ok(latencies)
        })
    });
    let mut latencies = Latencies::default();
    for task in tasks.collect::<Vec<_>>() {
        latencies.add(&task.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    let count = latencies.count();
    let server = spent_alone(pid)?.saturating_sub(server);
    let harness = spent_alone(std::process::id())?.saturating_sub(harness);
    Ok(Run {
        per_s: count as f64 / took,
        server_us: micros_each(server, count),
        harness_us: micros_each(harness, count),
        latencies,
    })
}

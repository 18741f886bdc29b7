//! Frames of cabinets: from the broker through the codec to the actor of their station, and
//! until that has dealt with them. The limit is the same broker with a counter instead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cabinet::{Generation, HttpAnswer, calls, numbered};
use tokio::time::sleep;

use super::limits::Helper;
use super::publisher::{Account, Frame, Publishers, bare};
use super::{Bench, Edges, Network, micros_each, until};
use crate::edges::Mosquitto;
use crate::process::spent_alone;
use crate::progress::bar;
use crate::report::Section;
use crate::service::Service;
use crate::wire::{Connection, post};

/// Connections that publish.
const CABINETS: u32 = 500;
const BANKS: u16 = 5;
/// Frames of one measurement.
const FRAMES: u32 = 50_000;
/// Telemetry is written at least so often.
const FLUSHED: Duration = Duration::from_millis(2_500);
/// Longest time to deal with them.
const DONE_MAX: Duration = Duration::from_mins(2);

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    per_s: f64,
    service_us: f64,
    database_us: f64,
    harness_us: f64,
    shed: f64,
}

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let network = Network { stations: CABINETS, banks: BANKS, riders: 0, out: 0 };
    let plan = bench.network("frames", network).await?;
    let plan = plan.with("MQTT__EMBEDDED_CLIENT_MESSAGES_PER_S", 1_000_000);
    if plan.beside.is_some() {
        // a broker that does not tell of sessions: who calls in the name of a cabinet that was
        // heard a moment ago waits until that was asked
        const AWAY: &str = "update station_telemetry set heard_at = heard_at - interval '1 day'";
        sqlx::query(AWAY).execute(&mut plan.books().await?).await?;
    }
    let service = plan.start().await?;
    let mut ours = Publishers::connect(accounts(&service).await?, BANKS).await?;
    let mut counter = Counter::start(bench).await?;
    let mut theirs = Publishers::connect(bare(counter.address, CABINETS), BANKS).await?;
    handled(&service, &mut ours, Frame::Report, 2).await?; // every station has its first report

    let kinds = [(Frame::Heartbeat, "heartbeats"), (Frame::Report, "reports")];
    let bar = bar("frames", bench.rounds as usize * kinds.len() * 2);
    let mut runs: [Vec<(Run, Run)>; 2] = Default::default();
    for _ in 0..bench.rounds {
        for (at, (frame, _)) in kinds.iter().enumerate() {
            let limit = counted(&mut counter, &mut theirs, *frame, FRAMES / CABINETS).await?;
            bar.inc(1);
            let own = handled(&service, &mut ours, *frame, FRAMES / CABINETS).await?;
            bar.inc(1);
            runs[at].push((own, limit));
        }
    }
    bar.finish_and_clear();
    service.stop().await?;
    Ok(section(bench, kinds.map(|(_, name)| name), &runs))
}

fn section(bench: &Bench, names: [&str; 2], runs: &[Vec<(Run, Run)>; 2]) -> Section {
    let mut section = Section::new("frames", "Frames, from cabinets to actors");
    for (name, runs) in names.iter().zip(runs) {
        let ours = |of: fn(&Run) -> f64| runs.iter().map(move |(own, _)| of(own));
        let limit = |of: fn(&Run) -> f64| runs.iter().map(move |(_, limit)| of(limit));
        section.row(format!("{name} handled"), "frames/s", ours(|r| r.per_s), limit(|r| r.per_s));
        let cpu = format!("{name}: service and broker");
        section.row(cpu, "CPU µs/frame", ours(|r| r.service_us), limit(|r| r.service_us));
        let cpu = format!("{name}: database");
        section.row(cpu, "CPU µs/frame", ours(|r| r.database_us), []);
        let cpu = format!("{name}: harness");
        section.row(cpu, "CPU µs/frame", ours(|r| r.harness_us), limit(|r| r.harness_us));
        section.row(format!("{name} shed"), "frames", ours(|r| r.shed), limit(|r| r.shed));
    }
    section.note(format!(
        "{FRAMES} frames at QoS 1 over {CABINETS} connections, 10 under way on each; a report has \
         8 slots and {BANKS} banks whose levels are others each time. The rate is that of frames \
         an actor has dealt with, until the last of them; heartbeats may be shed by design."
    ));
    section.note(match bench.edges {
        Edges::Embedded => {
            "Limit: the same broker and two sessions that only count, in one process."
        }
        Edges::Debian => {
            "Limit: another Mosquitto with the same settings that lets in everybody, and two \
             sessions in one process that only count."
        }
    });
    section
}

/// The limit: a broker, and who only counts what comes.
struct Counter {
    helper: Helper,
    address: SocketAddr,
    /// Of its own, where it is not in the same process.
    broker: Option<Mosquitto>,
}

impl Counter {
    async fn start(bench: &Bench) -> anyhow::Result<Counter> {
        if bench.edges == Edges::Debian {
            let broker = Mosquitto::start_open(&bench.scratch.folder("frames-limit")?).await?;
            let address = broker.address();
            let helper = Helper::limit(&["counter", &address.to_string()]).await?;
            return Ok(Counter { helper, address, broker: Some(broker) });
        }
        let helper = Helper::start(bench.bare_broker.clone(), &[&CABINETS.to_string()]).await;
        let helper = helper.context("the bare broker is built by ./run bench")?;
        let address = helper.ready["mqtt"].as_str().unwrap_or_default().parse()?;
        Ok(Counter { helper, address, broker: None })
    }
}

/// Asks for a password as a cabinet does.
async fn accounts(service: &Service) -> anyhow::Result<Vec<Account>> {
    let mut connection = Connection::open(service.http).await?;
    let mut accounts = Vec::new();
    for number in 1..=CABINETS {
        let uuid = numbered::uuid(number);
        let call = calls::connect(Generation::Newer, &uuid.as_str().into());
        let query: Vec<String> = call.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let path = format!("{}?{}", call.path, query.join("&"));
        let answer = connection.ask(&post(service.http, &path, None, "", &[])).await?;
        let answer = HttpAnswer { status: answer.status, body: answer.body };
        let Some(access) = answer.access() else { bail!("{uuid} may not connect: {answer:?}") };
        let address = format!("{}:{}", access.host, access.port).parse()?;
        accounts.push(Account { address, uuid, password: access.password });
    }
    Ok(accounts)
}

/// How many frames were dealt with and how many were dropped, as the service counts them.
async fn dealt(service: &Service, frame: Frame) -> anyhow::Result<(f64, f64)> {
    let figures = service.figures().await?;
    let (kind, channel) = match frame {
        Frame::Heartbeat => ("kind=\"heartbeat\"", "kind=\"heartbeat\""),
        Frame::Report => ("kind=\"report\"", "kind=\"update\""),
    };
    let waiting = figures.sum("chargeghar_actor_backlog_messages", "actor=\"station\"");
    let routed = figures.sum("chargeghar_link_decoded_total", kind);
    Ok((routed - waiting, figures.sum("chargeghar_link_shed_total", channel)))
}

async fn handled(
    service: &Service,
    publishers: &mut Publishers,
    frame: Frame,
    each: u32,
) -> anyhow::Result<Run> {
    let count = f64::from(each * CABINETS);
    let (done_before, shed_before) = dealt(service, frame).await?;
    let (before, harness) = (service.spent()?, spent_alone(std::process::id())?);
    let begun = Instant::now();
    publishers.publish(frame, each).await?;
    let mut seen = (0.0, 0.0);
    let all = until(DONE_MAX, async || {
        let (done, shed) = dealt(service, frame).await?;
        seen = (done - done_before, shed - shed_before);
        // a report that was postponed comes again, so only heartbeats are gone when shed
        let gone = if frame == Frame::Heartbeat { seen.1 } else { 0.0 };
        anyhow::Ok(seen.0 + gone >= count)
    });
    if !all.await? {
        bail!("{} of {count} frames were dealt with in {DONE_MAX:?}", seen.0);
    }
    let took = begun.elapsed().as_secs_f64();
    let harness = spent_alone(std::process::id())?.saturating_sub(harness);
    // what the frames said is written behind them
    sleep(FLUSHED).await;
    let spent = service.spent()? - before;
    let each = |spent| micros_each(spent, u64::from(each * CABINETS));
    Ok(Run {
        per_s: seen.0 / took,
        service_us: each(spent.service),
        database_us: each(spent.database),
        harness_us: each(harness),
        shed: seen.1,
    })
}

async fn counted(
    Counter { helper, broker, .. }: &mut Counter,
    publishers: &mut Publishers,
    frame: Frame,
    each: u32,
) -> anyhow::Result<Run> {
    let count = u64::from(each * CABINETS);
    let name = if frame == Frame::Heartbeat { "hearts" } else { "updates" };
    let seen = |value: &serde_json::Value| value[name].as_u64().unwrap_or(0);
    let first = seen(&helper.ask().await?);
    let pid = helper.pid()?;
    let broker = broker.as_ref().map(Mosquitto::pid);
    let cost =
        || anyhow::Ok(spent_alone(pid)? + broker.map(spent_alone).transpose()?.unwrap_or_default());
    let (before, harness) = (cost()?, spent_alone(std::process::id())?);
    let begun = Instant::now();
    publishers.publish(frame, each).await?;
    let all = until(DONE_MAX, async || anyhow::Ok(seen(&helper.ask().await?) - first >= count));
    if !all.await? {
        bail!("the bare counter did not get {count} frames in {DONE_MAX:?}");
    }
    let took = begun.elapsed().as_secs_f64();
    let harness = spent_alone(std::process::id())?.saturating_sub(harness);
    let service = cost()?.saturating_sub(before);
    let each = |spent| micros_each(spent, count);
    let (service_us, harness_us) = (each(service), each(harness));
    Ok(Run {
        per_s: f64::from(u32::try_from(count)?) / took,
        service_us,
        harness_us,
        ..Run::default()
    })
}

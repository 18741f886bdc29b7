//! `chargeghar simulate`: cabinets against a running service, over HTTP and MQTT as real ones.
//! It knows of the service what a cabinet knows, and enrols its cabinets as an operator would.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cabinet::{Cabinet, Event, Fleet, Layout, Observer, Script, Seen, Spec, Timing, numbered};
use clap::{Args, ValueEnum};
use domain::ids::{DeviceUuid, Sn};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::reach::Reach;
use super::table::pairs;
use super::{Common, Format, block_on, print, serve};
use crate::admin::{Enrol, StationBody};
use crate::clock::Clock;
use crate::config::Config;
use crate::embedded::DataFolder;

/// Most cabinets of one command.
const CABINETS_MAX: u32 = 20_000;
const FIRST_MAX: u32 = numbered::NUMBER_MAX - CABINETS_MAX;
/// South-west of Ratna Park, in ten-thousandths of a degree: the corner of the grid they stand on.
const CORNER: (u32, u32) = (275_564, 851_650);
/// Between two cabinets of the grid: about 300 metres.
const STEP: u32 = 30;
/// Events that may wait to be counted and printed; more are left out.
const EVENTS_MAX: usize = 65_536;
/// Between two looks at the fleet.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct Arguments {
    /// How many
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(CABINETS_MAX)))]
    cabinets: u32,
    /// How their boards are built
    #[arg(long, value_enum, default_value_t = Build::Usual)]
    layout: Build,
    /// Slots of each
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=176))]
    slots: u16,
    /// Banks in each at first
    #[arg(long, default_value_t = 5)]
    banks: u16,
    /// A fault script for each of them, in TOML
    #[arg(long, value_name = "FILE")]
    script: Option<std::path::PathBuf>,
    /// How many times as fast as real ones
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// The service's address; without it the one of the settings
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Number of the first cabinet: two fleets need two ranges
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(FIRST_MAX)))]
    first: u32,
    /// Leave enrolment to others: the cabinets appear as pending
    #[arg(long)]
    no_enrol: bool,
    /// End after so many seconds; without it at SIGINT. A cabinet needs 20 of its own to start
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Build {
    /// One counted board up to 8 slots, marked boards of 4 above
    Usual,
    Marker,
    Counted,
    Uniform,
    /// Boards of different sizes without marks: a service may have to refuse their reports
    Mixed,
    /// As large cabinets: with boards that are listed and not fitted
    Phantoms,
}

/// Totals of the fleet at its end.
#[derive(Clone, Debug, Default, Serialize)]
struct Totals {
    cabinets: usize,
    online: usize,
    connects: u64,
    connects_refused: u64,
    heartbeats: u64,
    ejects: u64,
    ejects_refused: u64,
    insertions: u64,
    reboots: u64,
    calls_failed: u64,
    events_left_out: u64,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    block_on(common, async |config| Box::pin(simulate(arguments, &config)).await)
}

async fn simulate(arguments: Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let asked = serve::signals()?;
    let target = match &arguments.target {
        Some(target) => target.trim_end_matches('/').to_owned(),
        None => format!("http://{}:{}", config.http.bind, config.http.port),
    };
    if !arguments.no_enrol {
        enrol(&arguments, config).await?;
    }
    let (send, receive) = mpsc::channel(EVENTS_MAX);
    let fleet = start(&arguments, &target, send)?;
    let left_out = watch(&arguments, &fleet, receive, asked).await?;
    let totals = Totals { events_left_out: left_out, ..totals(&fleet) };
    if arguments.format.json {
        print::json(&serde_json::json!({ "event": "totals", "totals": totals }))?;
    } else {
        print::text(&lines(&serde_json::to_value(&totals)?))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes those into service that are not yet.
async fn enrol(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let folder = DataFolder::open(config)?;
    let Some(reach) = Reach::node(&folder).await? else {
        let root = folder.root().display();
        bail!(
            "no node runs on the data folder {root}: start chargeghar serve, or say --no-enrol \
             and enrol the cabinets where it runs"
        );
    };
    let known: Vec<StationBody> = reach.get("/stations").await?;
    let known: BTreeMap<DeviceUuid, usize> = known.into_iter().map(|s| (s.uuid, s.slots)).collect();
    let bar = bar("enrol [{wide_bar}] {pos} of {len}", u64::from(arguments.cabinets))?;
    for number in numbers(arguments) {
        if !known.contains_key(&DeviceUuid(numbered::uuid(number))) {
            let _: StationBody = reach.post("/stations", &station(arguments, number)).await?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn numbers(arguments: &Arguments) -> std::ops::Range<u32> {
    arguments.first..arguments.first + arguments.cabinets
}

#[expect(clippy::float_arithmetic, reason = "places, not money")]
fn station(arguments: &Arguments, number: u32) -> Enrol {
    let (row, column) = (number / 100 % 100, number % 100);
    let degrees = |corner: u32, steps: u32| f64::from(corner + steps * STEP) / 10_000.0;
    Enrol {
        uuid: numbered::uuid(number),
        serial: numbered::serial(number),
        name: format!("Simulated {number}"),
        lat: degrees(CORNER.0, row),
        lng: degrees(CORNER.1, column),
        slots: arguments.slots,
        address: String::new(),
    }
}

fn start(
    arguments: &Arguments,
    target: &str,
    events: mpsc::Sender<(DeviceUuid, Seen)>,
) -> anyhow::Result<Vec<Cabinet>> {
    let script = match &arguments.script {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Some(Script::parse(&text).with_context(|| path.display().to_string())?)
        }
        None => None,
    };
    let observer: Observer = Arc::new(move |uuid, seen| {
        let _ = events.try_send((uuid.clone(), seen.clone())); // beyond the bound it is left out
    });
    let fleet = Fleet::new();
    let spec = |number: u32| {
        let banks = numbered::banks(number, arguments.banks).map(|sn| Sn(sn.to_string()));
        let spec = Spec::new(numbered::uuid(number).as_str(), target)
            .layout(layout(arguments))
            .timing(Timing::sped_up(arguments.speed))
            .seed(u64::from(number))
            .with_banks(banks)
            .observed_by(Arc::clone(&observer));
        Spec { script: script.clone(), events_kept: 0, ..spec }
    };
    Ok(numbers(arguments).map(|number| fleet.start(spec(number))).collect())
}

fn layout(arguments: &Arguments) -> Layout {
    let slots = arguments.slots;
    let boards = |each: u16| {
        let mut sizes = vec![each; usize::from(slots / each)];
        sizes.extend((!slots.is_multiple_of(each)).then_some(slots % each));
        sizes
    };
    match arguments.layout {
        Build::Usual => Layout::of(slots),
        Build::Marker => Layout::marker(&boards(4)),
        Build::Counted => Layout::counted(&boards(8)),
        Build::Uniform => Layout::uniform(1, slots),
        Build::Mixed => Layout::mixed(&boards(4)),
        Build::Phantoms => Layout::marker(&boards(4)).with_phantoms(4),
    }
}

/// Tells what happens until the end; answers how many events were left out.
async fn watch(
    arguments: &Arguments,
    fleet: &[Cabinet],
    mut events: mpsc::Receiver<(DeviceUuid, Seen)>,
    asked: impl Future<Output = ()>,
) -> anyhow::Result<u64> {
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}")?;
    let bar = ProgressBar::new_spinner().with_style(style);
    let clock = Clock::system();
    let end = clock.now() + Duration::from_secs(arguments.seconds.unwrap_or(u64::from(u32::MAX)));
    let mut last: BTreeMap<DeviceUuid, u64> = BTreeMap::new();
    let mut left_out = 0;
    tokio::pin!(asked);
    loop {
        tokio::select! {
            biased;
            () = &mut asked => break,
            () = clock.sleep_until(end) => break,
            Some((uuid, seen)) = events.recv() => {
                let before = last.insert(uuid.clone(), seen.seq);
                left_out += before.map_or(0, |before| seen.seq.saturating_sub(before + 1));
                tell(arguments, &bar, &uuid, &seen)?;
            }
            () = clock.sleep(LOOK) => {}
        }
        bar.set_message(progress(&totals(fleet)));
        bar.tick();
    }
    bar.finish_and_clear();
    Ok(left_out)
}

/// Every event for programs; for people what they would want to hear of.
fn tell(
    arguments: &Arguments,
    bar: &ProgressBar,
    uuid: &DeviceUuid,
    seen: &Seen,
) -> anyhow::Result<()> {
    if arguments.format.json {
        let mut line = serde_json::to_value(seen)?;
        line["cabinet"] = Value::from(uuid.as_str());
        return print::json(&line);
    }
    if is_news(&seen.event) {
        bar.println(format!("{uuid}  {}", seen.event));
    }
    Ok(())
}

fn is_news(event: &Event) -> bool {
    matches!(
        event,
        Event::ConnectRefused { .. }
            | Event::BrokerRefused { .. }
            | Event::SubscribeRefused { .. }
            | Event::Offline { .. }
            | Event::Reboot { .. }
            | Event::Ejected { .. }
            | Event::NotEjected { .. }
            | Event::Inserted { .. }
            | Event::Step { .. }
    )
}

fn progress(totals: &Totals) -> String {
    format!(
        "{} of {} online, {} heartbeats, {} ejects, {} returns, {} reboots",
        totals.online,
        totals.cabinets,
        totals.heartbeats,
        totals.ejects,
        totals.insertions,
        totals.reboots
    )
}

fn totals(fleet: &[Cabinet]) -> Totals {
    let mut totals = Totals { cabinets: fleet.len(), ..Totals::default() };
    for cabinet in fleet {
        let counts = cabinet.counts();
        totals.online += usize::from(cabinet.is_online());
        totals.connects += counts.connects;
        totals.connects_refused += counts.connects_refused;
        totals.heartbeats += counts.heartbeats;
        totals.ejects += counts.ejects;
        totals.ejects_refused += counts.ejects_refused;
        totals.insertions += counts.insertions;
        totals.reboots += counts.reboots;
        totals.calls_failed += counts.calls_failed;
    }
    totals
}

fn lines(totals: &Value) -> String {
    let fields = totals.as_object().into_iter().flatten();
    let rows: Vec<(String, String)> =
        fields.map(|(name, value)| (name.replace('_', " "), value.to_string())).collect();
    pairs(rows.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

fn bar(template: &str, length: u64) -> anyhow::Result<ProgressBar> {
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(template)?))
}

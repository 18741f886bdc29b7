//! `chargeghar demo`: the whole network in one process, with simulated cabinets and a rider who
//! uses it as an app would. It says what happens, checks what must hold, and goes on serving.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use cabinet::{Cabinet, Fleet, Spec, Timing};
use clap::Args;
use domain::ids::Serial;
use serde_json::json;

use super::reach::Reach;
use super::serve::{self, Running};
use super::{Common, QUIET, to_its_end};
use crate::admin::{Enrol, StationBody};
use crate::clock::Clock;
use crate::config::{Config, Seconds};
use crate::embedded::DataFolder;
use crate::node::Exit;
use crate::telemetry::{self, Output};

mod places;
mod rider;
mod story;
mod timeline;

#[cfg(test)]
mod tests;

use places::PLACES;
use timeline::{Timeline, Who};

/// How much faster than real ones the cabinets live.
const SPEED: u32 = 60;
/// Names the folder to work in. The settings' file does not: its folder is a network's.
const FOLDER: &str = "CHARGEGHAR__DATA_DIR";
/// How long the service may take until it is ready.
const READY: Duration = Duration::from_mins(1);
/// How long the cabinets may take to come online and report.
const ONLINE: Duration = Duration::from_secs(30);
/// The first cabinet's uuid, an IMEI of no real maker.
const FIRST_UUID: u64 = 990_000_100_000_001;
/// The first bank's serial.
const FIRST_BANK: u64 = 80_000_001;

#[derive(Args)]
pub struct Arguments {
    /// End after the story, with 1 if anything was not as it should be
    #[arg(long)]
    exit: bool,
    /// Print JSON lines on stdout, and nothing else there
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let named = std::env::var_os(FOLDER).map(PathBuf::from);
    let mut config = of_its_own(&Config::load(common.config.as_deref())?, named);
    telemetry::init(Output::Stderr, QUIET)?;
    let folder = own_folder(&mut config)?;
    free_ports(&mut config);
    let code = to_its_end(demo(arguments, config));
    drop(folder);
    code.or_else(serve::exit_of_second_instance)
}

async fn demo(arguments: &Arguments, config: Config) -> anyhow::Result<ExitCode> {
    let mut asked = Box::pin(serve::signals()?);
    let heard = telemetry::listen();
    let mut timeline = Timeline::new(Clock::system(), arguments.json);
    timeline.chapter("A network");
    let folder = DataFolder::open(&config)?;
    let running = tokio::select! {
        biased;
        () = &mut asked => return Ok(ExitCode::FAILURE),
        started = start(config, &folder) => started?,
    };
    let told = tokio::select! {
        biased;
        () = &mut asked => None,
        told = show(&mut timeline, &running, &folder, heard) => Some(told),
    };
    let mut good = false;
    if let Some(Ok(_cabinets)) = &told {
        good = timeline.end();
        if !arguments.exit {
            invite(&timeline, &running.http);
            good &= running.node.run_until(asked).await == Exit::Asked;
        }
    }
    let failed = told.and_then(Result::err); // and the cabinets go
    running.stop().await;
    match failed {
        Some(error) => Err(error),
        None => Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

/// Starts the service, unless its folder is a network's: of that nothing may come to life here.
async fn start(config: Config, folder: &DataFolder) -> anyhow::Result<Running> {
    let traces = folder.traces();
    if folder.postgres().exists() {
        let reach = Reach::open(&config).await?;
        let known: anyhow::Result<Vec<StationBody>> = reach.get("/stations").await;
        reach.close().await;
        let mut serials = known?.into_iter().map(|station| station.serial);
        if let Some(serial) = serials.find(|serial| !is_own(serial)) {
            bail!(
                "{} is the data folder of a network: it has the cabinet {serial}, which is none \
                 of the demo's; unset {FOLDER}, or name an empty folder",
                folder.root().display()
            );
        }
    } else if !traces.is_empty() {
        bail!(
            "{} is the data folder of a network whose database is elsewhere: it has {}; unset \
             {FOLDER}, or name an empty folder",
            folder.root().display(),
            traces.join(", ")
        );
    }
    Running::start(config).await
}

/// The story from the start on. What goes wrong in it is a check that failed.
async fn show(
    timeline: &mut Timeline,
    running: &Running,
    folder: &DataFolder,
    heard: tokio::sync::mpsc::Receiver<String>,
) -> anyhow::Result<Vec<Cabinet>> {
    let ready = serve::until_ready(&running.http);
    if Clock::system().within(READY, ready).await.is_none() {
        bail!(
            "the service is not ready after {} s; {}/readyz says what it waits for, while one runs",
            READY.as_secs(),
            running.http
        );
    }
    timeline.step_with(
        Who::Service,
        format!("ready at {} and {}", running.http, running.mqtt),
        json!({ "http": running.http, "mqtt": running.mqtt }),
    );
    let told = tell(timeline, running, folder, heard).await;
    if let Err(error) = &told {
        timeline.check(false, "the story goes to its end", &format!("{error:#}"));
    }
    Ok(told.unwrap_or_default())
}

/// The story itself; the cabinets live as long as its answer.
async fn tell(
    timeline: &mut Timeline,
    running: &Running,
    folder: &DataFolder,
    heard: tokio::sync::mpsc::Receiver<String>,
) -> anyhow::Result<Vec<Cabinet>> {
    let reach = Reach::node(folder).await?.context("the node does not answer its operator")?;
    let known: Vec<StationBody> = reach.get("/stations").await?;
    let is_known = |serial: &str| known.iter().any(|station| station.serial.as_str() == serial);
    let new = PLACES.iter().enumerate().filter(|(number, _)| !is_known(&serial(*number)));
    for (number, place) in new {
        let enrol = Enrol {
            uuid: uuid(number),
            serial: serial(number),
            name: place.name.to_owned(),
            lat: place.lat,
            lng: place.lng,
            slots: place.slots,
            address: place.address.to_owned(),
        };
        let _: StationBody = reach.post("/stations", &enrol).await?;
    }
    timeline.step(Who::Operator, format!("enrolled {} cabinets in Kathmandu", PLACES.len()));
    let cabinets = cabinets(&running.http);
    for cabinet in &cabinets {
        cabinet.wait_reported(ONLINE).await?;
    }
    let banks: u16 = PLACES.iter().map(|place| place.banks).sum();
    timeline.step(Who::Cabinet, format!("{} are online and report {banks} banks", cabinets.len()));
    story::tell(timeline, running, &reach, &cabinets, heard).await?;
    Ok(cabinets)
}

fn cabinets(base_url: &str) -> Vec<Cabinet> {
    let fleet = Fleet::new();
    let mut bank = FIRST_BANK;
    let specs = PLACES.iter().enumerate().map(|(number, place)| {
        let banks: Vec<String> =
            (bank..bank + u64::from(place.banks)).map(|sn| sn.to_string()).collect();
        bank += u64::from(place.banks);
        Spec::new(uuid(number).as_str(), base_url)
            .layout(place.layout())
            .with_banks(banks.iter().map(String::as_str))
            .timing(Timing::sped_up(SPEED))
    });
    specs.map(|spec| fleet.start(spec)).collect()
}

fn uuid(number: usize) -> String {
    (FIRST_UUID + number as u64).to_string()
}

pub(super) fn serial(number: usize) -> String {
    format!("CG-KTM-{:03}", number + 1)
}

fn invite(timeline: &Timeline, http: &str) {
    timeline.chapter("It goes on: press Ctrl-C to end it");
    timeline.detail(&format!("live map of slots   {http}/live"));
    timeline.detail(&format!("stations            {http}/api/stations"));
    timeline.detail(&format!("API, to browse      {http}/docs/"));
    timeline.detail(&format!("metrics             {http}/metrics"));
}

/// One of the twelve that the demo enrols.
fn is_own(known: &Serial) -> bool {
    (0..PLACES.len()).any(|number| serial(number) == known.as_str())
}

/// Of the settings, where the demo listens and how it starts a database: a story has no place in
/// a network that is in use, so its database, its broker and its money are its own. So is its
/// folder, unless one is `named` for this run.
fn of_its_own(config: &Config, named: Option<PathBuf>) -> Config {
    let data_dir = named.unwrap_or_default();
    let mut own = Config { data_dir, ..Config::default() };
    (own.http.bind, own.http.port) = (config.http.bind, config.http.port);
    (own.mqtt.bind, own.mqtt.port) = (config.mqtt.bind, config.mqtt.port);
    own.database.embedded_programs.clone_from(&config.database.embedded_programs);
    own.stations.comeback_s = Seconds(0); // its cabinets begin anew with it
    own
}

/// A folder of its own, unless one is named; it goes with the demo.
fn own_folder(config: &mut Config) -> anyhow::Result<Option<TemporaryFolder>> {
    if !config.data_dir.as_os_str().is_empty() {
        return Ok(None);
    }
    let folder = TemporaryFolder::new()?;
    config.data_dir = folder.path().into();
    Ok(Some(folder))
}

/// The usual ports, or any other ones where somebody has those.
fn free_ports(config: &mut Config) {
    if !is_free(config.http.port) {
        config.http.port = 0;
    }
    if !is_free(config.mqtt.port) {
        config.mqtt.port = 0;
    }
}

fn is_free(port: u16) -> bool {
    port == 0 || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Removed when it is dropped.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<TemporaryFolder> {
        let name = format!("chargeghar-demo-{}", crate::entropy::Entropy::system().base62(8));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(TemporaryFolder(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("warning: {} was not removed: {error}", self.0.display());
        }
    }
}

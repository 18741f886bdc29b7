//! `bench`: measures one part of the service at a time, several times, in turns with the limit
//! of that part on the same machine at the same time.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::time::sleep;

use crate::edges::{Mosquitto, Postgres, Room};
use crate::fixture;
use crate::machine::Facts;
use crate::progress::spinner;
use crate::report::{self, Section};
use crate::scratch::Scratch;
use crate::service::{Beside, Plan};

mod boot;
mod frames;
pub mod limits;
mod memory;
mod money;
mod publisher;
mod reads;
mod starts;

#[derive(Args)]
pub struct Arguments {
    /// What to measure; without a name everything
    names: Vec<Name>,
    /// How often each figure is measured
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long one measurement takes, where that is a choice
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Cabinets that are simulated for starts; each gets at most one start in 20 s
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    cabinets: u32,
    /// Starts per second that are tried
    #[arg(long, value_delimiter = ',', default_values_t = [25, 50, 100])]
    rates: Vec<u32>,
    /// Whose database and broker the service has
    #[arg(long, value_enum, default_value_t = Edges::Embedded)]
    edges: Edges,
    /// JSON on stdout instead of tables
    #[arg(long)]
    json: bool,
    /// Writes the results into this document, between its markers
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    Frames,
    Starts,
    Reads,
    Memory,
    Boot,
    Money,
}

/// What the service stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Edges {
    /// A Postgres below it and the broker in it
    Embedded,
    /// A Postgres and a Mosquitto beside it, as Debian packages them
    Debian,
}

/// What every measurement needs.
struct Bench {
    service: PathBuf,
    /// The broker with a counter, as an example of its package.
    bare_broker: PathBuf,
    rounds: u32,
    length: Duration,
    cabinets: u32,
    rates: Vec<u32>,
    edges: Edges,
    /// Databases and brokers beside the service; they end with the measurement.
    beside: RefCell<Vec<(Postgres, Mosquitto)>>,
    scratch: Scratch,
}

pub async fn run(service: PathBuf, arguments: Arguments) -> anyhow::Result<()> {
    let facts = Facts::read();
    let bare_broker = service.with_file_name("examples").join("bare_broker");
    let bench = Bench {
        service,
        bare_broker,
        rounds: arguments.rounds,
        length: Duration::from_secs(arguments.seconds),
        cabinets: arguments.cabinets,
        rates: arguments.rates,
        edges: arguments.edges,
        beside: RefCell::default(),
        scratch: Scratch::new()?,
    };
    let all = Name::value_variants();
    let names = if arguments.names.is_empty() { all } else { &arguments.names[..] };
    let mut sections = Vec::new();
    for name in names {
        let mut section = match name {
            Name::Frames => Box::pin(frames::measure(&bench)).await?,
            Name::Starts => Box::pin(starts::measure(&bench)).await?,
            Name::Reads => Box::pin(reads::measure(&bench)).await?,
            Name::Memory => Box::pin(memory::measure(&bench)).await?,
            Name::Boot => Box::pin(boot::measure(&bench)).await?,
            Name::Money => Box::pin(money::measure(&bench)).await?,
        };
        bench.beside.borrow_mut().clear();
        if bench.edges == Edges::Debian {
            on_debian(&mut section);
        }
        if !arguments.json {
            println!("{}", section.text());
        }
        if let Some(path) = &arguments.record {
            report::record(path, std::slice::from_ref(&section), &facts, &command())?;
        }
        sections.push(section);
    }
    if arguments.json {
        let all =
            serde_json::json!({ "machine": facts, "command": command(), "sections": sections });
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}

/// As it would be typed.
fn command() -> String {
    let words = std::env::args().skip_while(|word| word != "bench");
    format!("./run {}", words.collect::<Vec<_>>().join(" "))
}

/// Its figures have a place of their own.
fn on_debian(section: &mut Section) {
    section.name += "-debian";
    section.title += ", on Debian's Postgres and Mosquitto";
    section.note(
        "Postgres and Mosquitto are processes of their own with the settings of their packages: \
         Postgres over its socket with `fsync` on, Mosquitto with dynamic security and its store \
         on the disk. The broker's processor time counts with the service's.",
    );
}

impl Bench {
    /// How a service with nothing in its books is started, with what it stands on.
    async fn plan(&self, name: &str) -> anyhow::Result<Plan> {
        let plan = Plan::new(&self.service, &self.scratch.folder(name)?);
        if self.edges == Edges::Embedded {
            return Ok(plan);
        }
        let folder = |what: &str| self.scratch.folder(&format!("{name}-{what}"));
        let database = Postgres::start_new(&folder("postgres")?, Room::AsPackaged).await?;
        let broker = Mosquitto::start_new(&folder("mosquitto")?).await?;
        let mut plan = plan.with("DATABASE__URL", database.url());
        plan.settings.extend(broker.settings());
        let (books, pids) = (database.options(), (database.pid(), broker.pid()));
        plan.beside = Some(Beside { books, database: pids.0, broker: pids.1 });
        self.beside.borrow_mut().push((database, broker));
        Ok(plan)
    }

    /// A data folder with stations, riders and banks in it, ready to be started.
    async fn network(&self, name: &str, network: Network) -> anyhow::Result<Plan> {
        let plan = self.plan(name).await?;
        let bar = spinner(&format!("{name}: {network}"));
        let service = plan.start().await?;
        let mut db = plan.books().await?;
        fixture::stations(&mut db, network.stations).await?;
        fixture::stock(&mut db, network.stations, network.banks).await?;
        if network.riders > 0 {
            fixture::riders(&mut db, network.riders).await?;
            fixture::open::open(&mut db, 1..=i64::from(network.out)).await?;
        }
        service.stop().await?;
        bar.finish_and_clear();
        Ok(plan)
    }
}

/// What a fixture has in it.
#[derive(Clone, Copy, Debug, Default)]
struct Network {
    stations: u32,
    /// In each of them.
    banks: u16,
    riders: u32,
    /// Riders among them who have a bank out.
    out: u32,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Network { stations, banks, riders, out: _ } = self;
        write!(f, "{stations} stations, {banks} banks in each, {riders} riders")
    }
}

/// Looks until it is so; `false` after `within`.
async fn until<E>(
    within: Duration,
    mut so: impl AsyncFnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let begun = Instant::now();
    loop {
        if so().await? {
            return Ok(true);
        }
        if begun.elapsed() > within {
            return Ok(false);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Microseconds of `spent` for each of `count`.
fn micros_each(spent: Duration, count: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / count.max(1) as f64
}

//! A network of the harness's own: the service with what it needs, stations and riders in its
//! books, cabinets at its door.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use cabinet::Timing;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::Instant;

use super::PATIENCE;
use super::fault::Fault;
use super::gate::Gate;
use super::journey::{Rider, Town};
use super::outcome::Outcome;
use super::parts::Parts;
use super::scenario::Scenario;
use crate::edges::{Edges, Room};
use crate::fixture::{self, Tokens};
use crate::fleet::{Cabinets, Order};
use crate::machine;
use crate::pool::Pool;
use crate::progress::spinner;
use crate::scratch::Scratch;
use crate::service::{Plan, Service};
use crate::witness::Witness;

/// Connections of one cabinet: to the broker, and one over HTTP.
const FILES_A_CABINET: u64 = 2;
/// Clients of the service's own broker: as many as it has room for by itself, or more.
const CLIENTS_LEAST: u32 = 20_000;
const CLIENTS_BESIDE: u32 = 1_000;
/// Riders under way, the database, logs.
const FILES_BESIDE: u64 = 4_000;

pub struct Network {
    pub parts: Parts,
    /// A way to the books that no fault cuts.
    pub books: PgConnectOptions,
    pub town: Arc<Town>,
    pub witness: Witness,
    /// Goes last.
    _scratch: Scratch,
}

impl Network {
    /// Makes it ready for a scenario; the run begins when this is done. Where faults are to be
    /// done the service has a Postgres and a Mosquitto beside it, else its own in it.
    pub async fn start(
        program: &Path,
        scenario: &Scenario,
        settings: &[(&'static str, u32)],
    ) -> anyhow::Result<Network> {
        let stations = *scenario.network.stations.get_ref();
        machine::files(u64::from(stations) * FILES_A_CABINET + FILES_BESIDE)?;
        let scratch = Scratch::new()?;
        let mut plan = Plan::new(program, &scratch.folder("load")?)
            .with("LIMITS__REQUESTS_PER_MINUTE", 1_000_000)
            .with("LIMITS__STARTS_PER_MINUTE", 10_000)
            .with("LIMITS__ANONYMOUS_PER_MINUTE", 1_000_000_000)
            .with("MQTT__EMBEDDED_CLIENTS_MAX", CLIENTS_LEAST.max(stations + CLIENTS_BESIDE));
        for (key, value) in settings {
            plan = plan.with(key, value);
        }
        let shown = spinner("the network is made ready");
        let edges = edges(scenario, &scratch).await?;
        if let Some(edges) = &edges {
            plan = plan.at_one_place()?;
            plan.settings.extend(edges.settings());
        }
        let service = plan.start().await?;
        let books = match &edges {
            Some(edges) => edges.database.options(),
            None => fixture::options(&plan.folder)?,
        };
        let mut db = books.connect().await?;
        fixture::stations(&mut db, stations).await?;
        let riders = riders(&mut db, scenario, &plan.folder).await?;
        service.stop().await?;
        let service = plan.start().await?;
        let mut db = books.connect().await?;
        shown.set_message("the cabinets go online");
        let witness = Witness::default();
        let cabinets = cabinets(&service, scenario, &witness, &mut db).await?;
        shown.finish_and_clear();
        let town = town(scenario, service.http, Some(cabinets), riders);
        Ok(Network {
            parts: Parts::new(plan, service, edges),
            books,
            town,
            witness,
            _scratch: scratch,
        })
    }

    pub async fn books(&self) -> anyhow::Result<PgConnection> {
        self.books.connect().await.context("the books cannot be read")
    }

    /// Ends it in order.
    pub async fn stop(self) -> anyhow::Result<()> {
        drop(self.town);
        self.parts.stop().await
    }
}

pub fn town(
    scenario: &Scenario,
    address: std::net::SocketAddr,
    cabinets: Option<Cabinets>,
    riders: Vec<Rider>,
) -> Arc<Town> {
    let parts = scenario.gates.iter().filter_map(Gate::span);
    Arc::new(Town {
        pool: Pool::new(address, PATIENCE),
        begin: Instant::now(),
        stations: *scenario.network.stations.get_ref(),
        cabinets: cabinets.map(Arc::new),
        outcome: Mutex::new(Outcome::of_parts(scenario.seconds, parts)),
        idle_riders: Mutex::new(riders),
        patience: scenario.patience,
        insists: scenario.is_faulty,
    })
}

async fn edges(scenario: &Scenario, scratch: &Scratch) -> anyhow::Result<Option<Edges>> {
    if !scenario.is_faulty {
        return Ok(None);
    }
    let fills = |timed: &super::scenario::faults::Timed| matches!(timed.fault, Fault::DiskFull(_));
    let room = if scenario.faults.iter().any(fills) { Room::Small } else { Room::Disk };
    Ok(Some(Edges::start(scratch, room).await?))
}

async fn riders(
    db: &mut PgConnection,
    scenario: &Scenario,
    folder: &Path,
) -> anyhow::Result<Vec<Rider>> {
    let count = scenario.network.riders;
    if count == 0 {
        return Ok(Vec::new());
    }
    let first = fixture::riders(db, count).await?;
    let tokens = Tokens::of(folder)?;
    let riders = (first..first + i64::from(count)).map(|number| tokens.of_rider(number));
    riders.map(|token| Ok(Rider { token: token? })).collect()
}

async fn cabinets(
    service: &Service,
    scenario: &Scenario,
    witness: &Witness,
    db: &mut PgConnection,
) -> anyhow::Result<Cabinets> {
    let network = &scenario.network;
    let every = |seconds: Option<u32>| seconds.map(|s| Duration::from_secs(u64::from(s)));
    let timing = Timing { keep_alive: Duration::from_mins(1), ..Timing::quick() };
    let timing = match every(network.heartbeat_s) {
        Some(period) => timing.heartbeats_every(period),
        None => timing,
    };
    let timing = match every(network.report_s) {
        Some(period) => timing.reports_every(period),
        None => timing,
    };
    let (stations, banks) = (*network.stations.get_ref(), *network.banks.get_ref());
    let (base_url, witness) = (service.base_url(), Some(witness));
    let order = Order { base_url: &base_url, count: stations, stocked: banks, timing, witness };
    Cabinets::start(order, db).await
}

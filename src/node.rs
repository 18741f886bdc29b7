//! Builds one node and ends it in order. It holds no logic: each part is made, given what it
//! needs, and started; nobody imports this but the commands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use devices::a8::A8;
use tokio::task::JoinHandle;

use crate::actors::rentals::{Rentals, Tariff};
use crate::actors::stations::Stations;
use crate::actors::{Context, Parts, flusher, route};
use crate::clients::broker_admin::{self, BrokerAdmin, Cabinets};
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::embedded::{self, NodeLock, postgres};
use crate::entropy::Entropy;
use crate::link::{Link, mqtt};
use crate::metrics::Recorder;
use crate::spawn::Tasks;
use crate::store::load::{Loaded, StationRow};
use crate::store::{self, Lease, Store};

mod accounts;
mod background;
mod carriers;
mod deadline;
pub(crate) mod edges;
pub(crate) mod limits;
#[cfg(feature = "embedded-broker")]
mod refusals;
mod resources;
mod unread;
mod web;

use background::background;
pub use deadline::Deadline;
use edges::Tools;
use resources::{Resources, config_addr};
use web::Needs;

/// Of the time for an orderly end, what is kept for the process to go away.
const LEAVE: Duration = Duration::from_secs(1);

/// What a caller may choose; the rest is configured.
pub struct Options {
    pub clock: Clock,
    pub entropy: Entropy,
    /// Which program runs the embedded Postgres; this one unless a test says otherwise.
    pub launcher: Option<PathBuf>,
    /// Keep everybody else off the data folder.
    pub lock: bool,
}

impl Default for Options {
    fn default() -> Options {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        Options { clock, entropy, launcher: None, lock: true }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Data(#[from] embedded::Error),
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    #[error(transparent)]
    Store(store::Error),
    /// Another instance is alive.
    #[error("another instance runs on this database: {by}; stop it, or use another database")]
    Held { by: String },
    #[error("this build has no broker of its own: set CHARGEGHAR__MQTT__URL")]
    NoBroker,
    #[cfg(feature = "embedded-broker")]
    #[error(transparent)]
    Broker(#[from] broker::Error),
    #[error(transparent)]
    Accounts(#[from] broker_admin::Error),
    #[error(transparent)]
    Link(#[from] mqtt::BadSettings),
    #[error("{addr} cannot be listened on: {cause}; set CHARGEGHAR__HTTP__PORT")]
    Listen { addr: SocketAddr, cause: std::io::Error },
    /// Messages to riders could not be sent so.
    #[error("{0}")]
    Carrier(String),
    #[error("the HTTP server could not be started: {0}")]
    Web(String),
    /// A node that starts so would forget them.
    #[error(
        "this version cannot read {rentals} of {open} open rentals (the log names them): start \
         the version that wrote them"
    )]
    Unread { rentals: usize, open: usize },
    #[error("an actor could not be started: {0}")]
    Actor(String),
}

impl From<store::Error> for StartError {
    fn from(error: store::Error) -> StartError {
        match error {
            store::Error::Held { by } => StartError::Held { by },
            store::Error::NotFound
            | store::Error::Stale
            | store::Error::Corrupt(_)
            | store::Error::Conflict(_)
            | store::Error::Unavailable(_)
            | store::Error::Unsure
            | store::Error::NotEmpty(_)
            | store::Error::Fenced
            | store::Error::Newer { .. }
            | store::Error::Migration(_)
            | store::Error::Address(_) => StartError::Store(error),
        }
    }
}

/// Why a node came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to.
    Asked,
    /// Another instance has taken over.
    Fenced,
    /// This task died too often; without it the node is not whole.
    Lost(&'static str),
}

/// A running node.
pub struct Node {
    pub context: Arc<Context>,
    pub stations: Stations,
    pub rentals: Rentals,
    pub credentials: Arc<Credentials>,
    lease: Lease,
    store: Store,
    tasks: Tasks,
    link: Arc<dyn Link>,
    admin: Arc<dyn BrokerAdmin>,
    #[cfg(feature = "embedded-broker")]
    broker: Option<Arc<broker::Broker>>,
    database: Option<postgres::Postgres>,
    http_addr: SocketAddr,
    mqtt_addr: (String, u16),
    web: web::Web,
    drain: Duration,
    _lock: Option<NodeLock>,
}

impl Node {
    /// Starts everything, in the order in which one part needs another.
    pub async fn start(config: Config, options: Options) -> Result<Node, StartError> {
        // before any part takes hold of a counter: one taken earlier counts nothing
        let _ = Recorder::install();
        let config = Arc::new(config);
        let resources = Resources::acquire(&config, &options).await?;
        let Resources { keys, credentials, database, listener, store, lease, lock } = resources;
        let Options { clock, entropy, .. } = options;
        let tasks = Tasks::new();
        let loaded = store.load_all().await?;
        unread::tell(&store, &loaded).await?;
        let accounts = accounts(&credentials, &loaded);
        let tools = Tools { clock: &clock, entropy: &entropy, tasks: &tasks };
        let cabinets = edges::cabinets(&config.mqtt, accounts, tools).await?;
        let context = Arc::new(Context::new(Parts {
            store: store.clone(),
            lease: lease.clone(),
            link: Arc::clone(&cabinets.link) as Arc<dyn Link>,
            codec: Arc::new(A8::default()),
            clock,
            entropy,
            settings: limits::actors(&config),
        }));
        let (stations, rentals) = raise(&context, loaded, &tasks).await?;
        tasks.spawn("route", route::run(Arc::clone(&context), cabinets.events));
        background(&config, &context, &tasks)?;
        let http_addr = listener.local_addr().unwrap_or(config_addr(&config));
        let needs = Needs {
            config: &config,
            keys: &keys,
            context: &context,
            stations: &stations,
            rentals: &rentals,
            tasks: &tasks,
            credentials: &credentials,
            mqtt_addr: &cabinets.addr,
        };
        let web = web::serve(listener, needs).await?;
        Ok(Node {
            http_addr,
            mqtt_addr: cabinets.addr,
            link: cabinets.link,
            admin: cabinets.admin,
            #[cfg(feature = "embedded-broker")]
            broker: cabinets.broker,
            database,
            web,
            drain: config.node.drain_s.duration(),
            context,
            stations,
            rentals,
            credentials,
            lease,
            store,
            tasks,
            _lock: lock,
        })
    }

    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// Where cabinets connect.
    pub fn mqtt_addr(&self) -> (&str, u16) {
        (&self.mqtt_addr.0, self.mqtt_addr.1)
    }

    /// Who keeps the accounts at the broker.
    pub fn broker_admin(&self) -> Arc<dyn BrokerAdmin> {
        Arc::clone(&self.admin)
    }

    /// Takes a cabinet that was enrolled into service: its actor, and its account at the broker.
    pub async fn admit(&self, row: StationRow) -> Result<(), StartError> {
        let info = &row.info;
        let password = self.credentials.password(&info.uuid, info.credential_generation);
        self.admin.put(&info.uuid, &password).await?;
        self.stations.enrolled(row).await;
        Ok(())
    }

    /// Runs something that the node cannot be without: should it panic, the node is lost.
    pub fn spawn<F>(&self, name: &'static str, part: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tasks.spawn(name, part)
    }

    /// Runs until it is asked to end, another instance takes over, or a part of it is lost.
    pub async fn run_until(&self, asked: impl Future<Output = ()>) -> Exit {
        tokio::select! {
            biased;
            () = self.lease.lost() => Exit::Fenced,
            () = asked => Exit::Asked,
            task = self.tasks.lost() => Exit::Lost(task),
            task = self.store.lost() => Exit::Lost(task),
        }
    }

    /// By when a node that is asked to end now has ended.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(&self.context.clock, self.drain.saturating_sub(LEAVE))
    }

    /// Ends in order: no new work, what is under way is stored, then the edges.
    pub async fn stop(self) {
        let deadline = self.deadline();
        self.stop_by(&deadline).await;
    }

    /// The same, by an instant that is set already.
    pub async fn stop_by(self, deadline: &Deadline) {
        self.web.close(deadline.left() / 3).await;
        deadline.step("link", 3, self.link.close()).await;
        deadline.step("flusher", 3, flusher::flush(&self.context)).await;
        self.tasks.abort();
        deadline.step("store", 2, self.store.close(deadline.left() / 3)).await;
        #[cfg(feature = "embedded-broker")]
        if let Some(broker) = self.broker {
            deadline.step("broker", 2, broker.shutdown()).await;
        }
        if let Some(database) = self.database {
            database.stop(deadline.left()).await;
        }
    }
}

/// Everything that was loaded comes to life: first the books, then the cabinets, then the
/// rentals that speak to them.
async fn raise(
    context: &Arc<Context>,
    loaded: Loaded,
    tasks: &Tasks,
) -> Result<(Stations, Rentals), StartError> {
    let failed = |error: ractor::ActorProcessingErr| StartError::Actor(error.to_string());
    context.banks.load(loaded.banks);
    for stored in &loaded.rentals {
        context.note_unsettled(stored.rental.station, stored.rental.id);
        context.rentals.learn(Arc::new(stored.clone()));
    }
    let late_fee = loaded.late_fee.unwrap_or_else(domain::tariff::LateFee::standard);
    let tariff = Tariff { packages: loaded.packages, late_fee };
    let stations =
        Stations::raise(Arc::clone(context), loaded.stations, tasks).await.map_err(failed)?;
    let rentals =
        Rentals::raise(Arc::clone(context), tariff, loaded.rentals, tasks).await.map_err(failed)?;
    Ok((stations, rentals))
}

/// Every enrolled cabinet with its password at the broker.
fn accounts(credentials: &Credentials, loaded: &Loaded) -> Cabinets {
    let stations = loaded.stations.iter().map(|station| &station.info);
    stations
        .map(|info| {
            let password = credentials.password(&info.uuid, info.credential_generation);
            (info.uuid.clone(), password)
        })
        .collect()
}

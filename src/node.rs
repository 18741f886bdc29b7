//! Builds one node and ends it in order. It holds no logic: each part is made, given what it
//! needs, and started; nobody imports this but the commands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use devices::a8::A8;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::actors::rentals::{Rentals, Tariff};
use crate::actors::stations::Stations;
use crate::actors::sweeper::{Retention, Rhythm};
use crate::actors::{Context, Parts, auditor, flusher, outbox, route, sweeper, witness};
use crate::clients::broker_admin::{self, BrokerAdmin, Cabinets};
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::embedded::keys::Keys;
use crate::embedded::{self, DataFolder, NodeLock, postgres};
use crate::entropy::Entropy;
use crate::link::{Link, mqtt};
use crate::metrics::Recorder;
use crate::spawn::Tasks;
use crate::store::load::{Loaded, StationRow};
use crate::store::{self, Lease, Store};

mod accounts;
mod carriers;
mod deadline;
pub(crate) mod edges;
pub(crate) mod limits;
#[cfg(feature = "embedded-broker")]
mod refusals;
mod unread;
mod web;

pub use deadline::Deadline;
use edges::Tools;
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

/// What a node stands on, and what only one instance can have.
struct Resources {
    lock: Option<NodeLock>,
    keys: Keys,
    credentials: Arc<Credentials>,
    database: Option<postgres::Postgres>,
    listener: TcpListener,
    store: Store,
    lease: Lease,
}

impl Resources {
    async fn acquire(config: &Config, options: &Options) -> Result<Resources, StartError> {
        let Options { clock, entropy, launcher, lock } = options;
        let folder = DataFolder::open(config)?;
        let lock = if *lock { Some(folder.lock()?) } else { None };
        let keys = Keys::load(&folder, &config.auth, entropy)?;
        let credentials = Arc::new(Credentials::new(&keys.server));
        let database = edges::database(config, &folder, entropy, launcher.clone()).await?;
        let listener = listen(config).await?;
        let settings = limits::store(config, &database.url);
        let store = Store::open(settings, clock.clone(), entropy.clone()).await?;
        let wait = config.node.lease_expiry_ms.duration() * 2;
        let lease = store.acquire(&holder(entropy), wait).await?;
        let database = database.child;
        Ok(Resources { lock, keys, credentials, database, listener, store, lease })
    }
}

/// Work that nobody asks for: telemetry, owed effects, and what only the clock starts.
fn background(config: &Config, context: &Arc<Context>, tasks: &Tasks) -> Result<(), StartError> {
    let keep = Keep { context, tasks };
    keep.running("flusher", flusher::run);
    let (outside, policy) = (carriers::push(config)?, limits::outbox(config));
    keep.running("outbox", move |context| outbox::run(context, Arc::clone(&outside), policy));
    let retention = Retention {
        frames: config.telemetry.frames_days.delta(),
        keys: config.rentals.idempotency_days.delta(),
        logins: config.auth.ended_login_days.delta(),
        gateway_events: config.payments.gateway_events_days.delta(),
        delivered: config.outbox.done_days.delta(),
        strangers: config.limits.pending_days.delta(),
    };
    let (every, whole) = (config.ledger.check_s.duration(), config.ledger.whole_check_s.delta());
    let pace = auditor::Pace { every, whole };
    keep.running("auditor", move |context| auditor::run(context, pace));
    keep.running("witness", move |context| witness::run(context, every));
    let (sweep, tidy) = (config.node.sweep_s.duration(), config.node.tidy_s.duration());
    let rhythm = Rhythm { sweep, tidy };
    keep.running("sweeper", move |context| sweeper::run(context, rhythm, retention));
    Ok(())
}

/// What there is one of runs as long as the node.
struct Keep<'n> {
    context: &'n Arc<Context>,
    tasks: &'n Tasks,
}

impl Keep<'_> {
    fn running<F>(
        &self,
        name: &'static str,
        mut run: impl FnMut(Arc<Context>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let context = Arc::clone(self.context);
        let clock = context.clock.clone();
        self.tasks.keep(name, clock, move || run(Arc::clone(&context)));
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

async fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let addr = config_addr(config);
    TcpListener::bind(addr).await.map_err(|cause| StartError::Listen { addr, cause })
}

fn config_addr(config: &Config) -> SocketAddr {
    SocketAddr::new(config.http.bind, config.http.port)
}

/// Who holds the lease, for a person to find.
fn holder(entropy: &Entropy) -> String {
    format!("pid {} run {}", std::process::id(), entropy.base62(6))
}

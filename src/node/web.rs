//! The HTTP server of a node: its handles, what it waits for before it is ready, and its end.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::actors::Context;
use crate::actors::errands::Errands;
use crate::actors::logins::{self, Logins};
use crate::actors::payments::{self, Payments};
use crate::actors::refunds::Refunds;
use crate::actors::rentals::Rentals;
use crate::actors::stations::Stations;
use crate::actors::strangers::Strangers;
use crate::actors::withdrawals::Withdrawals;
use crate::clients::payments::Gateways;
use crate::clients::web::Web as Client;
use crate::clock::Clock;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::embedded::keys::Keys;
use crate::ephemera::{Ephemera, Memory, Redis};
use crate::http::devices::{self, Broker, Calls};
use crate::http::token::Tokens;
use crate::http::{self, App, Bounds};
use crate::metrics::{self, Recorder};
use crate::readiness::{Part, Readiness};
use crate::spawn::Tasks;

use super::{StartError, carriers};

/// Between two looks at the database and the broker.
const LOOK: Duration = Duration::from_secs(1);
/// Between two writes of cabinets that nobody enrolled.
const STRANGERS: Duration = Duration::from_secs(5);
/// First level of cabinets' topics.
const PRODUCT: &str = "powerbank";
/// Between two foldings of the figures.
const UPKEEP: Duration = Duration::from_secs(5);

/// What the server is given.
pub struct Needs<'a> {
    pub config: &'a Arc<Config>,
    pub keys: &'a Keys,
    pub context: &'a Arc<Context>,
    pub stations: &'a Stations,
    pub rentals: &'a Rentals,
    pub tasks: &'a Tasks,
    pub credentials: &'a Arc<Credentials>,
    /// Where cabinets connect.
    pub mqtt_addr: &'a (String, u16),
}

/// The running server.
pub struct Web {
    closing: watch::Sender<bool>,
    served: JoinHandle<()>,
    connections: Tasks,
}

/// Starts the server and everything that only it needs.
pub async fn serve(listener: TcpListener, needs: Needs<'_>) -> Result<Web, StartError> {
    let Needs { config, keys, context, stations, rentals, tasks, .. } = needs;
    let (clock, entropy) = (context.clock.clone(), context.entropy.clone());
    let ephemera = ephemera(config, context)?;
    let readiness = Readiness::new();
    let ttl = TimeDelta::seconds(i64::from(config.auth.access_token_s.0));
    let tokens = Tokens::new(&keys.signing, &config.auth.issuer, ttl, clock.clone());
    let tokens = tokens.map_err(|error| StartError::Web(error.to_string()))?;
    let client = Client::new().map_err(|error| StartError::Web(error.to_string()))?;
    let logins = Logins::new(logins::Parts {
        store: context.store.clone(),
        ephemera: Arc::clone(&ephemera),
        messengers: carriers::messengers(config, &client, &clock, &entropy)?,
        clock: clock.clone(),
        entropy: entropy.clone(),
        auth: config.auth.clone(),
        limits: config.limits.clone(),
        server_key: keys.server,
    });
    for login in logins.ended().await? {
        tokens.end(login);
    }
    let gateways = Gateways::new(config, &client, &public_url(config, &listener));
    let settings = payments::Settings::new(config);
    let payments =
        Payments::new(context.store.clone(), clock.clone(), entropy.clone(), gateways, settings);
    let swept = payments.clone();
    tasks.keep("payments", clock.clone(), move || swept.clone().sweep());
    let errands = errands(&needs, &payments);
    let withdrawals = withdrawals(&needs);
    let refunds = refunds(&needs);
    let recorder = recorder(context, &ephemera);
    let app = App::new(http::Parts {
        config: Arc::clone(config),
        clock,
        entropy,
        recorder: recorder.clone(),
        readiness: readiness.clone(),
        tokens,
        store: context.store.clone(),
        ephemera,
        logins,
        payments,
        errands,
        withdrawals,
        refunds,
        stations: stations.clone(),
        rentals: rentals.clone(),
        calls: calls(&needs),
    });
    readiness.set(Part::Loaded, true);
    observe(&needs, readiness, recorder);
    let (closing, closed) = watch::channel(false);
    let connections = Tasks::new();
    let bounds = Bounds::new(&config.http);
    let served = tasks.spawn("http", run(listener, app, bounds, connections.clone(), closed));
    Ok(Web { closing, served, connections })
}

impl Web {
    /// Takes no new requests, and lets those in work end, at most for `bound`.
    pub async fn close(self, bound: Duration) {
        self.closing.send_replace(true);
        if tokio::time::timeout(bound, self.served).await.is_err() {
            let cut = self.connections.abort().len();
            tracing::warn!(cut, "connections were ended before their requests were answered");
        }
    }
}

fn withdrawals(needs: &Needs<'_>) -> Withdrawals {
    let Needs { config, context, .. } = needs;
    let rules = super::limits::withdrawals(config);
    let (store, clock) = (context.store.clone(), context.clock.clone());
    Withdrawals::new(store, clock, context.entropy.clone(), rules)
}

fn errands(needs: &Needs<'_>, payments: &Payments) -> Errands {
    let every = needs.config.node.sweep_s.duration();
    let (store, clock) = (needs.context.store.clone(), needs.context.clock.clone());
    let errands = Errands::new(store, clock, needs.rentals.clone(), payments.settled(), every);
    let (swept, clock) = (errands.clone(), needs.context.clock.clone());
    needs.tasks.keep("errands", clock, move || swept.clone().sweep());
    errands
}

fn refunds(needs: &Needs<'_>) -> Refunds {
    let (store, clock) = (needs.context.store.clone(), needs.context.clock.clone());
    let rules = super::limits::refunds(needs.config);
    Refunds::new(store, clock, needs.context.entropy.clone(), rules)
}

fn calls(needs: &Needs<'_>) -> Calls {
    let strangers = Strangers::default();
    let (store, clock) = (needs.context.store.clone(), needs.context.clock.clone());
    let (host, port) = needs.mqtt_addr;
    let mqtt = &needs.config.mqtt;
    let told = if mqtt.advertised_host.is_empty() { host } else { &mqtt.advertised_host };
    let port = if mqtt.advertised_port == 0 { *port } else { mqtt.advertised_port };
    if mqtt.advertised_tls {
        tracing::warn!("these cabinets are told a host and a port only: they connect without TLS");
    }
    let keep = strangers.clone();
    let max = needs.config.limits.pending_devices_max;
    needs.tasks.keep("strangers", clock.clone(), move || {
        keep.clone().run(store.clone(), clock.clone(), STRANGERS, max)
    });
    Calls::new(devices::Parts {
        config: Arc::clone(needs.config),
        clock: needs.context.clock.clone(),
        stations: needs.stations.clone(),
        flusher: needs.context.flusher.clone(),
        strangers,
        credentials: Arc::clone(needs.credentials),
        broker: Broker { product: PRODUCT.to_owned(), host: told.clone(), port },
    })
}

async fn run(
    listener: TcpListener,
    app: App,
    bounds: Bounds,
    connections: Tasks,
    mut closed: watch::Receiver<bool>,
) {
    let streams = app.clone();
    let shutdown = async move {
        // a sender that is gone says the same
        let _ = closed.wait_for(|closed| *closed).await;
        streams.end_streams();
    };
    http::serve(listener, http::router(app), bounds, connections, shutdown).await;
}

fn ephemera(config: &Config, context: &Context) -> Result<Arc<dyn Ephemera>, StartError> {
    let settings = &config.ephemera;
    if !settings.redis_url.is_set() {
        return Ok(Arc::new(Memory::new(context.clock.clone(), settings.memory_keys_max)));
    }
    let (url, password) = (settings.redis_url.expose(), settings.redis_password.expose());
    let redis = Redis::new(url, password, &settings.prefix, settings.timeout_ms.duration());
    Ok(Arc::new(redis.map_err(|error| StartError::Web(error.to_string()))?))
}

/// How riders reach this server, without a slash at the end.
fn public_url(config: &Config, listener: &TcpListener) -> String {
    if !config.http.public_url.is_empty() {
        return config.http.public_url.clone();
    }
    listener.local_addr().map(|addr| format!("http://{addr}")).unwrap_or_default()
}

/// What is looked at for as long as the node lives.
fn observe(needs: &Needs<'_>, readiness: Readiness, recorder: Recorder) {
    let clock = &needs.context.clock;
    let context = Arc::clone(needs.context);
    let ready = move || look(Arc::clone(&context), readiness.clone());
    needs.tasks.keep("readiness", clock.clone(), ready);
    let pace = clock.clone();
    let folded = move || upkeep(recorder.clone(), pace.clone());
    needs.tasks.keep("upkeep", clock.clone(), folded);
}

/// Says what is up, for as long as the node lives.
async fn look(context: Arc<Context>, readiness: Readiness) {
    let mut started = false;
    loop {
        readiness.set(Part::Lease, context.lease.is_held());
        readiness.set(Part::Broker, context.link_is_up());
        readiness.set(Part::Database, context.store.ping().await.is_ok());
        let pause = if readiness.is_ready() { LOOK } else { LOOK / 10 };
        if readiness.is_ready() && !started {
            started = true;
            metrics::START_SECONDS.set(context.clock.now().timestamp().unsigned_abs(), []);
        }
        tokio::time::sleep(pause).await;
    }
}

async fn upkeep(recorder: Recorder, clock: Clock) {
    loop {
        recorder.upkeep();
        clock.sleep(UPKEEP).await;
    }
}

/// Figures that are counted when they are read.
fn recorder(context: &Arc<Context>, ephemera: &Arc<dyn Ephemera>) -> Recorder {
    let (context, ephemera) = (Arc::clone(context), Arc::clone(ephemera));
    metrics::BUILD_INFO.set(1, [env!("CARGO_PKG_VERSION")]);
    Recorder::install().measuring(move || {
        metrics::ACTOR_BACKLOG.set(context.stations.waiting(), ["station"]);
        metrics::ACTOR_BACKLOG.set(context.rentals.waiting(), ["rental"]);
        context.storm.note(context.clock.now());
        let usage = ephemera.usage();
        metrics::EPHEMERA_KEYS.set(u64::try_from(usage.keys).unwrap_or(u64::MAX), []);
        metrics::EPHEMERA_EVICTED.handle([]).absolute(usage.evicted);
        metrics::EPHEMERA_FAILURES.handle([]).absolute(usage.failures);
        for (status, count) in context.rentals.count_open() {
            metrics::RENTALS_OPEN.set(count, [status]);
        }
        for (presence, count) in context.availability.count() {
            metrics::STATIONS.set(count, [presence]);
        }
    })
}

//! The embedded MQTT broker: rmqtt in this process, MQTT 3.1.1 and 5 on one port, with the
//! network's accounts, topic rules and bounds. No type of rmqtt leaves this crate, and nothing is
//! written to disk: a restart of the process is a restart of the broker.
//!
//! Several brokers run side by side in one process: the one thing rmqtt keeps per process, the
//! cached answer of its own load check (`Node::sys_is_busy`), is switched off here. Its retained
//! messages, shared subscriptions and delayed publishes are not compiled in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener};
use rmqtt::router::DefaultRouter;
use rmqtt::server::MqttServer;
use rmqtt::shared::DefaultShared;
use rmqtt::types::QoS;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tracing::{info, warn};

pub use accounts::{Account, CREDENTIAL_MAX, Role, SERVICE_PREFIX};
pub use acl::marker_topic;
pub use counters::Counters;
pub use presence::SessionEvent;

use accounts::Accounts;
use counters::Tally;
use ending::{end_all, evict, id_of, sweep};
use handover::Handover;
use limits::{Limits, SERVICE_INFLIGHT};
use presence::Presence;

mod accounts;
mod acl;
mod counters;
mod ending;
mod handover;
mod hooks;
mod limits;
mod presence;
#[cfg(test)]
mod tests;

/// Longest time one write to a client may take before its connection is cut.
const SEND_MAX: Duration = Duration::from_secs(3);

/// Handshakes at the same time; further ones wait, up to `max_connections`.
const HANDSHAKES_MAX: usize = 500;

/// Connections the kernel holds until they are accepted (it has its own limit, often 4,096).
const BACKLOG_MAX: i32 = 4_096;

const SUBSCRIPTIONS_MAX: usize = 16;
const TOPIC_LEVELS_MAX: usize = 8;

/// The one listener of a broker.
const LISTENER: u16 = 1;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Port 0 takes any free one; `Broker::local_addr` tells which.
    pub bind: SocketAddr,
    /// Sessions at the same time, those of the service between two connections included.
    pub max_connections: usize,
    /// Bytes of one MQTT packet, headers and topic included. A larger one ends the connection.
    pub max_packet_size: u32,
    /// Publishes of one cabinet per minute, evenly; the rest are dropped and counted.
    pub publish_rate_per_client: u32,
    /// Publishes of one cabinet that may come at once.
    pub publish_burst_per_client: u32,
    /// Age at which a message for a cabinet is dropped instead of sent.
    pub command_lifetime: Duration,
    /// Messages waiting for one session of the service. When full, a message with quality of
    /// service 0 is dropped, else the oldest makes room. 200,000 reports of 5.6 kB are 1.1 GB.
    pub service_queue_len: usize,
    /// How long a session of the service waits for its next connection.
    pub service_session_expiry: Duration,
    /// Silence after which a client is cut that asked for no keep-alive; the most MQTT 5 clients
    /// may ask for. Whole seconds, at most 65,535.
    pub idle_max: Duration,
    /// From the first bytes of a connection to its CONNACK. What sends no byte at all is held
    /// until it goes: rmqtt neither times nor counts it, so bound it at the firewall.
    pub handshake_max: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            max_connections: 20_000,
            max_packet_size: 65_535 + 512,
            publish_rate_per_client: 120,
            publish_burst_per_client: 120,
            command_lifetime: Duration::from_secs(10),
            service_queue_len: 200_000,
            service_session_expiry: Duration::from_hours(24),
            idle_max: Duration::from_mins(22),
            handshake_max: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen for MQTT on {addr}: {reason}")]
    Bind { addr: SocketAddr, reason: String },
    #[error("not a usable account: {0}")]
    Account(&'static str),
}

/// A running broker. Dropped without `shutdown` it accepts no more connections, but those it has
/// live on until their clients leave.
pub struct Broker {
    core: Arc<Core>,
    context: ServerContext,
    local_addr: SocketAddr,
    tasks: Mutex<JoinSet<()>>,
}

/// What hooks and sessions share.
pub(crate) struct Core {
    pub settings: Settings,
    pub accounts: Accounts,
    pub presence: Presence,
    pub tally: Tally,
    is_closing: AtomicBool,
}

impl Broker {
    /// Accepts connections from when it returns.
    pub async fn start(settings: Settings) -> Result<Broker, Error> {
        let listener = listen(&settings)?;
        let addr = settings.bind;
        let bound = listener.local_addr();
        let local_addr = bound.map_err(|e| Error::Bind { addr, reason: format!("{e:#}") })?;

        let core = Arc::new(Core::new(settings));
        let context = context(&core).await;
        let server = MqttServer::new(context.clone()).listener_by_id(listener, LISTENER).build();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if let Err(error) = server.run().await {
                warn!(error = format!("{error:#}"), "the broker stopped accepting connections");
            }
        });
        tasks.spawn(sweep(context.clone(), core.clone()));
        info!(addr = %local_addr, "broker listens");
        Ok(Broker { core, context, local_addr, tasks: Mutex::new(tasks) })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Admits a client id, or changes its credentials. A live session keeps its connection: to end
    /// it too, `remove` first.
    pub fn put(&self, client_id: &str, account: Account) -> Result<(), Error> {
        self.core.accounts.put(client_id, account)
    }

    /// Forgets a client id and ends its session. When it returns nothing of that client is
    /// accepted any more, and its `Disconnected` has been sent. Takes at most 6 s, for a client that
    /// does not read.
    pub async fn remove(&self, client_id: &str) {
        self.core.accounts.remove(client_id);
        evict(&self.context, &self.core, client_id).await;
    }

    /// Client ids with a live connection, in order.
    pub fn sessions(&self) -> Vec<String> {
        self.core.presence.sessions()
    }

    pub fn is_connected(&self, client_id: &str) -> bool {
        self.core.presence.is_connected(client_id)
    }

    /// True while a cabinet is connected and subscribed to its command topic.
    pub fn is_listening(&self, client_id: &str) -> bool {
        self.core.presence.is_listening(client_id)
    }

    /// Everything from here on. Bounded: a receiver 16,384 events behind gets `Lagged`, and should
    /// start again with `watch`.
    pub fn events(&self) -> broadcast::Receiver<SessionEvent> {
        self.core.presence.events()
    }

    /// The live sessions, and every event since that very moment.
    pub fn watch(&self) -> (Vec<String>, broadcast::Receiver<SessionEvent>) {
        self.core.presence.watch()
    }

    pub fn counters(&self) -> Counters {
        self.core.tally.read()
    }

    /// Messages that wait for this client or for its acknowledgement; `None` without a session.
    pub async fn backlog(&self, client_id: &str) -> Option<usize> {
        let entry = self.context.extends.shared().await.entry(id_of(client_id));
        let session = entry.session()?;
        let in_flight = session.out_inflight().read().await.len();
        Some(session.deliver_queue().len() + in_flight)
    }

    /// Stops accepting, ends every session, those waiting for the service included, and frees the
    /// port. Takes at most about 6 s; usually milliseconds. Again is harmless.
    pub async fn shutdown(&self) {
        self.core.is_closing.store(true, Ordering::Release);
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        end_all(&self.context, &self.core).await;
        // rmqtt's context and these two own each other.
        *self.context.extends.shared_mut().await = Box::new(DefaultShared::new(None));
        *self.context.extends.router_mut().await = Box::new(DefaultRouter::new(None));
    }
}

impl Core {
    fn new(settings: Settings) -> Core {
        let (rate, burst) = (settings.publish_rate_per_client, settings.publish_burst_per_client);
        Core {
            settings,
            accounts: Accounts::new(rate, burst),
            presence: Presence::new(),
            tally: Tally::default(),
            is_closing: AtomicBool::new(false),
        }
    }

    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }
}

/// No message is sent again while its connection lives (MQTT forbids it), none expires by itself.
fn listen(settings: &Settings) -> Result<Listener, Error> {
    Builder::new()
        .name("chargeghar")
        .laddr(settings.bind)
        .backlog(BACKLOG_MAX)
        .nodelay(true)
        .reuseaddr(Some(true))
        .max_connections(settings.max_connections)
        .max_handshaking_limit(HANDSHAKES_MAX)
        .handshake_timeout(settings.handshake_max)
        .send_timeout(SEND_MAX)
        .max_packet_size(settings.max_packet_size)
        .max_clientid_len(CREDENTIAL_MAX)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_levels(TOPIC_LEVELS_MAX)
        .max_subscriptions(SUBSCRIPTIONS_MAX)
        .max_inflight(SERVICE_INFLIGHT)
        .message_retry_interval(Duration::ZERO)
        .message_expiry_interval(Duration::ZERO)
        .allow_anonymous(false)
        .bind()
        .and_then(Listener::tcp)
        .map_err(|e| Error::Bind { addr: settings.bind, reason: format!("{e:#}") })
}

async fn context(core: &Arc<Core>) -> ServerContext {
    let sessions_max = isize::try_from(core.settings.max_connections).unwrap_or(isize::MAX);
    let context =
        ServerContext::new().busy_check_enable(false).mqtt_max_sessions(sessions_max).build().await;
    let shared = DefaultShared::new(Some(context.clone()));
    *context.extends.shared_mut().await = Box::new(Handover::new(shared, core.clone()));
    *context.extends.fitter_mgr_mut().await = Box::new(Limits(core.clone()));
    hooks::register(&context, core).await;
    context
}

//! The link over MQTT 3.1.1: one session for updates (kept by the broker, acknowledged after
//! the commit), one for heartbeats (clean, the first to be shed). Commands leave over the
//! session of the updates, because that is where their answers arrive.
//!
//! Nothing here decodes a payload.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices::topic::{Channel, Topic};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

pub use dialogue::Dialogue;
pub use probe::{Found, probe};
pub use settings::{BadSettings, Settings};
pub use wire::Address;

use super::inbox::{Inbox, inbox};
use super::{Events, Link, Publish, PublishError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::metrics;
use crate::spawn::Tasks;
use crate::telemetry::LogLimit;
use hearts::Hearts;
use updates::Updates;
use wire::Message;

mod dialogue;
mod hearts;
mod keeper;
mod outlet;
mod probe;
#[cfg(feature = "embedded-broker")]
mod sessions;
mod settings;
mod updates;
mod wire;

/// How long a goodbye to the broker may take.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// A link that runs until it is closed.
pub struct Mqtt {
    shared: Arc<Shared>,
    updates: Arc<Updates>,
    tells_sessions: bool,
    sessions: Mutex<Vec<JoinHandle<()>>>,
}

/// What both sessions use.
struct Shared {
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    warnings: LogLimit,
    inbox: Inbox,
    closing: tokio::sync::watch::Sender<bool>,
}

/// What a link is made of besides its settings.
pub struct Parts<'n> {
    pub clock: Clock,
    pub entropy: Entropy,
    /// The node's tasks; those of the link end with `close`.
    pub tasks: &'n Tasks,
    /// The embedded broker tells who comes and goes; others do not.
    #[cfg(feature = "embedded-broker")]
    pub broker: Option<Arc<broker::Broker>>,
}

impl Shared {
    /// The topic of a message that can be taken further; anything else is counted.
    fn accept(&self, message: &Message, channel: Channel) -> Option<Topic> {
        let fault = match self.settings.topics.parse(&message.topic) {
            Err(error) => error.code(),
            Ok(topic) if topic.channel != channel => "other_channel",
            Ok(_) if message.retained => "retained",
            Ok(_) if message.payload.len() > self.settings.payload_max => "oversize",
            Ok(topic) => return Some(topic),
        };
        metrics::FRAMES_REFUSED.inc([fault]);
        if let Some(held) = self.warnings.pass(fault) {
            let (topic, bytes) = (&message.topic, message.payload.len());
            tracing::warn!(fault, topic, bytes, held, "a message was refused: {fault}");
        }
        None
    }
}

impl Mqtt {
    /// Starts connecting. The reading end must be read all the time.
    pub fn start(settings: Settings, parts: Parts<'_>) -> (Arc<Mqtt>, Events) {
        // Those of the connection before may not have been read yet.
        let (inbox, events) = inbox(settings.unacked_max * 2);
        let Parts { clock, entropy, tasks, .. } = parts;
        let shared = Arc::new(Shared {
            settings,
            warnings: LogLimit::new(clock.clone()),
            clock,
            entropy,
            inbox,
            closing: tokio::sync::watch::Sender::new(false),
        });
        let updates = Arc::new(Updates::new(Arc::clone(&shared)));
        let hearts = Arc::new(Hearts::new(Arc::clone(&shared)));
        #[cfg_attr(not(feature = "embedded-broker"), expect(unused_mut, reason = "no third"))]
        let mut sessions = vec![
            tasks.spawn("link.updates", keeper::keep(Arc::clone(&updates))),
            tasks.spawn("link.hearts", keeper::keep(hearts)),
        ];
        #[cfg(feature = "embedded-broker")]
        let tells_sessions = parts.broker.is_some();
        #[cfg(not(feature = "embedded-broker"))]
        let tells_sessions = false;
        #[cfg(feature = "embedded-broker")]
        if let Some(broker) = parts.broker {
            sessions
                .push(tasks.spawn("link.sessions", sessions::tell(broker, Arc::clone(&shared))));
        }
        let sessions = Mutex::new(sessions);
        (Arc::new(Mqtt { shared, updates, tells_sessions, sessions }), events)
    }
}

#[async_trait]
impl Link for Mqtt {
    async fn publish(&self, publish: Publish) -> Result<(), PublishError> {
        self.updates.outlet.publish(publish).await
    }

    fn is_up(&self) -> bool {
        self.updates.outlet.is_open()
    }

    fn tells_sessions(&self) -> bool {
        self.tells_sessions
    }

    fn complete_until(&self) -> DateTime<Utc> {
        self.updates.complete_until()
    }

    async fn close(&self) {
        self.shared.closing.send_replace(true);
        let sessions = std::mem::take(&mut *self.sessions.lock());
        let ends = futures::future::join_all(sessions);
        if self.shared.clock.within(GOODBYE_MAX, ends).await.is_none() {
            tracing::warn!("the broker took too long over a goodbye");
        }
        self.shared.inbox.close();
    }
}

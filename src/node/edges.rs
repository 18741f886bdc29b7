//! The edges of a node: its database and its broker, its own ones where none is configured.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::embedded::DataFolder;
use crate::embedded::postgres::{Options, Postgres};
use crate::entropy::Entropy;
use crate::link::Events;
use crate::link::mqtt::{self, Mqtt};
use crate::spawn::Tasks;

use super::StartError;

/// The database by its URL, and the child behind it if it is our own.
pub struct Database {
    pub url: String,
    pub child: Option<Postgres>,
}

pub async fn database(
    config: &Config,
    folder: &DataFolder,
    entropy: &Entropy,
    launcher: Option<PathBuf>,
) -> Result<Database, StartError> {
    if config.database.url.is_set() {
        let url = config.database.url.with_password(&config.database.password);
        return Ok(Database { url, child: None });
    }
    let mut options = Options::of(config, folder, entropy)?;
    if let Some(launcher) = launcher {
        options.launcher = launcher;
    }
    let child = Postgres::start(options).await?;
    Ok(Database { url: child.url().expose().to_owned(), child: Some(child) })
}

/// The link to the cabinets, and the broker behind it if it is our own.
pub struct Cabinets {
    pub link: Arc<Mqtt>,
    pub events: Events,
    #[cfg(feature = "embedded-broker")]
    pub broker: Option<Arc<broker::Broker>>,
    /// Where cabinets connect, as the connect answer tells them.
    pub addr: (String, u16),
}

pub async fn cabinets(
    config: &Config,
    clock: &Clock,
    entropy: &Entropy,
    tasks: &Tasks,
) -> Result<Cabinets, StartError> {
    if config.mqtt.url.is_set() {
        return external(config, clock, entropy, tasks);
    }
    #[cfg(feature = "embedded-broker")]
    {
        embedded(config, clock, entropy, tasks).await
    }
    #[cfg(not(feature = "embedded-broker"))]
    {
        Err(StartError::NoBroker)
    }
}

fn external(
    config: &Config,
    clock: &Clock,
    entropy: &Entropy,
    tasks: &Tasks,
) -> Result<Cabinets, StartError> {
    // what came before this process is backlog
    let settings = mqtt::Settings::external(&config.mqtt, clock.now())?;
    let addr = (settings.address.host.clone(), settings.address.port);
    let parts = mqtt::Parts {
        clock: clock.clone(),
        entropy: entropy.clone(),
        tasks,
        #[cfg(feature = "embedded-broker")]
        broker: None,
    };
    let (link, events) = Mqtt::start(settings, parts);
    Ok(Cabinets {
        link,
        events,
        #[cfg(feature = "embedded-broker")]
        broker: None,
        addr,
    })
}

#[cfg(feature = "embedded-broker")]
async fn embedded(
    config: &Config,
    clock: &Clock,
    entropy: &Entropy,
    tasks: &Tasks,
) -> Result<Cabinets, StartError> {
    let bind = SocketAddr::new(config.mqtt.bind, config.mqtt.port);
    let settings = broker::Settings {
        bind,
        max_connections: config.mqtt.embedded_clients_max,
        service_queue_len: config.mqtt.embedded_queue_max,
        publish_rate_per_client: config.mqtt.embedded_client_messages_per_s.saturating_mul(60),
        publish_burst_per_client: config.mqtt.embedded_client_messages_per_s.saturating_mul(2),
        ..broker::Settings::default()
    };
    let broker = Arc::new(broker::Broker::start(settings).await?);
    let password = Secret::new(entropy.base62(32));
    let addr = broker.local_addr();
    let settings = mqtt::Settings::embedded(&config.mqtt, addr, password.clone(), clock.now());
    for client in [settings.updates_id(), settings.hearts_id(), settings.admin_id()] {
        let account = broker::Account {
            username: settings.address.username.clone(),
            password: password.expose().to_owned(),
            role: broker::Role::Service,
        };
        broker.put(&client, account)?;
    }
    let parts = mqtt::Parts {
        clock: clock.clone(),
        entropy: entropy.clone(),
        tasks,
        broker: Some(Arc::clone(&broker)),
    };
    let (link, events) = Mqtt::start(settings, parts);
    Ok(Cabinets { link, events, broker: Some(broker), addr: (addr.ip().to_string(), addr.port()) })
}

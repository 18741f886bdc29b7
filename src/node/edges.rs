//! The edges of a node: its database and its broker, its own ones where none is configured.

#[cfg(feature = "embedded-broker")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;

#[cfg(feature = "embedded-broker")]
use crate::clients::broker_admin::embedded::Embedded;
use crate::clients::broker_admin::mosquitto::Mosquitto;
use crate::clients::broker_admin::{BrokerAdmin, Cabinets as Accounts, Elsewhere};
use crate::clock::Clock;
#[cfg(feature = "embedded-broker")]
use crate::config::Secret;
use crate::config::{self, Config};
use crate::embedded::DataFolder;
use crate::embedded::postgres::{Options, Postgres};
use crate::entropy::Entropy;
use crate::link::Events;
use crate::link::mqtt::{self, Mqtt};
use crate::spawn::Tasks;

#[cfg(feature = "embedded-broker")]
use super::refusals;
use super::{StartError, accounts};

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

/// The link to the cabinets, their accounts, and the broker itself if it is our own.
pub struct Cabinets {
    pub link: Arc<Mqtt>,
    pub events: Events,
    pub admin: Arc<dyn BrokerAdmin>,
    #[cfg(feature = "embedded-broker")]
    pub broker: Option<Arc<broker::Broker>>,
    /// Where cabinets connect, as the connect answer tells them.
    pub addr: (String, u16),
}

/// What the making of an edge needs.
#[derive(Clone, Copy)]
pub struct Tools<'n> {
    pub clock: &'n Clock,
    pub entropy: &'n Entropy,
    pub tasks: &'n Tasks,
}

/// `known` is every enrolled cabinet with its password: they are let in before the link starts.
pub async fn cabinets(
    config: &config::Mqtt,
    known: Accounts,
    tools: Tools<'_>,
) -> Result<Cabinets, StartError> {
    if config.url.is_set() {
        return external(config, known, tools).await;
    }
    #[cfg(feature = "embedded-broker")]
    {
        embedded(config, known, tools).await
    }
    #[cfg(not(feature = "embedded-broker"))]
    {
        Err(StartError::NoBroker)
    }
}

/// A broker that is away now is told of its accounts when it is back.
async fn external(
    config: &config::Mqtt,
    known: Accounts,
    tools: Tools<'_>,
) -> Result<Cabinets, StartError> {
    let Tools { clock, entropy, tasks } = tools;
    // what waits at the broker may have been sent at any time before: the last process may not
    // have acknowledged what it had; the cabinets' own reports set a bound
    let settings = mqtt::Settings::external(config, DateTime::UNIX_EPOCH)?;
    let addr = (settings.address.host.clone(), settings.address.port);
    let mosquitto = match config.admin {
        config::BrokerAdmin::None => None,
        config::BrokerAdmin::DynamicSecurity => {
            let mosquitto = Mosquitto::new(settings.clone(), clock.clone(), entropy.clone());
            mosquitto.expect(known);
            if let Err(error) = mosquitto.prepare().await {
                tracing::warn!(%error, "the broker was not prepared");
            }
            Some(Arc::new(mosquitto))
        }
    };
    let parts = mqtt::Parts {
        clock: clock.clone(),
        entropy: entropy.clone(),
        tasks,
        #[cfg(feature = "embedded-broker")]
        broker: None,
    };
    let (link, events) = Mqtt::start(settings, parts);
    let admin: Arc<dyn BrokerAdmin> = match mosquitto {
        None => Arc::new(Elsewhere),
        Some(mosquitto) => {
            let kept = (Arc::clone(&mosquitto), Arc::clone(&link), clock.clone(), entropy.clone());
            tasks.keep("accounts", clock.clone(), move || {
                let (mosquitto, link, clock, entropy) = kept.clone();
                accounts::keep(mosquitto, link, clock, entropy)
            });
            mosquitto
        }
    };
    Ok(Cabinets {
        link,
        events,
        admin,
        #[cfg(feature = "embedded-broker")]
        broker: None,
        addr,
    })
}

#[cfg(feature = "embedded-broker")]
async fn embedded(
    config: &config::Mqtt,
    known: Accounts,
    tools: Tools<'_>,
) -> Result<Cabinets, StartError> {
    let Tools { clock, entropy, tasks } = tools;
    let per_second = config.embedded_client_messages_per_s;
    let broker = broker::Broker::start(broker::Settings {
        bind: SocketAddr::new(config.bind, config.port),
        max_connections: config.embedded_clients_max,
        service_queue_len: config.embedded_queue_max,
        publish_rate_per_client: per_second.saturating_mul(60),
        publish_burst_per_client: per_second.saturating_mul(2),
        ..broker::Settings::default()
    });
    let broker = Arc::new(broker.await?);
    let watched = (Arc::clone(&broker), clock.clone());
    tasks.keep("refusals", clock.clone(), move || {
        let (broker, clock) = watched.clone();
        refusals::watch(broker, clock)
    });
    let addr = broker.local_addr();
    let password = Secret::new(entropy.base62(32));
    let settings = mqtt::Settings::embedded(config, addr, password, clock.now());
    let admin = Embedded::new(Arc::clone(&broker));
    admin.put_service(&settings)?;
    admin.sync(&known, &|_, _| {}).await?;
    let parts = mqtt::Parts {
        clock: clock.clone(),
        entropy: entropy.clone(),
        tasks,
        broker: Some(Arc::clone(&broker)),
    };
    let (link, events) = Mqtt::start(settings, parts);
    let (admin, addr) = (Arc::new(admin), (addr.ip().to_string(), addr.port()));
    Ok(Cabinets { link, events, admin, broker: Some(broker), addr })
}

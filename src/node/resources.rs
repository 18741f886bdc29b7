//! What a node stands on: its folder and keys, the database and the lease on it, the address it
//! listens on. All is taken before anything is served, so that a second instance changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{Options, StartError, edges, limits};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::embedded::keys::Keys;
use crate::embedded::{DataFolder, NodeLock, postgres};
use crate::entropy::Entropy;
use crate::store::{Lease, Store};

/// What a node stands on, and what only one instance can have.
pub(super) struct Resources {
    pub lock: Option<NodeLock>,
    pub keys: Keys,
    pub credentials: Arc<Credentials>,
    pub database: Option<postgres::Postgres>,
    pub listener: TcpListener,
    pub store: Store,
    pub lease: Lease,
}

impl Resources {
    pub async fn acquire(config: &Config, options: &Options) -> Result<Resources, StartError> {
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

async fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let addr = config_addr(config);
    TcpListener::bind(addr).await.map_err(|cause| StartError::Listen { addr, cause })
}

pub(super) fn config_addr(config: &Config) -> SocketAddr {
    SocketAddr::new(config.http.bind, config.http.port)
}

/// Who holds the lease, for a person to find.
fn holder(entropy: &Entropy) -> String {
    format!("pid {} run {}", std::process::id(), entropy.base62(6))
}

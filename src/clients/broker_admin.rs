//! Accounts of cabinets at the broker: who may connect, and that each may use its own topics
//! only. One implementation for each kind of broker.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::ids::DeviceUuid;

use crate::credentials::Password;

#[cfg(feature = "embedded-broker")]
pub mod embedded;
pub mod mosquitto;

/// Everything can be asked for twice: it ends the same.
#[async_trait]
pub trait BrokerAdmin: Send + Sync {
    /// Lets a cabinet in with this password, and its own topics only.
    async fn put(&self, cabinet: &DeviceUuid, password: &Password) -> Result<(), Error>;

    /// Lets it in no more, and ends its session.
    async fn remove(&self, cabinet: &DeviceUuid) -> Result<(), Error>;

    /// The cabinets that are connected; none if the broker does not tell.
    async fn sessions(&self) -> Result<Option<Vec<DeviceUuid>>, Error>;

    /// Makes the broker know exactly these cabinets, by what differs only. `progress` is told
    /// how many of how many changes are made.
    async fn sync(&self, cabinets: &Cabinets, progress: Progress<'_>) -> Result<Synced, Error>;
}

/// Every enrolled cabinet with its password.
pub type Cabinets = BTreeMap<DeviceUuid, Password>;

/// Told from time to time: changes made, and changes there are.
pub type Progress<'p> = &'p (dyn Fn(usize, usize) + Send + Sync);

/// What a sync has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    pub added: usize,
    /// Got another password or its rights back.
    pub changed: usize,
    pub removed: usize,
    pub unchanged: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Ask again later.
    #[error("the broker cannot be reached: {0}")]
    Down(String),
    /// Somebody must look.
    #[error("the broker refused: {0}")]
    Refused(String),
}

/// For a broker whose accounts somebody else keeps.
pub struct Elsewhere;

#[async_trait]
impl BrokerAdmin for Elsewhere {
    async fn put(&self, _: &DeviceUuid, _: &Password) -> Result<(), Error> {
        Ok(())
    }

    async fn remove(&self, _: &DeviceUuid) -> Result<(), Error> {
        Ok(())
    }

    async fn sessions(&self) -> Result<Option<Vec<DeviceUuid>>, Error> {
        Ok(None)
    }

    async fn sync(&self, cabinets: &Cabinets, _: Progress<'_>) -> Result<Synced, Error> {
        Ok(Synced { unchanged: cabinets.len(), ..Synced::default() })
    }
}

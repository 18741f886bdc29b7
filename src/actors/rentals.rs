//! The door to every rental: callers hold this handle, never a mailbox.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use domain::ids::{PackageId, RentalId, RiderId};
use domain::rental::{Command, Phase, Refusal, Rental};
use domain::tariff::{LateFee, Package};
use parking_lot::RwLock;
use ractor::{Actor, ActorCell, ActorProcessingErr};
use tokio::sync::watch;

use super::Context;
use super::directory::{Place, Stored};
use super::mailbox::Depth;
use super::rental::{self, Job, RentalActor};
use super::supervise::{self, Shards, Spawner};
use super::turns::Turns;
use crate::spawn::Tasks;
use crate::store::fact::{AuditEntry, KeyWrite};

mod claim;
mod dues;
mod start;
mod wish;

pub use claim::Claim;
pub use dues::PayDues;
pub use wish::{Start, StartError};

/// How long a request waits for a rental's answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Supervisors, each with its share of the rentals.
const SHARDS: usize = 8;

/// Prices as they are at this moment.
#[derive(Clone, Debug)]
pub struct Tariff {
    pub packages: Vec<Package>,
    pub late_fee: LateFee,
}

#[derive(Clone)]
pub struct Rentals {
    context: Arc<Context>,
    shards: Shards<RentalSpawner>,
    tariff: Arc<RwLock<Arc<Tariff>>>,
    /// Rentals that were stored a moment ago and whose eject is to be published.
    fresh: Arc<DashMap<RentalId, ()>>,
    /// Riders who pay dues: one of them at a time calls a rental back that is over.
    paying: Arc<Turns<RentalId, ()>>,
    /// Rentals that are over and called back for it.
    recalled: Arc<DashMap<RentalId, ()>>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no such rental")]
    NotFound,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("the rental cannot be changed at this moment")]
    Unavailable,
}

impl From<rental::Error> for Error {
    fn from(error: rental::Error) -> Error {
        match error {
            rental::Error::Refused(refusal) => Error::Refused(refusal),
            rental::Error::KeyUsed => Error::KeyUsed,
            rental::Error::Unavailable => Error::Unavailable,
        }
    }
}

impl Rentals {
    /// Starts the supervisors and an actor for every rental that was loaded.
    pub async fn raise(
        context: Arc<Context>,
        tariff: Tariff,
        loaded: Vec<Stored>,
        tasks: &Tasks,
    ) -> Result<Rentals, ActorProcessingErr> {
        let (fresh, recalled) = (Arc::new(DashMap::new()), Arc::new(DashMap::new()));
        let spawner = Arc::new(RentalSpawner {
            context: Arc::clone(&context),
            fresh: Arc::clone(&fresh),
            recalled: Arc::clone(&recalled),
        });
        let args = || supervise::Args {
            spawner: Arc::clone(&spawner),
            clock: context.clock.clone(),
            entropy: context.entropy.clone(),
        };
        let shards = Shards::raise(SHARDS, args, tasks).await?;
        let tariff = Arc::new(RwLock::new(Arc::new(tariff)));
        let paying = Arc::default();
        let rentals = Rentals { context, shards, tariff, fresh, paying, recalled };
        for stored in loaded {
            rentals.adopt(Arc::new(stored));
        }
        Ok(rentals)
    }

    /// Starts the actor of a rental that is in the database already.
    fn adopt(&self, stored: Arc<Stored>) {
        let id = stored.rental.id;
        self.context.note_unsettled(stored.rental.station, id);
        self.context.rentals.learn(stored);
        self.shards.start(id, None);
    }

    pub fn tariff(&self) -> Arc<Tariff> {
        Arc::clone(&self.tariff.read())
    }

    pub fn package(&self, id: PackageId) -> Option<Package> {
        self.tariff().packages.iter().find(|package| package.id == id).cloned()
    }

    /// What the rider is doing at this moment.
    pub fn place(&self, rider: RiderId) -> Option<Place> {
        self.context.rentals.place(rider)
    }

    pub fn open_of(&self, rider: RiderId) -> Option<RentalId> {
        match self.place(rider)? {
            Place::Open(id) => Some(id),
            Place::Starting => None,
        }
    }

    /// An open rental, or one that was cancelled a moment ago; the rest is in the store.
    pub fn get(&self, id: RentalId) -> Option<Arc<Stored>> {
        self.context.rentals.stored(id)
    }

    /// The same, and every state after it.
    pub fn watch(&self, id: RentalId) -> Option<watch::Receiver<Arc<Stored>>> {
        self.context.rentals.watch(id)
    }

    /// Cancels a rider's rental, or notes the wish while its eject is under way.
    pub async fn cancel(
        &self,
        rider: RiderId,
        id: RentalId,
        key: Option<KeyWrite>,
    ) -> Result<Rental, Error> {
        let stored = self.get(id).filter(|stored| stored.rental.rider == rider);
        if stored.is_none() {
            return match self.context.store.rental(id).await {
                Ok(stored) if stored.rental.rider == rider => Err(Refusal::Over.into()),
                Ok(_) | Err(crate::store::Error::NotFound) => Err(Error::NotFound),
                Err(_) => Err(Error::Unavailable),
            };
        }
        self.execute(id, Command::Cancel, key, None).await
    }

    /// An operator says how an eject, or a rental, ended.
    pub async fn settle(
        &self,
        id: RentalId,
        command: Command,
        audit: AuditEntry,
        key: Option<KeyWrite>,
    ) -> Result<Rental, Error> {
        self.execute(id, command, key, Some(audit)).await
    }

    async fn execute(
        &self,
        id: RentalId,
        command: Command,
        key: Option<KeyWrite>,
        audit: Option<AuditEntry>,
    ) -> Result<Rental, Error> {
        let door = self.context.rentals.door(id).ok_or(Error::NotFound)?;
        let ask = |reply| {
            let (cause, reply) = (rental::Cause::default(), Some(reply));
            let resumes = None;
            rental::Msg::Execute(Box::new(Job { command, cause, key, audit, resumes, reply }))
        };
        let answer = door.call(ask, PATIENCE).await.ok_or(Error::Unavailable)?;
        Ok(answer?.rental.clone())
    }
}

/// How rentals are started.
struct RentalSpawner {
    context: Arc<Context>,
    fresh: Arc<DashMap<RentalId, ()>>,
    recalled: Arc<DashMap<RentalId, ()>>,
}

impl Spawner for RentalSpawner {
    type Key = RentalId;
    const KIND: &'static str = "rental";

    async fn start(
        &self,
        id: RentalId,
        supervisor: ActorCell,
    ) -> Result<Option<ActorCell>, ActorProcessingErr> {
        let Some(stored) = self.context.rentals.stored(id) else { return Ok(None) };
        let recalled = self.recalled.remove(&id).is_some();
        if matches!(stored.rental.phase, Phase::Completed { .. }) && !recalled {
            self.context.forget_unsettled(stored.rental.station, id);
            self.context.rentals.strike(id);
            return Ok(None);
        }
        let publish = self.fresh.remove(&id).is_some();
        let (depth, context) = (Depth::default(), Arc::clone(&self.context));
        let args = rental::Args { stored, publish, depth, context };
        let (actor, _) = Actor::spawn_linked(None, RentalActor, args, supervisor).await?;
        Ok(Some(actor.get_cell()))
    }

    async fn reload(&self, id: RentalId) {
        let Some(stored) = self.context.read_rental_again(id).await else { return };
        self.context.reread_banks(std::slice::from_ref(&stored.rental.bank)).await;
        self.context.rentals.learn(Arc::new(stored));
    }

    fn isolated(&self, _: RentalId) {}
}

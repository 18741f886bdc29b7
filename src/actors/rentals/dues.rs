//! Dues that a rider pays, or that nobody will: one fact of the rental's own actor. A rental that
//! is over has none any more, and is called back for it.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{IntentId, RentalId, RiderId};
use domain::money::Money;
use domain::rental::{Command, Refusal};
use domain::tender::Means;
use ractor::RpcReplyPort;

use super::{Error, PATIENCE, Rentals};
use crate::actors::directory::Stored;
use crate::actors::rental::{self, Job};
use crate::store;
use crate::store::fact::{AuditEntry, KeyWrite};

/// How often an actor is looked for that ended while it was asked, and the pause in which its
/// supervisor learns of it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// A rider wants to pay what is owed for a rental.
#[derive(Clone, Debug)]
pub struct PayDues {
    pub rider: RiderId,
    pub rental: RentalId,
    pub means: Means,
    /// What the app said it comes to.
    pub shown: Option<Money>,
    pub key: Option<KeyWrite>,
    /// The payment that brought the money in for it.
    pub resumes: Option<IntentId>,
}

impl Rentals {
    /// Pays all that is owed, or nothing. Answers the rental after it, whose last event is the
    /// payment.
    pub async fn pay_dues(&self, wish: PayDues) -> Result<Arc<Stored>, Error> {
        let PayDues { rider, rental, means, shown, key, resumes } = wish;
        let asked = Asked { command: Command::PayDues { means, shown }, key, audit: None, resumes };
        let paying = Arc::clone(&self.paying);
        paying.alone(rental, || self.change(rental, Some(rider), asked)).await
    }

    /// An operator says that nobody will pay what is owed.
    pub async fn write_off(
        &self,
        id: RentalId,
        audit: AuditEntry,
        key: Option<KeyWrite>,
    ) -> Result<Arc<Stored>, Error> {
        let (command, audit) = (Command::WriteOff, Some(audit));
        let asked = Asked { command, key, audit, resumes: None };
        let paying = Arc::clone(&self.paying);
        paying.alone(id, || self.change(id, None, asked)).await
    }

    async fn change(
        &self,
        id: RentalId,
        rider: Option<RiderId>,
        asked: Asked,
    ) -> Result<Arc<Stored>, Error> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.context.clock.sleep(PAUSE).await;
            }
            if !self.has_actor(id, rider).await? {
                break;
            }
            let ask = |reply| rental::Msg::Execute(Box::new(asked.job(reply)));
            let Some(door) = self.context.rentals.door(id) else { continue };
            if let Some(answer) = door.call(ask, PATIENCE).await {
                return answer.map_err(Error::from);
            }
            if self.context.rentals.door(id).is_some() {
                break;
            }
            // it ended while it was asked, and struck its door before
            tracing::debug!(rental.id = %id, "a rental ended while it was asked");
        }
        Err(Error::Unavailable)
    }

    /// Makes sure that the rider's rental has an actor.
    async fn has_actor(&self, id: RentalId, rider: Option<RiderId>) -> Result<bool, Error> {
        let known = self.get(id);
        let is_known = known.is_some();
        let stored = match known {
            Some(stored) => stored,
            None => match self.context.store.rental(id).await {
                Ok(stored) => Arc::new(stored),
                Err(store::Error::NotFound) => return Err(Error::NotFound),
                Err(_) => return Err(Error::Unavailable),
            },
        };
        if rider.is_some_and(|rider| stored.rental.rider != rider) {
            return Err(Error::NotFound);
        }
        if self.context.rentals.door(id).is_some() {
            return Ok(true);
        }
        if stored.rental.since().is_none() {
            return Err(Refusal::NotStarted.into());
        }
        if stored.rental.is_open() {
            // its supervisor is at it
            return Ok(false);
        }
        self.recalled.insert(id, ());
        self.context.rentals.learn(stored);
        let (send, receive) = tokio::sync::oneshot::channel();
        self.shards.start(id, Some(send.into()));
        if matches!(tokio::time::timeout(PATIENCE, receive).await, Ok(Ok(true))) {
            return Ok(true);
        }
        // without an actor nobody would strike it
        self.recalled.remove(&id);
        if !is_known && self.context.rentals.door(id).is_none() {
            self.context.rentals.strike(id);
        }
        Ok(false)
    }
}

/// What a rental's actor is asked, again if it ended meanwhile.
struct Asked {
    command: Command,
    key: Option<KeyWrite>,
    audit: Option<AuditEntry>,
    resumes: Option<IntentId>,
}

impl Asked {
    fn job(&self, reply: RpcReplyPort<Result<Arc<Stored>, rental::Error>>) -> Job {
        Job {
            command: self.command.clone(),
            cause: rental::Cause::default(),
            key: self.key.clone(),
            audit: self.audit.clone(),
            resumes: self.resumes,
            reply: Some(reply),
        }
    }
}

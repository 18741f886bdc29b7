//! What payments were made for: once one is settled, the start or the dues that were short of
//! money are gone on with here, whoever learnt of the settlement, and after a restart too. The
//! fact of the deed closes the errand, so it is done once.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{IntentId, RiderId};
use domain::payment::{Deed, Errand, Intent};
use futures::StreamExt;
use tokio::sync::Notify;

use super::directory::Place;
use super::rentals::{Error, PayDues, Rentals, Start, StartError};
use super::turns::Turns;
use crate::clock::Clock;
use crate::metrics;
use crate::spawn::spawn;
use crate::store::errands::{Settlement, StoredErrand};
use crate::store::fact::{Fact, IntentWrite, KeyWrite};
use crate::store::{self, Store};

/// How long somebody who asks waits for one that is under way.
const PATIENCE: Duration = Duration::from_secs(8);
/// Errands of one round, and how many of them are under way at once.
const ROUND_MAX: usize = 200;
const AT_ONCE: usize = 32;
/// How long payments that are settled one after the other wait to be looked at together.
const GATHER: Duration = Duration::from_millis(100);
const START: &str = "rentals/start";
const DUES: &str = "rentals/pay-due";

/// The door to all errands. Clones share it.
#[derive(Clone)]
pub struct Errands {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    rentals: Rentals,
    turns: Turns<IntentId, ()>,
    /// Woken when a payment was settled.
    settled: Arc<Notify>,
    every: Duration,
}

/// How a try ended.
enum Tried {
    Done,
    /// It cannot be done.
    Never(String),
    /// Something is away.
    Later(String),
}

impl Errands {
    pub fn new(
        store: Store,
        clock: Clock,
        rentals: Rentals,
        settled: Arc<Notify>,
        every: Duration,
    ) -> Errands {
        let turns = Turns::default();
        Errands { inner: Arc::new(Inner { store, clock, rentals, turns, settled, every }) }
    }

    /// What became of a payment's errand; one that is due is gone on with, and waited for a
    /// while. Nothing for a payment that only fills the wallet.
    pub async fn of(&self, id: IntentId) -> Result<Option<StoredErrand>, store::Error> {
        let known = self.inner.store.errand(id).await?;
        if !known.as_ref().is_some_and(StoredErrand::is_due) {
            return Ok(known);
        }
        self.hurry(id).await;
        self.inner.store.errand(id).await
    }

    /// What came of a payment: its errand too, which is gone on with as in [`Errands::of`].
    pub async fn settlement(&self, of: &Intent) -> Result<Settlement, store::Error> {
        let known = self.inner.store.settlement(of).await?;
        if !known.errand.as_ref().is_some_and(StoredErrand::is_due) {
            return Ok(known);
        }
        self.hurry(of.id).await;
        self.inner.store.settlement(of).await
    }

    /// Goes on with one now, and waits for it a while: the row says how far it is.
    async fn hurry(&self, id: IntentId) {
        let errands = self.clone();
        // goes on when whoever asks goes away
        let work = spawn("errand", async move { errands.go_on(id).await });
        let _ = tokio::time::timeout(PATIENCE, work).await;
    }

    /// Runs as long as the node.
    pub async fn sweep(self) {
        loop {
            self.sweep_once().await;
            tokio::select! {
                biased;
                () = self.inner.settled.notified() => self.inner.clock.sleep(GATHER).await,
                () = self.inner.clock.sleep(self.inner.every) => {}
            }
        }
    }

    pub async fn sweep_once(&self) {
        match self.inner.store.take_errands(ROUND_MAX).await {
            Ok(due) => {
                let work = futures::stream::iter(due).map(|id| self.go_on(id));
                work.buffer_unordered(AT_ONCE).collect::<()>().await;
            }
            Err(error) => tracing::warn!(%error, "paid errands were not found, they are later"),
        }
    }

    async fn go_on(&self, id: IntentId) {
        self.inner.turns.share(id, || self.run(id)).await;
    }

    async fn run(&self, id: IntentId) {
        let stored = match self.inner.store.errand(id).await {
            Ok(Some(stored)) if stored.is_due() => stored,
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(intent.id = %id, %error, "an errand was not read");
                return;
            }
        };
        let flow = stored.errand.deed.purpose();
        let now = self.inner.clock.now();
        let settled_at = stored.completed_at.unwrap_or(now);
        let until = stored.errand.deed.tried_until(settled_at, stored.expires_at);
        let is_late = until.is_some_and(|until| now >= until);
        let tried = if is_late {
            Tried::Never("the payment came too late".to_owned())
        } else {
            self.attempt(&stored).await
        };
        match tried {
            Tried::Done => metrics::ERRANDS.inc([flow, "done"]),
            Tried::Later(why) => {
                tracing::info!(intent.id = %id, flow, why, "an errand waits");
            }
            Tried::Never(why) => self.give_up(&stored, why).await,
        }
    }

    async fn attempt(&self, stored: &StoredErrand) -> Tried {
        let (rider, intent) = (stored.rider_id, stored.id);
        let key = key_of(rider, &stored.errand);
        crate::failpoint::hit("before_errand");
        match &stored.errand.deed {
            Deed::RentalStart { station, package, bank, means } => {
                let (station, bank) = (station.clone(), bank.clone());
                let (package, means, resumes) = (*package, *means, Some(intent));
                self.start(Start { rider, station, package, bank, means, key, resumes }).await
            }
            Deed::DuePayment { rental, means } => {
                let (rental, means, resumes) = (*rental, *means, Some(intent));
                let wish = PayDues { rider, rental, means, shown: None, key, resumes };
                match self.inner.rentals.pay_dues(wish).await {
                    Ok(_) => Tried::Done,
                    Err(error @ Error::Unavailable) => Tried::Later(error.to_string()),
                    Err(error) => Tried::Never(error.to_string()),
                }
            }
        }
    }

    async fn start(&self, start: Start) -> Tried {
        match self.inner.store.rider(start.rider).await {
            Ok(account) if account.rider.is_active() => {}
            Ok(_) => return Tried::Never("the account may not rent".to_owned()),
            Err(error) => return Tried::Later(error.to_string()),
        }
        if self.inner.rentals.place(start.rider) == Some(Place::Starting) {
            // that start may come to nothing yet
            return Tried::Later("another start is under way".to_owned());
        }
        match self.inner.rentals.begin(start).await {
            Ok(_) => Tried::Done,
            Err(
                error @ (StartError::Unavailable
                | StartError::StationOffline
                | StartError::SlotBusy { .. }),
            ) => Tried::Later(error.to_string()),
            Err(error) => Tried::Never(error.to_string()),
        }
    }

    /// The money stays in the wallet. One that was done after all stays done.
    async fn give_up(&self, stored: &StoredErrand, error: String) {
        let (intent, flow) = (stored.id, stored.errand.deed.purpose());
        tracing::info!(intent.id = %intent, flow, error, "an errand came to nothing");
        let mut fact = Fact::at(self.inner.clock.now());
        fact.intent = Some(IntentWrite::NotResumed { intent, error });
        match self.inner.store.commit(fact).await {
            Ok(_) => metrics::ERRANDS.inc([flow, "failed"]),
            Err(error) => tracing::debug!(intent.id = %intent, %error, "an errand stays open"),
        }
    }
}

/// The request's own key, as if it had been paid at once.
fn key_of(rider: RiderId, errand: &Errand) -> Option<KeyWrite> {
    let kept = errand.key.as_ref()?;
    let (route, status, resource) = match &errand.deed {
        Deed::RentalStart { .. } => (START, 201, None),
        Deed::DuePayment { rental, .. } => (DUES, 200, Some(rental.to_string())),
    };
    Some(KeyWrite {
        actor: format!("rider:{rider}"),
        key: kept.key.clone(),
        route,
        body_hash: kept.body_hash,
        status,
        resource,
        response: None,
    })
}

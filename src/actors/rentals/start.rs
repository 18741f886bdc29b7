//! A start, from a rider's wish to the answer: a place, a bank, the fact, the eject. It runs
//! beside the request, so that a rider who goes away leaves nothing half done.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ids::{CommandId, RentalId, RiderId, Sn, StationId};
use domain::money::Money;
use domain::presence::Shown;
use domain::rental::{Event, Phase, Rental, movements};
use domain::tariff::{Package, PaymentModel};
use domain::tender::{Funds, Means, NotPaid, Tender};

use super::{Claim, Rentals, Start, StartError};
use crate::actors::directory::{Place, Stored};
use crate::actors::station::{self, Reserve, ReserveRefusal, Reserved};
use crate::metrics;
use crate::spawn::spawn;
use crate::store::fact::{CommitError, Conflict, Fact, IntentWrite, KeyWrite, RentalWrite, Row};

/// How long an actor takes to start.
const RAISE: Duration = Duration::from_secs(5);

impl Rentals {
    /// Starts a rental and waits, at most for the patience of a start, until the bank is out
    /// or certainly not. Dropping the future cancels nothing.
    pub async fn start(&self, start: Start) -> Result<Rental, StartError> {
        let claim = self.claim(start.rider)?;
        self.start_in(claim, start).await
    }

    /// The same in a place that is taken already.
    pub async fn start_in(&self, claim: Claim, start: Start) -> Result<Rental, StartError> {
        let began = self.context.clock.now();
        let answer = match self.begin_in(claim, start).await {
            Ok(id) => self.outcome(id, began).await,
            Err(error) => Err(error),
        };
        let label =
            answer.as_ref().map_or_else(StartError::label, |rental| rental.status().as_str());
        metrics::RENTALS_STARTED.inc([label]);
        let took = (self.context.clock.now() - began).to_std().unwrap_or_default();
        metrics::START_ANSWER_SECONDS.observe(took, [label]);
        answer
    }

    /// The same up to the fact, in the rider's place: the eject is on its way.
    pub async fn begin(&self, start: Start) -> Result<RentalId, StartError> {
        let claim = self.claim(start.rider)?;
        self.begin_in(claim, start).await
    }

    async fn begin_in(&self, claim: Claim, start: Start) -> Result<RentalId, StartError> {
        let rentals = self.clone();
        let work = spawn("start", async move { rentals.store(claim, start).await });
        work.await.unwrap_or(Err(StartError::Unavailable))
    }

    pub(super) fn taken(&self, place: Place) -> StartError {
        let overdue = match place {
            Place::Starting => false,
            Place::Open(id) => self
                .get(id)
                .is_some_and(|stored| matches!(stored.rental.phase, Phase::Overdue { .. })),
        };
        StartError::RiderHasRental { overdue }
    }

    async fn store(&self, claim: Claim, start: Start) -> Result<RentalId, StartError> {
        let (station, package) = self.wanted(&start)?;
        let id = self.reserve_and_commit(start, station, package).await?;
        claim.used();
        Ok(id)
    }

    fn wanted(&self, start: &Start) -> Result<(StationId, Package), StartError> {
        let package = self.package(start.package).ok_or(StartError::PackageNotFound)?;
        if package.model != PaymentModel::Prepaid {
            return Err(StartError::ModeNotSupported);
        }
        let station =
            self.context.stations.by_serial(&start.station).ok_or(StartError::StationNotFound)?;
        match &start.bank {
            Some(sn) if self.context.banks.get(sn).is_none() => Err(StartError::BankNotFound),
            Some(_) | None => Ok((station, package)),
        }
    }

    async fn reserve_and_commit(
        &self,
        start: Start,
        station: StationId,
        package: Package,
    ) -> Result<RentalId, StartError> {
        let tender = match self.can_pay(start.rider, package.price, start.means).await {
            Ok(tender) => tender,
            Err(refusal) => {
                // nobody is asked for money where there is nothing to be had
                let is_short = matches!(refusal, StartError::Short { .. });
                let better = if is_short { self.nothing_at(station) } else { None };
                return Err(better.unwrap_or(refusal));
            }
        };
        let command = CommandId(self.context.entropy.uuid());
        let reserved = self.reserve(station, command, start.bank.clone()).await?;
        let stored = self.first_state(&start, station, (package, tender), command, &reserved);
        match self.commit(stored, start).await {
            Ok(id) => Ok(id),
            Err(error) => {
                self.context.stations.tell(station, station::Msg::Unreserve(command));
                Err(error)
            }
        }
    }

    /// A look before anything moves; the commit checks again.
    async fn can_pay(
        &self,
        rider: RiderId,
        price: Money,
        means: Means,
    ) -> Result<Tender, StartError> {
        let purse = self.context.store.purse(rider).await;
        let purse = purse.map_err(|_| StartError::Unavailable)?;
        if purse.owed.is_positive() {
            return Err(StartError::UnpaidDues { amount: purse.owed });
        }
        let rate = self.context.settings.terms.points;
        let funds = Funds { wallet: purse.wallet, points: purse.points, rate };
        means.tender(price, &funds).map_err(|not_paid| match not_paid {
            NotPaid::Short(missing) => StartError::Short { needed: price, missing },
            NotPaid::Split { amount } => StartError::OtherSplit { price: amount },
        })
    }

    /// Why nothing can be rented there, if that is known already.
    fn nothing_at(&self, station: StationId) -> Option<StartError> {
        let view = self.context.availability.get(station)?;
        if view.maintenance {
            Some(StartError::StationMaintenance)
        } else if view.shown == Shown::Offline {
            Some(StartError::StationOffline)
        } else {
            // counts of before the start of the service are not known to be so
            (view.banks == 0 && !view.stale).then_some(StartError::NoBank)
        }
    }

    async fn reserve(
        &self,
        station: StationId,
        command: CommandId,
        wanted: Option<Sn>,
    ) -> Result<Reserved, StartError> {
        let door = self.context.stations.door(station).ok_or(StartError::Unavailable)?;
        let patience =
            self.context.settings.publish_within + self.context.settings.unconfirmed_check;
        let patience = patience.to_std().unwrap_or_default() + Duration::from_secs(1);
        let ask = |reply| station::Msg::Reserve(Reserve { command, wanted, reply });
        let answer = door.call(ask, patience).await;
        answer.ok_or(StartError::Unavailable)?.map_err(|refusal| match refusal {
            ReserveRefusal::Maintenance => StartError::StationMaintenance,
            ReserveRefusal::Offline => StartError::StationOffline,
            ReserveRefusal::NoBank => StartError::NoBank,
            ReserveRefusal::NotHere => StartError::BankElsewhere,
            ReserveRefusal::Busy { retry_after } => StartError::SlotBusy { retry_after },
        })
    }

    fn first_state(
        &self,
        start: &Start,
        station: StationId,
        (package, tender): (Package, Tender),
        command: CommandId,
        reserved: &Reserved,
    ) -> Stored {
        let now = self.context.clock.now();
        let rental = Rental {
            id: RentalId(self.context.entropy.uuid_at(now)),
            code: self.context.entropy.rental_code(),
            rider: start.rider,
            station,
            key: reserved.key,
            bank: reserved.sn.clone(),
            late_fee: self.tariff().late_fee.clone(),
            command,
            created_at: now,
            publish_before: reserved.publish_before,
            start_level: Some(reserved.level),
            cancel_requested: false,
            unassigned: false,
            claims: vec![],
            held: tender.total(),
            paid: Money::ZERO,
            owed: Money::ZERO,
            written_off: Money::ZERO,
            by_points: tender.spent,
            phase: Phase::Dispensing,
            package,
        };
        let settle_until = rental.reopen_until(self.context.settings.verify_bound);
        Stored { rental, version: 1, settle_until }
    }

    async fn commit(&self, stored: Stored, start: Start) -> Result<RentalId, StartError> {
        let Start { means, key, resumes, .. } = start;
        let (id, rental) = (stored.rental.id, &stored.rental);
        let event = Event::Started { rental: Box::new(rental.clone()) };
        let mut fact = Fact::at(rental.created_at);
        fact.movements = movements(rental, &event);
        fact.key = key.map(|key| KeyWrite { resource: Some(id.to_string()), ..key });
        fact.intent = resumes.map(|intent| IntentWrite::Resumed { intent, rental: id });
        fact.rental = Some(RentalWrite {
            before: None,
            after: rental.clone(),
            events: vec![event],
            settle_until: stored.settle_until,
        });
        crate::failpoint::hit("before_start_commit");
        if let Err(error) = self.commit_surely(fact, id).await {
            if matches!(error, CommitError::Short { .. }) {
                // spent meanwhile: what is missing is known now
                let paid = self.can_pay(rental.rider, rental.package.price, means).await;
                return Err(paid.err().unwrap_or(StartError::Unavailable));
            }
            if is_engaged(&error) {
                // by a rental that is not known here: the next start gets another bank
                let engaged = station::Msg::Engaged(rental.bank.clone());
                self.context.stations.tell(rental.station, engaged);
            }
            return Err(not_stored(&error, rental));
        }
        crate::failpoint::hit("after_start_commit");
        self.raise_one(stored).await;
        Ok(id)
    }

    /// Commits until it is known whether the rental is there. A commit that nobody answered for
    /// may still land: the same fact again waits for it, and then the row tells.
    async fn commit_surely(&self, fact: Fact, id: RentalId) -> Result<(), CommitError> {
        let mut doubted = false;
        for attempt in 0.. {
            match self.context.store.commit(fact.clone()).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Ambiguous) => doubted = true,
                Err(CommitError::NotSent | CommitError::Busy) if doubted => {}
                Err(error) if doubted => {
                    let written = self.context.read_rental_again(id).await;
                    return written.map(|_| ()).ok_or(error);
                }
                Err(error) => return Err(error),
            }
            let pause = self.context.backoff(attempt).to_std().unwrap_or_default();
            self.context.clock.sleep(pause).await;
        }
        Err(CommitError::Ambiguous)
    }

    /// Starts the rental's actor, which asks for the eject. If it cannot be started now, its
    /// supervisor tries again, and the eject is looked into as after a crash.
    async fn raise_one(&self, stored: Stored) {
        let (id, station) = (stored.rental.id, stored.rental.station);
        self.context.note_unsettled(station, id);
        self.context.rentals.learn(Arc::new(stored));
        self.fresh.insert(id, ());
        let (send, receive) = tokio::sync::oneshot::channel();
        self.shards.start(id, Some(send.into()));
        let _ = tokio::time::timeout(RAISE, receive).await; // seen by its state either way
    }

    /// Waits until the eject has an end, at most for the patience of a start.
    async fn outcome(&self, id: RentalId, began: DateTime<Utc>) -> Result<Rental, StartError> {
        let mut states = self.watch(id).ok_or(StartError::Unavailable)?;
        let patience = self.context.settings.start_patience;
        let used = (self.context.clock.now() - began).to_std().unwrap_or_default();
        let settled = states.wait_for(|stored| stored.rental.phase != Phase::Dispensing);
        let left = patience.saturating_sub(used);
        let _ = self.context.clock.within(left, settled).await.map(|state| state.map(|_| ()));
        let stored = states.borrow().clone();
        Ok(stored.rental.clone())
    }
}

fn is_engaged(error: &CommitError) -> bool {
    matches!(error, CommitError::Conflict(Conflict::BankHasRental | Conflict::SlotDispensing))
}

/// Why a start came to nothing at its commit.
fn not_stored(error: &CommitError, rental: &Rental) -> StartError {
    match error {
        CommitError::Conflict(Conflict::KeyUsed) | CommitError::Stale(Row::Intent) => {
            StartError::KeyUsed
        }
        CommitError::Conflict(Conflict::RiderHasRental) => {
            StartError::RiderHasRental { overdue: false }
        }
        CommitError::Conflict(Conflict::BankHasRental | Conflict::SlotDispensing) => {
            StartError::NoBank
        }
        CommitError::NotSent
        | CommitError::Short { .. }
        | CommitError::Ambiguous
        | CommitError::Stale(_)
        | CommitError::Conflict(_)
        | CommitError::Fenced
        | CommitError::Busy
        | CommitError::Corrupt(_) => {
            tracing::warn!(rental.id = %rental.id, %error, "a start was not stored");
            StartError::Unavailable
        }
    }
}

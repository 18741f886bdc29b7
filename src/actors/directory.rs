//! Who answers for which cabinet and which rental: sharded maps in memory, owned by the node.
//! They hold doors, never state.

use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use domain::ids::{DeviceUuid, RentalId, RiderId, Serial, Sn, StationId};
use domain::rental::{Rental, Status};
use tokio::sync::watch;

use super::availability::Info;
use super::mailbox::Mailbox;
use super::{rental, station};
use crate::link::Ack;

#[cfg(test)]
mod tests;

pub use crate::store::load::Stored;

/// The cabinets.
#[derive(Debug, Default)]
pub struct StationDirectory {
    doors: DashMap<StationId, Mailbox<station::Msg>>,
    info: DashMap<StationId, Arc<Info>>,
    by_uuid: DashMap<DeviceUuid, StationId>,
    by_serial: DashMap<Serial, StationId>,
}

impl StationDirectory {
    pub fn enrol(&self, info: Arc<Info>) {
        self.by_uuid.insert(info.uuid.clone(), info.id);
        self.by_serial.insert(info.serial.clone(), info.id);
        self.info.insert(info.id, info);
    }

    pub fn strike(&self, id: StationId) {
        self.doors.remove(&id);
        if let Some((_, info)) = self.info.remove(&id) {
            self.by_uuid.remove(&info.uuid);
            self.by_serial.remove(&info.serial);
        }
    }

    pub fn open(&self, id: StationId, door: Mailbox<station::Msg>) {
        self.doors.insert(id, door);
    }

    /// Nobody answers there for a while.
    pub fn shut(&self, id: StationId) {
        self.doors.remove(&id);
    }

    pub fn door(&self, id: StationId) -> Option<Mailbox<station::Msg>> {
        self.doors.get(&id).map(|door| door.clone())
    }

    /// Messages that wait in all mailboxes.
    pub fn waiting(&self) -> u64 {
        self.doors.iter().map(|door| door.waiting()).sum()
    }

    /// Tells a cabinet's actor something; one that is being restarted reads it back itself.
    /// What a cabinet said comes again later where the mailbox is full.
    pub fn tell(&self, id: StationId, message: station::Msg) -> bool {
        let Some(door) = self.door(id) else { return false };
        match door.offer(message) {
            Ok(()) => true,
            Err((_, Some(station::Msg::Inbound(inbound)))) => {
                postpone(inbound.ack);
                false
            }
            Err(_) => false,
        }
    }

    /// What nobody would say again, and of which only so much can be under way.
    pub fn insist(&self, id: StationId, message: station::Msg) {
        if let Some(door) = self.door(id) {
            door.insist(message);
        }
    }

    /// Half of what may wait for it waits: what changes nothing is not taken.
    pub fn is_crowded(&self, id: StationId) -> bool {
        self.doors.get(&id).is_some_and(|door| door.is_crowded())
    }

    /// The same as `tell` for what is shed first.
    pub fn tell_lightly(&self, id: StationId, message: station::Msg) -> bool {
        let Some(door) = self.door(id) else { return false };
        !door.is_crowded() && door.cast(message).is_ok()
    }

    pub fn info(&self, id: StationId) -> Option<Arc<Info>> {
        self.info.get(&id).map(|info| Arc::clone(&info))
    }

    pub fn by_uuid(&self, uuid: &DeviceUuid) -> Option<StationId> {
        self.by_uuid.get(uuid).map(|id| *id)
    }

    pub fn by_serial(&self, serial: &Serial) -> Option<StationId> {
        self.by_serial.get(serial).map(|id| *id)
    }

    pub fn ids(&self) -> Vec<StationId> {
        self.info.iter().map(|info| *info.key()).collect()
    }

    pub fn len(&self) -> usize {
        self.info.len()
    }

    pub fn is_empty(&self) -> bool {
        self.info.is_empty()
    }
}

/// What a rider is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A start is under way.
    Starting,
    Open(RentalId),
}

/// The open rentals, and those that may still be reopened.
#[derive(Debug, Default)]
pub struct RentalDirectory {
    doors: DashMap<RentalId, Mailbox<rental::Msg>>,
    stored: DashMap<RentalId, watch::Sender<Arc<Stored>>>,
    by_rider: DashMap<RiderId, Place>,
    by_bank: DashMap<Sn, RentalId>,
    /// Open rentals with claims that nobody confirmed: few, whatever the size of the network.
    claimed: DashMap<RentalId, ()>,
}

impl RentalDirectory {
    /// Takes a rider's one place for a start.
    pub fn claim(&self, rider: RiderId) -> Result<(), Place> {
        match self.by_rider.entry(rider) {
            Entry::Occupied(taken) => Err(*taken.get()),
            Entry::Vacant(free) => {
                free.insert(Place::Starting);
                Ok(())
            }
        }
    }

    /// Gives the place back when the start came to nothing.
    pub fn disclaim(&self, rider: RiderId) {
        self.by_rider.remove_if(&rider, |_, place| *place == Place::Starting);
    }

    pub fn place(&self, rider: RiderId) -> Option<Place> {
        self.by_rider.get(&rider).map(|place| *place)
    }

    /// Takes a committed state: who is open has a place, who is over has none.
    pub fn learn(&self, stored: Arc<Stored>) {
        let rental = &stored.rental;
        let (id, rider, bank) = (rental.id, rental.rider, rental.bank.clone());
        if rental.is_open() {
            self.by_rider.insert(rider, Place::Open(id));
            self.by_bank.insert(bank, id);
        } else {
            self.by_rider.remove_if(&rider, |_, place| *place == Place::Open(id));
            self.by_bank.remove_if(&bank, |_, open| *open == id);
        }
        if rental.is_open() && !rental.claims.is_empty() {
            self.claimed.insert(id, ());
        } else {
            self.claimed.remove(&id);
        }
        match self.stored.entry(id) {
            Entry::Occupied(known) => drop(known.get().send_replace(stored)),
            Entry::Vacant(new) => drop(new.insert(watch::Sender::new(stored))),
        }
    }

    /// The rental needs no actor any more.
    pub fn strike(&self, id: RentalId) {
        self.doors.remove(&id);
        self.claimed.remove(&id);
        self.stored.remove(&id);
    }

    pub fn open(&self, id: RentalId, door: Mailbox<rental::Msg>) {
        self.doors.insert(id, door);
    }

    pub fn door(&self, id: RentalId) -> Option<Mailbox<rental::Msg>> {
        self.doors.get(&id).map(|door| door.clone())
    }

    /// Messages that wait in all mailboxes.
    pub fn waiting(&self) -> u64 {
        self.doors.iter().map(|door| door.waiting()).sum()
    }

    /// Tells a rental's actor something; what a cabinet said comes again later where the
    /// mailbox is full.
    pub fn tell(&self, id: RentalId, message: rental::Msg) -> bool {
        let Some(door) = self.door(id) else { return false };
        match door.offer(message) {
            Ok(()) => true,
            Err((_, Some(rental::Msg::Execute(job)))) => {
                postpone(job.cause.ack);
                false
            }
            Err(_) => false,
        }
    }

    /// Open rentals with claims at this cabinet, and their banks.
    pub fn claimed_at(&self, station: StationId) -> Vec<(RentalId, Sn)> {
        let ids: Vec<RentalId> = self.claimed.iter().map(|entry| *entry.key()).collect();
        let claimed = ids
            .into_iter()
            .filter_map(|id| self.stored(id))
            .filter(|stored| stored.rental.claims.iter().any(|claim| claim.station == station));
        claimed.map(|stored| (stored.rental.id, stored.rental.bank.clone())).collect()
    }

    pub fn of_bank(&self, sn: &Sn) -> Option<RentalId> {
        self.by_bank.get(sn).map(|id| *id)
    }

    /// How many are open, by status; every open status is there.
    pub fn count_open(&self) -> BTreeMap<&'static str, u64> {
        let open = [Status::Pending, Status::PendingPopup, Status::Active, Status::Overdue];
        let mut counts: BTreeMap<_, _> = open.map(|status| (status.as_str(), 0)).into();
        for stored in &self.stored {
            let status = stored.borrow().rental.status().as_str();
            counts.entry(status).and_modify(|count| *count += 1);
        }
        counts
    }

    /// The version of each open rental.
    pub fn open_versions(&self) -> BTreeMap<RentalId, i32> {
        let stored = self.stored.iter().map(|stored| Arc::clone(&stored.borrow()));
        let open = stored.filter(|stored| stored.rental.is_open());
        open.map(|stored| (stored.rental.id, stored.version)).collect()
    }

    pub fn stored(&self, id: RentalId) -> Option<Arc<Stored>> {
        self.stored.get(&id).map(|stored| Arc::clone(&stored.borrow()))
    }

    pub fn watch(&self, id: RentalId) -> Option<watch::Receiver<Arc<Stored>>> {
        self.stored.get(&id).map(|stored| stored.subscribe())
    }

    /// Rider or bank have an open rental that is not this one.
    pub fn is_engaged(&self, rental: &Rental) -> bool {
        let rider = self.place(rental.rider).is_some_and(|place| place != Place::Open(rental.id));
        rider || self.is_carried(rental)
    }

    /// An open rental that is not this one has the bank.
    pub fn is_carried(&self, rental: &Rental) -> bool {
        self.of_bank(&rental.bank).is_some_and(|id| id != rental.id)
    }
}

/// There was no room, which passes.
fn postpone(ack: Option<Ack>) {
    if let Some(ack) = ack {
        ack.postpone();
    }
}

//! Ejects whose rental does not know what became of them: one that was never sent is told until
//! that is stored, one that may have been sent is looked into, one after the other. Nothing is
//! published here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::eject::{NotOutReason, OpenEject, Settlement};
use domain::ids::{CommandId, RentalId};
use domain::rental::{Command, Phase};
use domain::slot::Ejecting;

use super::{PublishEject, State};
use crate::actors::rental;
use crate::actors::slot;

/// Ejects that were certainly never sent, and whose rentals have not stored that.
#[derive(Default)]
pub(super) struct Unsent {
    /// A few: each has a slot of its own, by the rules of the books.
    rentals: BTreeMap<CommandId, RentalId>,
    tell_at: Option<DateTime<Utc>>,
}

impl Unsent {
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.tell_at
    }

    pub fn forget(&mut self, command: CommandId) {
        self.rentals.remove(&command);
        self.tell_at = self.tell_at.filter(|_| !self.rentals.is_empty());
    }
}

impl State {
    pub(super) fn never_sent(&mut self, command: CommandId, rental: RentalId) {
        self.lane.unsent.rentals.insert(command, rental);
        self.tell_unsent();
    }

    /// Until the rental has stored it, it is told again.
    fn tell_unsent(&mut self) {
        let rentals = &self.context.rentals;
        self.lane.unsent.rentals.retain(|_, id| {
            let stored = rentals.stored(*id);
            stored.is_some_and(|stored| stored.rental.phase == Phase::Dispensing)
        });
        for rental in self.lane.unsent.rentals.values() {
            let settlement = Settlement::NotOut { reason: NotOutReason::NeverSent };
            let told = rental::Msg::internal(Command::Settle(settlement));
            self.context.tell_rental(*rental, told);
        }
        let again = self.now() + self.context.settings.tell_again;
        let is_told = self.lane.unsent.rentals.is_empty();
        self.lane.unsent.tell_at = (!is_told).then_some(again);
    }

    pub(super) fn unsent_due(&mut self, now: DateTime<Utc>) {
        if self.lane.unsent.tell_at.is_some_and(|at| at <= now) {
            self.tell_unsent();
        }
    }

    /// The actor of a rental began anew and asks what became of its eject. Whatever it wanted
    /// published was asked for before this: an eject that still has its turn was not sent.
    pub(super) fn look_into(&mut self, ask: PublishEject) {
        let PublishEject { command, rental, sn, key, publish_before, .. } = ask;
        if self.lane.has_turn(command) || self.lane.unsent.rentals.contains_key(&command) {
            self.unreserve(command);
            self.never_sent(command, rental);
        } else if !self.lane.knows(command) {
            self.take_up(OpenEject::recovered(command, rental, sn, key, publish_before));
        }
    }

    /// Looks into an eject that may have been sent, after the one that is open.
    pub(super) fn take_up(&mut self, eject: OpenEject) {
        self.tell_slot(eject.key, slot::Msg::Ejecting(Some(Ejecting::Verify)));
        if self.lane.may_resume() {
            self.lane.resume(eject);
        } else {
            // each has a slot of its own, so that they are few
            self.lane.later.push_back(eject);
        }
    }

    /// It has its end before its turn came.
    pub(super) fn drop_later(&mut self, command: CommandId) {
        let ended = self.lane.later.iter().position(|eject| eject.command == command);
        if let Some(eject) = ended.and_then(|at| self.lane.later.remove(at)) {
            self.tell_slot(eject.key, slot::Msg::Ejecting(None));
            self.moved(eject.key);
        }
    }

    /// The open eject has its end, or a start came to nothing: the next one is looked into.
    pub(super) fn take_up_next(&mut self) {
        if !self.lane.may_resume() {
            return;
        }
        while let Some(eject) = self.lane.later.pop_front() {
            let stored = self.context.rentals.stored(eject.rental);
            if stored.is_some_and(|stored| stored.rental.phase == Phase::Dispensing) {
                return self.lane.resume(eject);
            }
            self.tell_slot(eject.key, slot::Msg::Ejecting(None));
        }
    }
}

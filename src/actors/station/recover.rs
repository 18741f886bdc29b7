//! What a station that starts, or starts again, knows of before: ejects that may be under way,
//! and late answers that may still come. It publishes nothing.

use chrono::{DateTime, Utc};
use domain::eject::OpenEject;
use domain::ids::Sn;
use domain::station::present;

use super::State;
use super::lane::Recent;

impl State {
    /// Ejects that may have been sent before the service started are looked into, never sent;
    /// cancelled ones may still get a late answer, unless they were never sent: one of those
    /// would stand before an older one of its bank.
    pub(super) fn recover(&mut self) {
        let id = self.id();
        for stored in self.context.unsettled_at(id) {
            let rental = &stored.rental;
            if rental.is_open() {
                let eject = OpenEject::recovered(
                    rental.command,
                    rental.id,
                    rental.bank.clone(),
                    rental.key,
                    rental.publish_before,
                );
                self.take_up(eject);
            } else if rental.may_reopen() {
                let (sn, sent_at) = (rental.bank.clone(), rental.publish_before);
                let shown = self.was_read(&sn, sent_at);
                let (rental, until) = (rental.id, stored.settle_until);
                self.lane.remember(Recent { sn, rental, sent_at, until, shown });
            }
        }
        self.recover_doubts();
    }

    /// A report that is stored and came after this showed the bank in a slot.
    fn was_read(&self, sn: &Sn, sent_at: DateTime<Utc>) -> bool {
        let later = sent_at + self.context.settings.eject.settle;
        let mut readings = self.seed.readings.values();
        readings.any(|reading| reading.at >= later && present(reading) == Some(sn))
    }
}

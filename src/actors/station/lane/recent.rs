//! Ejects that are over, for as long as a late answer may still find their rental.

use chrono::{DateTime, TimeDelta, Utc};
use domain::eject::{OpenEject, Settlement};
use domain::ids::{RentalId, Sn};
use domain::station::{Snapshot, present};

use super::Lane;

/// An eject that is over; a late answer still finds its rental.
pub struct Recent {
    pub sn: Sn,
    pub rental: RentalId,
    /// When the cabinet may have got it, at the latest.
    pub sent_at: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// A report that came after it showed the bank in a slot.
    pub shown: bool,
}

impl Lane {
    pub fn remember(&mut self, recent: Recent) {
        self.recent.push(recent);
    }

    /// The rental that a late answer belongs to, and whether the bank was shown since: the one
    /// whose outcome is being stored, or the last one of this bank.
    pub fn of_bank(&mut self, sn: &Sn, now: DateTime<Utc>) -> Option<(RentalId, bool)> {
        self.recent.retain(|recent| now < recent.until);
        if let Some(eject) = self.eject.as_ref().filter(|eject| eject.sn == *sn) {
            return Some((eject.rental, self.found_in(eject)));
        }
        if let Some(eject) = self.later.iter().find(|eject| eject.sn == *sn) {
            return Some((eject.rental, eject.is_seen()));
        }
        let recent = self.recent.iter().rev().find(|recent| recent.sn == *sn)?;
        Some((recent.rental, recent.shown))
    }

    /// The eject failed, and a report showed why.
    pub fn found_in(&self, eject: &OpenEject) -> bool {
        matches!(self.settlement, Some(Settlement::NotOut { .. })) && eject.is_seen()
    }

    /// A report on the trusted session, sent after `earliest`: a bank that it shows did not
    /// leave by an eject before it. One right after the eject may still show a bank that left.
    pub fn report(&mut self, snapshot: &Snapshot, earliest: DateTime<Utc>, settle: TimeDelta) {
        for recent in &mut self.recent {
            let later = earliest - recent.sent_at >= settle;
            let mut rows = snapshot.slots.values();
            recent.shown |= later && rows.any(|row| present(row) == Some(&recent.sn));
        }
    }

    /// A newer command for this bank: a late answer is not about an older one.
    pub fn forget(&mut self, sn: &Sn) -> Vec<RentalId> {
        let older = self.recent.extract_if(.., |recent| recent.sn == *sn);
        older.map(|recent| recent.rental).collect()
    }
}

//! A cabinet as a whole: which bank a rider gets, and what a report says about the banks that
//! are believed to be in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::eject::Sighting;
use crate::ids::{SlotKey, Sn};
use crate::slot::{Reading, SlotState};

#[cfg(test)]
mod tests;

/// How many reports in a row must leave the same slots out, and for how long, before they are
/// gone for good: a fault that passes must not look like another cabinet.
pub const SHRINK_AFTER: u8 = 3;
pub const SHRINK_FOR: TimeDelta = TimeDelta::minutes(30);

/// What may be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub key: SlotKey,
    pub sn: Sn,
    /// Percent.
    pub level: u8,
}

/// The fullest bank; of equals the one in the lowest slot. A wanted serial is the only choice.
pub fn pick<'a>(offers: impl Iterator<Item = &'a Offer>, wanted: Option<&Sn>) -> Option<&'a Offer> {
    offers
        .filter(|offer| wanted.is_none_or(|sn| *sn == offer.sn))
        .max_by_key(|offer| (offer.level, std::cmp::Reverse(offer.key)))
}

/// What a report lists, and how sure that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub slots: BTreeMap<SlotKey, Reading>,
    /// Banks of rows that name no slot of their own: they are somewhere in the cabinet.
    pub strays: BTreeSet<Sn>,
    /// The message allows one reading only.
    pub exact: bool,
}

/// How a report's slots compare with the known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every known slot, no other.
    Whole,
    /// Some known slots are left out; the rest keep what they last said and are stale.
    Partial { missing: Vec<SlotKey> },
    /// The cabinet is built otherwise than was known: the report wins.
    Changed { added: Vec<SlotKey>, removed: Vec<SlotKey> },
}

/// Slots known for a cabinet, and how sure that is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub slots: BTreeSet<SlotKey>,
    /// A whole report has shown them; until then they are what an operator typed in.
    pub confirmed: bool,
    shrinking: Option<Shrinking>,
}

/// The same slots left out by so many reports in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shrinking {
    missing: BTreeSet<SlotKey>,
    since: DateTime<Utc>,
    reports: u8,
}

impl Layout {
    pub fn new(slots: impl IntoIterator<Item = SlotKey>, confirmed: bool) -> Layout {
        Layout { slots: slots.into_iter().collect(), confirmed, ..Layout::default() }
    }

    /// Compares, and learns: a layout an operator typed in gives way to the first exact
    /// report, a confirmed one only to new slots or to several reports over half an hour that
    /// leave the same ones out.
    pub fn meet(&mut self, snapshot: &Snapshot) -> Coverage {
        let listed: BTreeSet<SlotKey> = snapshot.slots.keys().copied().collect();
        let added: Vec<SlotKey> = listed.difference(&self.slots).copied().collect();
        let missing: BTreeSet<SlotKey> = self.slots.difference(&listed).copied().collect();
        if !snapshot.exact || listed.is_empty() {
            return Coverage::Partial { missing: missing.into_iter().collect() };
        }
        if added.is_empty() && missing.is_empty() {
            self.confirmed = true;
            self.shrinking = None;
            return Coverage::Whole;
        }
        let at = snapshot.at().unwrap_or_default();
        let shrunk = !missing.is_empty() && self.shrinks(&missing, at);
        if self.confirmed && !missing.is_empty() && !shrunk {
            return Coverage::Partial { missing: missing.into_iter().collect() };
        }
        let removed = missing.into_iter().collect();
        *self = Layout::new(listed, true);
        Coverage::Changed { added, removed }
    }

    fn shrinks(&mut self, missing: &BTreeSet<SlotKey>, at: DateTime<Utc>) -> bool {
        let same = self.shrinking.take().filter(|before| before.missing == *missing);
        let fresh = Shrinking { missing: missing.clone(), since: at, reports: 0 };
        let mut shrinking = same.unwrap_or(fresh);
        shrinking.reports = shrinking.reports.saturating_add(1);
        let long = at - shrinking.since >= SHRINK_FOR;
        let gone = long && shrinking.reports >= SHRINK_AFTER;
        self.shrinking = Some(shrinking);
        gone
    }
}

/// Where a report and the books differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A bank is here that the books have elsewhere, or do not know.
    Seen { key: SlotKey, sn: Sn },
    /// The books have a bank here that a whole report does not show anywhere.
    Gone { key: SlotKey, sn: Sn },
}

/// Compares a report with the banks that are in this cabinet by custody. A bank that moved
/// between slots is one `Seen`; what is not shown by a partial report is not gone. The slot
/// of an open eject is left to the eject.
pub fn reconcile(
    snapshot: &Snapshot,
    whole: bool,
    believed: &BTreeMap<SlotKey, Sn>,
    ejecting: Option<&Sn>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (key, reading) in &snapshot.slots {
        let Some(sn) = present(reading) else { continue };
        if believed.get(key) != Some(sn) && ejecting != Some(sn) {
            differences.push(Difference::Seen { key: *key, sn: sn.clone() });
        }
    }
    let shown = |sn: &Sn| {
        let readings = snapshot.slots.values();
        readings.filter_map(|r| r.sn.as_ref()).any(|s| s == sn) || snapshot.strays.contains(sn)
    };
    for (key, sn) in believed.iter().filter(|_| whole) {
        let empty = snapshot.slots.get(key).is_none_or(is_vacant_of(sn));
        if empty && !shown(sn) && ejecting != Some(sn) {
            differences.push(Difference::Gone { key: *key, sn: sn.clone() });
        }
    }
    differences
}

/// What a report says of the bank that an eject was to release.
pub fn sighting(snapshot: &Snapshot, key: SlotKey, sn: &Sn) -> Sighting {
    let elsewhere = snapshot.slots.values().any(|r| present(r) == Some(sn));
    if elsewhere {
        return Sighting::Present;
    }
    if snapshot.names(sn) {
        return Sighting::Unclear;
    }
    match snapshot.slots.get(&key) {
        Some(reading) if is_vacant_of(sn)(reading) => Sighting::Absent,
        Some(_) | None => Sighting::Unclear,
    }
}

/// Whether a whole report says that a bank did not come back: no row names it, and none that it
/// may be in is one that cannot be read. `key` is where it was said to be, if that was said.
pub fn denies(snapshot: &Snapshot, key: Option<SlotKey>, sn: &Sn) -> bool {
    let vacant = |reading: &Reading| {
        reading.sn.as_ref().is_some_and(|other| other != sn) || is_vacant_of(sn)(reading)
    };
    let there = match key {
        Some(key) => snapshot.slots.get(&key).is_none_or(vacant),
        None => snapshot.slots.values().all(vacant),
    };
    there && !snapshot.names(sn)
}

/// Whether a reading says what is in its slot: it names a bank, or is empty with its switch open.
pub fn is_accounted_for(reading: &Reading) -> bool {
    reading.sn.is_some() || (reading.state == SlotState::Empty && reading.switch_open)
}

/// The bank that a reading shows in working order.
pub fn present(reading: &Reading) -> Option<&Sn> {
    match reading.state {
        SlotState::Normal => reading.sn.as_ref(),
        SlotState::Empty | SlotState::Fault(_) | SlotState::Reserved(_) => None,
    }
}

/// Empty with its switch open, or in the hands of another bank.
fn is_vacant_of(sn: &Sn) -> impl Fn(&Reading) -> bool + '_ {
    move |reading| match reading.state {
        SlotState::Empty => reading.switch_open,
        SlotState::Normal => reading.sn.as_ref().is_some_and(|other| other != sn),
        SlotState::Fault(_) | SlotState::Reserved(_) => false,
    }
}

/// A snapshot of readings taken at one instant; used by tests and by those who build one.
impl Snapshot {
    pub fn exact(slots: impl IntoIterator<Item = (SlotKey, Reading)>) -> Snapshot {
        Snapshot { slots: slots.into_iter().collect(), exact: true, ..Snapshot::default() }
    }

    /// A row names the bank, in whatever state it is.
    pub fn names(&self, sn: &Sn) -> bool {
        let named = self.slots.values().any(|reading| reading.sn.as_ref() == Some(sn));
        named || self.strays.contains(sn)
    }

    /// When it was received.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.slots.values().map(|reading| reading.at).max()
    }
}

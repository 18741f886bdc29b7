//! Where every bank is, in memory, as the database has it. Written after each commit that
//! moves a bank, never before; a newer version is never overwritten by an older one.

use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;
use domain::bank::{Bank, Condition, Custody};
use domain::ids::{SlotKey, Sn, StationId};

use crate::store::fact::BankWrite;

/// Clones share one directory.
#[derive(Clone, Debug, Default)]
pub struct Banks {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_sn: DashMap<Sn, Bank>,
    by_station: DashMap<StationId, Held>,
}

/// The banks in one cabinet.
#[derive(Debug, Default)]
struct Held {
    slots: BTreeMap<SlotKey, Sn>,
    /// Grows with everything that is learnt of a bank that is in it, comes or leaves.
    changes: u64,
}

impl Banks {
    pub fn load(&self, banks: impl IntoIterator<Item = Bank>) {
        for bank in banks {
            self.learn(bank);
        }
    }

    pub fn get(&self, sn: &Sn) -> Option<Bank> {
        self.inner.by_sn.get(sn).map(|bank| bank.clone())
    }

    /// The banks that are in a cabinet, by slot.
    pub fn at(&self, station: StationId) -> BTreeMap<SlotKey, Sn> {
        self.inner.by_station.get(&station).map(|held| held.slots.clone()).unwrap_or_default()
    }

    pub fn in_slot(&self, station: StationId, key: SlotKey) -> Option<Sn> {
        self.inner.by_station.get(&station)?.slots.get(&key).cloned()
    }

    /// Equal numbers: nothing was learnt of the banks in this cabinet in between.
    pub fn changes(&self, station: StationId) -> u64 {
        self.inner.by_station.get(&station).map_or(0, |held| held.changes)
    }

    /// May a rider be offered this bank?
    pub fn is_offered(&self, sn: &Sn) -> bool {
        self.inner.by_sn.get(sn).is_some_and(|bank| {
            bank.condition == Condition::Good && matches!(bank.custody, Custody::Slot { .. })
        })
    }

    /// Takes what was committed.
    pub fn committed(&self, writes: &[BankWrite]) {
        for write in writes {
            self.learn(Bank {
                sn: write.sn.clone(),
                version: write.before.unwrap_or(0) + 1,
                custody: write.custody,
                condition: write.condition,
                consumed: write.consumed.clone(),
            });
        }
    }

    /// Takes a row as the database has it.
    pub fn learn(&self, bank: Bank) {
        let before = self.inner.by_sn.get(&bank.sn).map(|known| (known.version, known.custody));
        if before.is_some_and(|(version, _)| version > bank.version) {
            return;
        }
        if let Some((station, key)) = before.and_then(|(_, custody)| custody.slot()) {
            let mut held = self.inner.by_station.entry(station).or_default();
            held.changes += 1;
            if held.slots.get(&key) == Some(&bank.sn) {
                held.slots.remove(&key);
            }
        }
        if let Some((station, key)) = bank.custody.slot() {
            let mut held = self.inner.by_station.entry(station).or_default();
            held.changes += 1;
            held.slots.insert(key, bank.sn.clone());
        }
        self.inner.by_sn.insert(bank.sn.clone(), bank);
    }
}

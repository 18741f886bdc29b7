//! The body of a cabinet: slots with banks, and the banks that stick out of them. Obeys physics
//! only; it knows neither commands nor frames.

use std::time::Duration;

use domain::ids::{SlotKey, Sn};
use serde::Serialize;

use crate::bank::Bank;
use crate::layout::Layout;

#[cfg(test)]
mod tests;

/// One slot and what is in it.
#[derive(Clone, Debug)]
pub struct Slot {
    pub key: SlotKey,
    /// Index of its board in the layout.
    pub board: usize,
    pub bank: Option<Bank>,
    /// A serial the slot cannot read although a bank is in it.
    pub unreadable: bool,
    /// Replaces the state byte of its row (table 7.1).
    pub state: Option<u8>,
    /// Replaces the sensor byte of its row.
    pub sensor: Option<u8>,
    /// Contents changed while the cabinet had no power.
    pub changed_in_the_dark: bool,
    /// The bank that left, and until when reports still show it.
    ghost: Option<(Bank, Duration)>,
}

/// All slots of a cabinet.
#[derive(Clone, Debug)]
pub struct Rack {
    slots: Vec<Slot>,
    /// Released banks nobody has taken: they block their slot.
    tray: Vec<(SlotKey, Bank)>,
    /// Up to when charging has been counted.
    charged_to: Duration,
}

/// Why a bank could not be put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum InsertError {
    #[error("the cabinet has no slot {0}")]
    NoSuchSlot(SlotKey),
    #[error("slot {0} is taken")]
    Taken(SlotKey),
    #[error("every slot is taken")]
    Full,
    #[error("bank {0} is in this cabinet")]
    Inside(Sn),
}

impl Rack {
    pub fn new(layout: &Layout) -> Rack {
        let slots = layout.boards.iter().enumerate().flat_map(|(board, spec)| {
            spec.keys().map(move |key| Slot {
                key,
                board,
                bank: None,
                unreadable: false,
                state: None,
                sensor: None,
                changed_in_the_dark: false,
                ghost: None,
            })
        });
        Rack { slots: slots.collect(), tray: Vec::new(), charged_to: Duration::ZERO }
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub fn tray(&self) -> &[(SlotKey, Bank)] {
        &self.tray
    }

    pub fn slot(&self, key: SlotKey) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.key == key)
    }

    pub fn slot_mut(&mut self, key: SlotKey) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.key == key)
    }

    /// Where a bank sits.
    pub fn find(&self, sn: &Sn) -> Option<SlotKey> {
        let holds = |slot: &&Slot| slot.bank.as_ref().is_some_and(|bank| bank.sn == *sn);
        self.slots.iter().find(holds).map(|slot| slot.key)
    }

    /// The slot an insertion would use: the one asked for, else the first free one.
    pub fn room(&self, sn: &Sn, wanted: Option<SlotKey>) -> Result<SlotKey, InsertError> {
        if self.find(sn).is_some() {
            return Err(InsertError::Inside(sn.clone()));
        }
        if let Some(key) = wanted {
            let slot = self.slot(key).ok_or(InsertError::NoSuchSlot(key))?;
            return if self.is_free(slot) { Ok(key) } else { Err(InsertError::Taken(key)) };
        }
        let free = self.slots.iter().find(|slot| self.is_free(slot));
        free.map(|slot| slot.key).ok_or(InsertError::Full)
    }

    /// Puts a bank into a slot that has room.
    pub fn put(&mut self, key: SlotKey, bank: Bank) {
        self.tray.retain(|(_, out)| out.sn != bank.sn);
        if let Some(slot) = self.slot_mut(key) {
            slot.bank = Some(bank);
            slot.ghost = None;
            slot.unreadable = false;
        }
    }

    /// Lets the bank of a slot out: it lies in the opening until someone takes it.
    pub fn release(&mut self, key: SlotKey, shown_until: Duration) -> Option<Sn> {
        let slot = self.slot_mut(key)?;
        let bank = slot.bank.take()?;
        slot.ghost = Some((bank.clone(), shown_until));
        slot.unreadable = false;
        let sn = bank.sn.clone();
        self.tray.push((key, bank));
        Some(sn)
    }

    /// A bank that was pushed out again at once and lies in the opening.
    pub fn reject(&mut self, key: SlotKey, bank: Bank) {
        self.tray.retain(|(_, out)| out.sn != bank.sn);
        self.tray.push((key, bank));
    }

    /// Takes a released bank away.
    pub fn take(&mut self, sn: &Sn) -> Option<Bank> {
        let at = self.tray.iter().position(|(_, bank)| bank.sn == *sn)?;
        Some(self.tray.swap_remove(at).1)
    }

    /// Where a released bank waits to be taken.
    pub fn waiting(&self, sn: &Sn) -> Option<SlotKey> {
        self.tray.iter().find(|(_, bank)| bank.sn == *sn).map(|(key, _)| *key)
    }

    /// Counts the charge of the time that has passed under power.
    pub fn charge(&mut self, now: Duration, percent_in: Option<Duration>, powered: bool) {
        let Some(step) = percent_in.filter(|step| !step.is_zero()) else { return };
        if !powered {
            self.charged_to = now;
            return;
        }
        let whole = now.saturating_sub(self.charged_to).as_nanos() / step.as_nanos();
        let whole = u32::try_from(whole).unwrap_or(u32::MAX);
        self.charged_to = self.charged_to.saturating_add(step.saturating_mul(whole));
        let gain = u8::try_from(whole).unwrap_or(100);
        for bank in self.slots.iter_mut().filter_map(|slot| slot.bank.as_mut()) {
            if bank.is_charging() {
                bank.level = bank.level.saturating_add(gain).min(100);
            }
        }
    }

    fn is_free(&self, slot: &Slot) -> bool {
        slot.bank.is_none() && !self.tray.iter().any(|(key, _)| *key == slot.key)
    }
}

impl Slot {
    /// What a report lists: the bank in it, or the one that has only just left.
    pub fn shown(&self, now: Duration) -> Option<&Bank> {
        let ghost = self.ghost.as_ref().filter(|(_, until)| now < *until).map(|(bank, _)| bank);
        self.bank.as_ref().or(ghost)
    }
}

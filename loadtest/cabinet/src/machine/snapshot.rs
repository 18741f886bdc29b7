//! What a cabinet is and holds at one moment, for those who look at it.

use std::collections::BTreeMap;

use domain::ids::{DeviceUuid, SlotKey, Sn};
use serde::Serialize;

use super::Phase;
use crate::bank::Bank;
use crate::events::Counts;

/// What a cabinet is and holds at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub uuid: DeviceUuid,
    pub phase: Phase,
    pub powered: bool,
    /// Every fitted slot.
    pub slots: Vec<SlotView>,
    /// Released and not taken.
    pub tray: Vec<(SlotKey, Bank)>,
    pub counts: Counts,
    /// What commands have set, by command (`volume`), or command and field (`setWifi.username`).
    pub settings: BTreeMap<String, String>,
    /// Flags of the last config answer.
    pub flags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SlotView {
    pub key: SlotKey,
    pub bank: Option<Bank>,
}

impl Snapshot {
    pub fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }

    /// Where a bank sits.
    pub fn find(&self, sn: &Sn) -> Option<SlotKey> {
        let holds = |slot: &&SlotView| slot.bank.as_ref().is_some_and(|bank| bank.sn == *sn);
        self.slots.iter().find(holds).map(|slot| slot.key)
    }

    /// How many banks sit in slots.
    pub fn banks(&self) -> usize {
        self.slots.iter().filter(|slot| slot.bank.is_some()).count()
    }
}

//! What a cabinet lists of its slots at once, and how much such a list proves.

use std::collections::BTreeSet;

use domain::ids::{SlotKey, Sn};
use domain::slot::SlotState;
use serde::{Deserialize, Serialize};

use crate::uplink::Signal;

/// All that a cabinet says of its slots in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub layout: Layout,
    /// The bytes allow one reading only. When false, the most likely reading was taken.
    pub exact: bool,
    /// Fitted boards, in the order they came.
    pub boards: Vec<Board>,
    /// Rows of fitted boards; every key occurs once.
    pub slots: Vec<SlotReading>,
    /// Rows of fitted boards that name slot 0, or a slot named before in this report: the first
    /// row stands, these say at most that their bank is in the cabinet.
    pub stray: Vec<SlotReading>,
    /// Rows of boards that are not fitted; they mean nothing and were dropped.
    pub phantom: u16,
    /// Comes with reports over HTTP only.
    pub signal: Option<Signal>,
}

impl Report {
    /// Whether this message is, by itself, a complete and unambiguous list. Whether it lists
    /// every slot the cabinet *has* is for `coverage` to say.
    pub fn is_whole(&self) -> bool {
        self.exact && self.stray.is_empty() && !self.slots.is_empty()
    }

    /// Compares the slots listed with those the cabinet is known to have.
    pub fn coverage(&self, known: &BTreeSet<SlotKey>) -> Coverage {
        let listed: BTreeSet<SlotKey> = self.slots.iter().map(|slot| slot.key).collect();
        Coverage {
            missing: known.difference(&listed).copied().collect(),
            extra: listed.difference(known).copied().collect(),
        }
    }

    pub fn slot(&self, key: SlotKey) -> Option<&SlotReading> {
        self.slots.iter().find(|slot| slot.key == key)
    }

    /// Where a bank is, if the report lists it in a slot of its own.
    pub fn find(&self, sn: &Sn) -> Option<&SlotReading> {
        self.slots.iter().find(|slot| slot.sn.as_ref() == Some(sn))
    }

    /// Whether any row, a stray one too, carries this bank.
    pub fn shows(&self, sn: &Sn) -> bool {
        self.slots.iter().chain(&self.stray).any(|slot| slot.sn.as_ref() == Some(sn))
    }
}

/// How the rows of a report were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Board rows carry a mark.
    Marker,
    /// Board rows say how many slots follow.
    Counted,
    /// No hint; every board has the same number of slots.
    Uniform,
    /// No hint; boards differ, and one split only makes sense.
    Mixed,
}

impl Layout {
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::Marker => "marker",
            Layout::Counted => "counted",
            Layout::Uniform => "uniform",
            Layout::Mixed => "mixed",
        }
    }
}

/// The difference between what a report lists and what was known before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub missing: Vec<SlotKey>,
    pub extra: Vec<SlotKey>,
}

impl Coverage {
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

/// A fitted board, which drives a group of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// Not unique in a cabinet.
    pub address: u8,
    /// The serial port it hangs on.
    pub io: u8,
    /// How many rows it listed.
    pub slots: u16,
    /// Celsius.
    pub temperature: Option<i16>,
    pub software: u8,
    pub hardware: u8,
}

/// One slot as the cabinet sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotReading {
    pub key: SlotKey,
    pub state: SlotState,
    /// `None` in an empty slot, and when the bank's serial cannot be read.
    pub sn: Option<Sn>,
    /// 0 to 100 percent; `None` when unknown or out of range.
    pub level: Option<u8>,
    /// Celsius; `None` when unknown and in an empty slot.
    pub temperature: Option<i16>,
    /// Millivolts of the bank's cell.
    pub cell_mv: Option<u16>,
    /// Tenths of a volt at the charging contacts.
    pub charge_decivolts: Option<u8>,
    /// Tenths of an ampere into the bank.
    pub charge_deciamps: Option<u8>,
    /// Tenths of an ampere out of the bank.
    pub bank_deciamps: u8,
    /// Firmware of the bank, as the cabinet counts it.
    pub bank_version: u8,
    /// The operator's region code stored in the bank.
    pub area: u16,
    /// Nothing presses the slot's switch.
    pub switch_open: bool,
    pub solenoid_open: bool,
}

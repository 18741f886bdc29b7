//! A power bank and who has it. The row behind it has no actor: it is written in the fact of
//! whoever gains the bank, guarded by its version.

use serde::{Deserialize, Serialize};

use crate::ids::{RentalId, SlotKey, Sn, StationId};

/// Who has a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "with", rename_all = "snake_case")]
pub enum Custody {
    /// In a slot; this is also what makes the slot occupied.
    Slot {
        station: StationId,
        #[serde(flatten)]
        key: SlotKey,
    },
    /// Out with a rider.
    Rental { rental: RentalId },
    /// Nobody can show where it is.
    Missing,
    /// Seen in a cabinet, but not ours until somebody says so: never offered.
    Quarantine {
        station: StationId,
        #[serde(flatten)]
        key: SlotKey,
    },
}

impl Custody {
    pub fn slot(&self) -> Option<(StationId, SlotKey)> {
        match *self {
            Custody::Slot { station, key } | Custody::Quarantine { station, key } => {
                Some((station, key))
            }
            Custody::Rental { .. } | Custody::Missing => None,
        }
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            Custody::Slot { .. } => "slot",
            Custody::Rental { .. } => "rental",
            Custody::Missing => "missing",
            Custody::Quarantine { .. } => "quarantine",
        }
    }
}

/// What an operator says of a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Condition {
    Good,
    Maintenance,
    Damaged,
}

/// What becomes of a serial that was never seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownBanks {
    /// It is kept aside and an incident is opened.
    Quarantine,
    /// It becomes one of ours.
    Adopt,
}

impl UnknownBanks {
    pub fn custody(self, station: StationId, key: SlotKey) -> Custody {
        match self {
            UnknownBanks::Quarantine => Custody::Quarantine { station, key },
            UnknownBanks::Adopt => Custody::Slot { station, key },
        }
    }
}

/// A fingerprint of the bytes of a frame; equal bytes have equal fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub i64);

/// How many frames that closed a rental are remembered for each bank.
pub const CONSUMED_MAX: usize = 16;

/// A bank as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bank {
    pub sn: Sn,
    pub version: i32,
    pub custody: Custody,
    pub condition: Condition,
    /// Frames that closed an earlier rental of this bank, newest last: the same bytes again
    /// prove nothing.
    pub consumed: Vec<Fingerprint>,
}

impl Bank {
    /// The frames remembered when more of them belong to a rental that is over.
    pub fn consumed_with(&self, frames: impl IntoIterator<Item = Fingerprint>) -> Vec<Fingerprint> {
        let mut all = self.consumed.clone();
        for frame in frames {
            if !all.contains(&frame) {
                all.push(frame);
            }
        }
        let skip = all.len().saturating_sub(CONSUMED_MAX);
        all[skip..].to_vec()
    }
}

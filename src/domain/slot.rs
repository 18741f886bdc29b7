//! One slot of a cabinet: what it last said of itself, which bank is in it by custody, and
//! whether that bank may be offered.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, SlotKey, Sn};

#[cfg(test)]
mod tests;

/// What a cabinet says about a slot (docs/PROTOCOL.md, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Nothing in it; free only while the switch is open too.
    Empty,
    /// A bank that works.
    Normal,
    Fault(SlotFault),
    /// A code the page reserves or does not list; never offered.
    Reserved(u8),
}

/// Why a slot cannot be used (docs/PROTOCOL.md, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotFault {
    Charging,
    Communication,
    Jammed,
    SpringForced,
    LatchNotHome,
    AntiTheft,
    TypeCShort,
    ReturnStuck,
}

impl SlotState {
    /// The word under which it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            SlotState::Empty => "empty",
            SlotState::Normal => "normal",
            SlotState::Reserved(_) => "reserved",
            SlotState::Fault(fault) => fault.as_str(),
        }
    }
}

impl SlotFault {
    pub fn as_str(self) -> &'static str {
        match self {
            SlotFault::Charging => "fault_charging",
            SlotFault::Communication => "fault_communication",
            SlotFault::Jammed => "fault_jammed",
            SlotFault::SpringForced => "fault_spring_forced",
            SlotFault::LatchNotHome => "fault_latch_not_home",
            SlotFault::AntiTheft => "fault_anti_theft",
            SlotFault::TypeCShort => "fault_type_c_short",
            SlotFault::ReturnStuck => "fault_return_stuck",
        }
    }
}

/// What a slot last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub state: SlotState,
    pub sn: Option<Sn>,
    /// 0 to 100 percent.
    pub level: Option<u8>,
    /// Celsius.
    pub temperature: Option<i16>,
    /// Nothing presses the slot's switch.
    pub switch_open: bool,
    pub at: DateTime<Utc>,
}

/// When a bank may be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Percent.
    pub min_level: u8,
    /// Celsius.
    pub max_temperature: i16,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { min_level: 20, max_temperature: 60 }
    }
}

/// A slot as its actor holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub key: SlotKey,
    /// The bank that is in it by custody.
    pub bank: Option<Sn>,
    /// That bank may be offered: it is ours, and in good condition.
    pub offered: bool,
    pub reading: Option<Reading>,
    pub hold: Option<Hold>,
    /// An eject of its bank has no end yet.
    pub eject: Option<Ejecting>,
    /// An operator took it out of service.
    pub maintenance: bool,
    /// The last reports left it out, or none came since the start of the service.
    pub stale: bool,
}

/// A bank set aside for the moment before its rental is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub command: CommandId,
    pub until: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ejecting {
    /// The answer is awaited.
    Sent,
    /// No proof yet of where the bank is.
    Verify,
}

/// What a slot is to everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Empty,
    Occupied,
    Held,
    Ejecting,
    Verify,
    Faulted,
    Maintenance,
    Stale,
}

impl Standing {
    /// The word of the existing app: `AVAILABLE` is a slot that is free for a return.
    pub fn app_status(self) -> &'static str {
        match self {
            Standing::Empty => "AVAILABLE",
            Standing::Occupied | Standing::Held | Standing::Ejecting | Standing::Verify => {
                "OCCUPIED"
            }
            Standing::Maintenance => "MAINTENANCE",
            Standing::Faulted | Standing::Stale => "ERROR",
        }
    }
}

/// A hold that cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the slot holds another bank, or none")]
    OtherBank,
    #[error("the bank in this slot cannot be offered")]
    NotRentable,
}

impl Slot {
    pub fn new(key: SlotKey) -> Slot {
        Slot {
            key,
            bank: None,
            offered: false,
            reading: None,
            hold: None,
            eject: None,
            maintenance: false,
            stale: true,
        }
    }

    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        match self.eject {
            Some(Ejecting::Sent) => return Standing::Ejecting,
            Some(Ejecting::Verify) => return Standing::Verify,
            None => {}
        }
        if self.maintenance {
            return Standing::Maintenance;
        }
        if self.is_held(now) {
            return Standing::Held;
        }
        match &self.reading {
            _ if self.stale => Standing::Stale,
            None => Standing::Stale,
            Some(reading) => self.told(reading),
        }
    }

    /// By docs/PROTOCOL.md, 7.1, and the switch: a slot that contradicts itself is faulted, not free.
    fn told(&self, reading: &Reading) -> Standing {
        match reading.state {
            SlotState::Empty if !reading.switch_open => Standing::Faulted,
            SlotState::Empty if self.bank.is_some() => Standing::Verify,
            SlotState::Empty => Standing::Empty,
            SlotState::Normal if reading.switch_open => Standing::Faulted,
            SlotState::Normal => Standing::Occupied,
            SlotState::Fault(_) | SlotState::Reserved(_) => Standing::Faulted,
        }
    }

    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.hold.is_some_and(|hold| now < hold.until)
    }

    /// Rentable (docs/PROTOCOL.md, below 7.1): state 01, serial present and ours, level
    /// known and enough, temperature unknown or not too high, nothing pending.
    pub fn is_rentable(&self, rules: &Rules, now: DateTime<Utc>) -> bool {
        let Some(reading) = &self.reading else { return false };
        let cool = reading.temperature.is_none_or(|t| t <= rules.max_temperature);
        let full = reading.level.is_some_and(|l| (rules.min_level..=100).contains(&l));
        let same = self.bank.is_some() && self.bank == reading.sn;
        self.standing(now) == Standing::Occupied && self.offered && same && cool && full
    }

    /// Sets the bank aside for one start.
    pub fn hold(
        &mut self,
        sn: &Sn,
        command: CommandId,
        now: DateTime<Utc>,
        ttl: TimeDelta,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        if self.bank.as_ref() != Some(sn) {
            return Err(Refusal::OtherBank);
        }
        if !self.is_rentable(rules, now) {
            return Err(Refusal::NotRentable);
        }
        self.hold = Some(Hold { command, until: now + ttl });
        Ok(())
    }

    /// Lets a hold go; that of another start stays.
    pub fn release(&mut self, command: CommandId) {
        if self.hold.is_some_and(|hold| hold.command == command) {
            self.hold = None;
        }
    }

    /// What the cabinet says replaces what it said before; a report is never older than the
    /// last one, because one station reads them in order.
    pub fn observe(&mut self, reading: Reading) {
        self.reading = Some(reading);
        self.stale = false;
    }

    /// The bank that the last reading shows is known to have left: until the next reading the
    /// slot counts as empty.
    fn assume_empty(&mut self) {
        let left = self.bank.take();
        if let Some(reading) = self.reading.as_mut().filter(|reading| reading.sn == left) {
            let (state, at) = (SlotState::Empty, reading.at);
            *reading =
                Reading { state, sn: None, level: None, temperature: None, switch_open: true, at };
        }
    }

    /// Custody changed; the eject of the bank that was here is over.
    pub fn occupy(&mut self, bank: Option<Sn>, offered: bool) {
        if self.bank != bank {
            self.hold = None;
            self.eject = None;
            if bank.is_none() {
                self.assume_empty();
            }
        }
        self.bank = bank;
        self.offered = offered;
    }
}

//! One power bank, as the slot that holds it can read it.

use domain::ids::Sn;
use serde::{Deserialize, Serialize};

/// A power bank and what its slot reads from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// Decimal text of an unsigned 32-bit number; anything else is sent as unreadable.
    pub sn: Sn,
    /// Charge in percent; 255 is what the protocol calls unknown.
    #[serde(default = "full_enough")]
    pub level: u8,
    /// Degrees Celsius; 0 stands for no sensor.
    #[serde(default = "room_temperature")]
    pub temperature: u8,
    /// Low byte of the operator's area code.
    #[serde(default)]
    pub area: u8,
    /// Shown by operators as V(1000 + software).
    #[serde(default = "software")]
    pub software: u8,
}

const fn full_enough() -> u8 {
    96
}

const fn room_temperature() -> u8 {
    27
}

const fn software() -> u8 {
    0x19
}

impl Bank {
    /// A bank nearly full, at room temperature.
    pub fn new(sn: impl Into<Sn>) -> Bank {
        Bank {
            sn: sn.into(),
            level: full_enough(),
            temperature: room_temperature(),
            area: 0,
            software: software(),
        }
    }

    /// The same bank at another charge, in percent.
    #[must_use]
    pub fn at_level(self, level: u8) -> Bank {
        Bank { level, ..self }
    }

    /// Still filling while in a powered slot.
    pub fn is_charging(&self) -> bool {
        self.level < 100
    }

    /// The serial as the four bytes of a frame; all ones where it is no 32-bit number.
    pub(crate) fn wire_sn(&self) -> u32 {
        wire_sn(&self.sn)
    }

    /// The cell voltage byte at this charge: hundredths of a volt above 2 V. Fits the captures
    /// (40 % = A5, 70 % = C6).
    pub(crate) fn cell_byte(&self) -> u8 {
        let percent = u16::from(self.level.min(100));
        u8::try_from(121 + percent * 11 / 10).unwrap_or(u8::MAX)
    }
}

pub(crate) fn wire_sn(sn: &Sn) -> u32 {
    sn.as_str().parse().unwrap_or(u32::MAX)
}

impl From<&str> for Bank {
    fn from(sn: &str) -> Bank {
        Bank::new(sn)
    }
}

impl From<Sn> for Bank {
    fn from(sn: Sn) -> Bank {
        Bank::new(sn)
    }
}

impl From<&Sn> for Bank {
    fn from(sn: &Sn) -> Bank {
        Bank::new(sn.clone())
    }
}

//! `[banks]`: which power banks may be rented.

use serde::{Deserialize, Serialize};

use super::section::{Problems, section};

/// What becomes of a bank that a cabinet reports and nobody has registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownBank {
    /// Adopt in development, quarantine in production.
    #[serde(rename = "")]
    ByEnvironment,
    /// It becomes one of ours.
    Adopt,
    /// It is not offered until an operator adopts it.
    Quarantine,
}

section! {
    /// Power banks.
    Banks {
        /// A bank nobody registered: "adopt" makes it ours, "quarantine" waits for an operator.
        /// Empty: adopt in development, quarantine in production.
        unknown: UnknownBank = UnknownBank::ByEnvironment,
        /// Least charge of a bank that is offered, in percent.
        rentable_level_min: u8 = 20,
        /// Highest temperature of a bank that is offered, in degrees Celsius.
        temperature_max_c: u8 = 60,
    }
}

impl Banks {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(
            self.rentable_level_min <= 100,
            "rentable_level_min",
            "must be between 0 and 100",
        );
        let safe = (20..=80).contains(&self.temperature_max_c);
        problems.unless(safe, "temperature_max_c", "must be between 20 and 80");
    }
}

//! The names of things: one newtype per kind, so that no two kinds can be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(test)]
mod tests;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<$name, uuid::Error> {
                text.parse().map($name)
            }
        }
    )*};
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                $name(text.to_owned())
            }
        }
    )*};
}

uuid_ids! {
    /// A cabinet as the rows know it.
    StationId;
    /// One rental, from the eject intent to the settled bill.
    RentalId;
    /// One eject intent; never used for a second publish.
    CommandId;
    /// A price with a duration.
    PackageId;
    /// One balanced movement of money.
    TransferId;
    /// One attempt to bring money in.
    IntentId;
    /// One wish to take money out.
    WithdrawalId;
    /// One wish to get money back.
    RefundId;
    /// One document that was issued: an invoice or a credit note.
    InvoiceId;
    /// Something a person has to look at.
    IncidentId;
}

text_ids! {
    /// A power bank's serial, the decimal text printed on it.
    Sn;
    /// What a cabinet calls itself: the IMEI of its 4G module (15 digits) or the MAC of its
    /// WiFi module (12 hex digits).
    DeviceUuid;
    /// The cabinet number on its QR label, which the app sends as `station_sn`.
    Serial;
}

/// A rider's account number, as the app knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct RiderId(pub i64);

impl fmt::Display for RiderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a bank sits in a cabinet: the serial port of the board, and the slot number on it.
/// The slot number alone is not unique when a cabinet has two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlotKey {
    /// 0 or 1.
    pub io: u8,
    /// 1-based; runs through the whole serial port.
    pub slot: u16,
}

impl SlotKey {
    pub const fn new(io: u8, slot: u16) -> SlotKey {
        SlotKey { io, slot }
    }
}

impl fmt::Display for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.io, self.slot)
    }
}

/// A text that is not a cabinet's own name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cabinet's uuid is an IMEI of 15 digits or a MAC of 12 hex digits")]
pub struct NotADeviceUuid;

impl DeviceUuid {
    /// Accepts an IMEI (15 digits) or a MAC (12 hex digits, stored in the case it came in).
    pub fn parse(text: &str) -> Result<DeviceUuid, NotADeviceUuid> {
        let imei = text.len() == 15 && text.bytes().all(|b| b.is_ascii_digit());
        let mac = text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if imei || mac { Ok(DeviceUuid(text.to_owned())) } else { Err(NotADeviceUuid) }
    }
}

/// Words that follow `/stations/` in a path and so cannot name a cabinet.
const RESERVED: [&str; 5] = ["live", "nearby", "favorites", "search", "map"];

/// A text that cannot be a cabinet's serial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a serial is 1 to 64 letters, digits, dots, dashes or underscores, and no path word")]
pub struct NotASerial;

impl Serial {
    pub fn parse(text: &str) -> Result<Serial, NotASerial> {
        let fits = (1..=64).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let reserved = RESERVED.contains(&text.to_ascii_lowercase().as_str());
        if fits && plain && !reserved { Ok(Serial(text.to_owned())) } else { Err(NotASerial) }
    }
}

//! A rider's wish for a bank, and every reason why it comes to nothing.

use std::time::Duration;

use domain::ids::{IntentId, PackageId, RiderId, Serial, Sn};
use domain::money::Money;
use domain::tender::{Means, Shortfall};

use crate::store::fact::KeyWrite;

/// A rider wants a bank.
#[derive(Clone, Debug)]
pub struct Start {
    pub rider: RiderId,
    pub station: Serial,
    pub package: PackageId,
    /// Only this bank will do.
    pub bank: Option<Sn>,
    pub means: Means,
    pub key: Option<KeyWrite>,
    /// The payment that brought the money in for it.
    pub resumes: Option<IntentId>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error("no such station")]
    StationNotFound,
    #[error("the station is offline")]
    StationOffline,
    #[error("the station is under maintenance")]
    StationMaintenance,
    #[error("the station has no power bank to rent")]
    NoBank,
    #[error("no such power bank")]
    BankNotFound,
    #[error("the power bank is not at this station")]
    BankElsewhere,
    #[error("no such package")]
    PackageNotFound,
    #[error("this package cannot be paid this way")]
    ModeNotSupported,
    #[error("you have an open rental")]
    RiderHasRental { overdue: bool },
    #[error("you have unpaid dues of NPR {amount}")]
    UnpaidDues { amount: Money },
    #[error("NPR {needed} is needed and NPR {} of it is missing", .missing.total())]
    Short { needed: Money, missing: Shortfall },
    #[error("the split does not add up to the price of NPR {price}")]
    OtherSplit { price: Money },
    #[error("the station is busy, try again in a moment")]
    SlotBusy { retry_after: Duration },
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("rentals cannot be started at this moment")]
    Unavailable,
}

impl StartError {
    pub(super) fn label(&self) -> &'static str {
        match self {
            StartError::StationNotFound | StartError::PackageNotFound => "not_found",
            StartError::StationOffline => "offline",
            StartError::StationMaintenance => "maintenance",
            StartError::NoBank | StartError::BankNotFound | StartError::BankElsewhere => "no_bank",
            StartError::ModeNotSupported | StartError::OtherSplit { .. } => "mode",
            StartError::RiderHasRental { .. } | StartError::UnpaidDues { .. } => "rider",
            StartError::Short { .. } => "short",
            StartError::SlotBusy { .. } => "busy",
            StartError::KeyUsed => "key",
            StartError::Unavailable => "unavailable",
        }
    }
}

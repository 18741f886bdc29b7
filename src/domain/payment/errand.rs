//! What a payment is made for: something that was short of money, and is gone on with once the
//! money is in the wallet. Data, so that it is stored with the payment and survives a restart.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{PackageId, RentalId, Serial, Sn};
use crate::tender::{Means, Shortfall};

/// How long a settled payment waits for a cabinet that is not there: whoever paid stands before
/// it.
const WAIT: TimeDelta = TimeDelta::minutes(2);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    #[serde(flatten)]
    pub deed: Deed,
    /// The key of the request that was short of money: it answers like the deed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RequestKey>,
    /// What was missing, so that the same request is asked for the same again.
    #[serde(default)]
    pub short: Shortfall,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Deed {
    RentalStart { station: Serial, package: PackageId, bank: Option<Sn>, means: Means },
    DuePayment { rental: RentalId, means: Means },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    pub key: String,
    pub body_hash: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrandState {
    /// Not paid, or not gone on with.
    Pending,
    Success,
    /// The money stays in the wallet.
    Failed,
}

impl Deed {
    /// The word of `payment_intents.purpose`.
    pub fn purpose(&self) -> &'static str {
        match self {
            Deed::RentalStart { .. } => "RENTAL_PAYMENT",
            Deed::DuePayment { .. } => "DUE_PAYMENT",
        }
    }

    /// Until when it is tried. No bank is ejected for a rider who paid too late and has gone;
    /// dues can be paid at any time.
    pub fn tried_until(
        &self,
        settled_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        match self {
            Deed::RentalStart { .. } => Some(expires_at.min(settled_at + WAIT)),
            Deed::DuePayment { .. } => None,
        }
    }
}

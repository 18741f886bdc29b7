//! What a rental costs: packages bought before the eject, and the fee for coming back late.
//!
//! Every price includes tax. A step is rounded half-up once, when it is shown.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::PackageId;
use crate::money::Money;

#[cfg(test)]
mod tests;

const MINUTES_PER_DAY: i64 = 1440;

/// A duration with a price, as it stood when the rental was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub id: PackageId,
    pub name: String,
    pub minutes: u32,
    pub price: Money,
    pub kind: PackageKind,
    pub model: PaymentModel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum PackageKind {
    Hourly,
    Daily,
    Weekly,
    Monthly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentModel {
    /// Paid before the cabinet is asked to eject.
    Prepaid,
    /// Billed at the return.
    Postpaid,
}

/// The fee for coming back late, as it stood when the rental was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateFee {
    pub kind: LateFeeKind,
    /// Times the package's price per minute.
    pub multiplier: Decimal,
    pub flat_per_hour: Money,
    /// Minutes after the due time that cost nothing.
    pub grace_minutes: u32,
    /// The most that one day of charged lateness costs.
    pub max_per_day: Option<Money>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LateFeeKind {
    Multiplier,
    FlatRate,
    Compound,
}

/// What being late has cost up to some instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LateCharge {
    /// Whole minutes after the due time.
    pub minutes_late: i64,
    /// Those that cost: without the grace minutes.
    pub minutes_charged: i64,
    /// What the charged minutes came to before the cap.
    pub uncapped: Money,
    pub amount: Money,
}

impl LateFee {
    /// The fee of the newer system: twice the price per minute, two free minutes, at most
    /// NPR 100 for each day of charged lateness.
    pub fn standard() -> LateFee {
        LateFee {
            kind: LateFeeKind::Multiplier,
            multiplier: Decimal::TWO,
            flat_per_hour: Money::ZERO,
            grace_minutes: 2,
            max_per_day: Some(Money::rupees(100)),
        }
    }

    /// What a bank back at `at` costs beyond the package. Started minutes are not charged:
    /// only time that can be shown is.
    pub fn charge(
        &self,
        package: &Package,
        due_at: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> LateCharge {
        let minutes_late = (at - due_at).num_minutes().max(0);
        let minutes_charged = (minutes_late - i64::from(self.grace_minutes)).max(0);
        let uncapped = rounded(self.fee(package, minutes_charged));
        let amount = self.cap(minutes_charged).map_or(uncapped, |cap| cap.min(uncapped));
        LateCharge { minutes_late, minutes_charged, uncapped, amount }
    }

    fn fee(&self, package: &Package, minutes: i64) -> Decimal {
        let minutes = Decimal::from(minutes);
        let duration = Decimal::from(package.minutes.max(1));
        // multiplied before divided, so that 60 minutes of 50/60 are 50 and not 49.99…
        let multiplied = package.price.decimal() * self.multiplier * minutes / duration;
        let flat = self.flat_per_hour.decimal() * minutes / Decimal::from(60);
        match self.kind {
            LateFeeKind::Multiplier => multiplied,
            LateFeeKind::FlatRate => flat,
            LateFeeKind::Compound => multiplied + flat,
        }
    }

    fn cap(&self, minutes: i64) -> Option<Money> {
        let days = (minutes + MINUTES_PER_DAY - 1) / MINUTES_PER_DAY;
        let cap = self.max_per_day?.decimal() * Decimal::from(days.max(1));
        Some(rounded(cap))
    }
}

/// A fee is bounded by its cap or by the life of a rental; the largest amount stands for
/// anything that would not fit.
fn rounded(amount: Decimal) -> Money {
    Money::rounded(amount).unwrap_or(Money::rupees(Money::MAX_RUPEES - 1))
}

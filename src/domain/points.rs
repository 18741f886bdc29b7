//! Points: what riders earn and may spend in place of money. A unit of its own: no point is a
//! paisa, and an exchange of one for the other is a movement that balances in both.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::money::Money;

#[cfg(test)]
mod tests;

/// Whole points.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Points(pub u32);

impl Points {
    pub fn decimal(self) -> Decimal {
        Decimal::from(self.0)
    }

    /// What an amount earns at so many points for each NPR 100; a started point is none.
    pub fn earned(amount: Money, per_hundred: u32) -> Points {
        let earned = amount.decimal().max(Decimal::ZERO) * Decimal::from(per_hundred);
        let whole = (earned / Decimal::ONE_HUNDRED).trunc();
        Points(u32::try_from(whole).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many points one rupee is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerRupee(pub std::num::NonZeroU32);

/// A price paid with points first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    pub points: Points,
    /// What the points pay of it.
    pub worth: Money,
    /// What is left for the wallet.
    pub rest: Money,
}

impl Default for PerRupee {
    /// Ten points are one rupee.
    fn default() -> PerRupee {
        PerRupee(std::num::NonZeroU32::MIN.saturating_add(9))
    }
}

impl PerRupee {
    /// What points pay, rounded half-up once.
    pub fn worth(self, points: Points) -> Money {
        Money::rounded(points.decimal() / self.rate()).unwrap_or_default()
    }

    /// The points that pay all of an amount: a started point counts.
    pub fn price_of(self, amount: Money) -> Points {
        self.points(amount, RoundingStrategy::ToPositiveInfinity)
    }

    /// Points first, as many whole ones as there are and as the price takes; the rest is money.
    pub fn split(self, price: Money, has: Points) -> Split {
        let points = self.points(price, RoundingStrategy::ToZero).min(has);
        let worth = self.worth(points).min(price);
        Split { points, worth, rest: price.minus(worth) }
    }

    fn points(self, amount: Money, rounding: RoundingStrategy) -> Points {
        let points = amount.decimal().max(Decimal::ZERO) * self.rate();
        let whole = points.round_dp_with_strategy(0, rounding);
        Points(u32::try_from(whole).unwrap_or(u32::MAX))
    }

    fn rate(self) -> Decimal {
        Decimal::from(self.0.get())
    }
}

//! Money in Nepalese rupees: two decimals, checked operations, shares without loss.
//!
//! Everything is rounded half-up once, at the end of a step that is shown. Nothing here is
//! binary floating point.

use std::fmt;
use std::iter::Sum;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// An amount in NPR at scale 2. Its magnitude stays below [`Money::MAX_RUPEES`], so sums of
/// many amounts cannot overflow the decimal behind it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
pub struct Money(Decimal);

/// A text or number that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    #[error("an amount has at most two decimals")]
    TooFine,
    #[error("an amount is below {} in magnitude", Money::MAX_RUPEES)]
    TooLarge,
    #[error("an amount is a decimal number such as 50.00")]
    NotANumber,
}

impl Money {
    /// NUMERIC(14,2) holds it with room.
    pub const MAX_RUPEES: i64 = 100_000_000_000;
    /// Written with two decimals, as every amount.
    pub const ZERO: Money = Money::rupees(0);
    /// ISO 4217 of every amount.
    pub const CURRENCY: &str = "NPR";

    /// Whole rupees. For constants and tests; the value must be within the range.
    pub const fn rupees(rupees: i64) -> Money {
        assert!(rupees.abs() < Money::MAX_RUPEES, "amount out of range");
        Money(Decimal::from_parts(low(rupees), middle(rupees), 0, rupees < 0, 2))
    }

    /// Hundredths of a rupee.
    pub fn paisa(paisa: i64) -> Result<Money, NotMoney> {
        Money::exact(Decimal::new(paisa, 2))
    }

    /// An amount as it is: refused when it has more than two decimals.
    pub fn exact(amount: Decimal) -> Result<Money, NotMoney> {
        let mut scaled = amount;
        scaled.rescale(2);
        if scaled != amount {
            return Err(NotMoney::TooFine);
        }
        Money::in_range(scaled)
    }

    /// An amount rounded half-up (away from zero at the half) to whole paisa.
    pub fn rounded(amount: Decimal) -> Result<Money, NotMoney> {
        let mut scaled = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        scaled.rescale(2);
        Money::in_range(scaled)
    }

    fn in_range(amount: Decimal) -> Result<Money, NotMoney> {
        let fits = amount.abs() < Decimal::from(Money::MAX_RUPEES);
        if fits { Ok(Money(amount)) } else { Err(NotMoney::TooLarge) }
    }

    pub fn parse(text: &str) -> Result<Money, NotMoney> {
        let amount = Decimal::from_str_exact(text).map_err(|_| NotMoney::NotANumber)?;
        Money::exact(amount)
    }

    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The amount in paisa, for gateways and metrics.
    pub fn to_paisa(self) -> i64 {
        (self.0 * Decimal::ONE_HUNDRED).to_i64().unwrap_or(i64::MAX)
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    pub fn is_positive(self) -> bool {
        self > Money::ZERO
    }

    #[must_use]
    pub fn plus(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }

    #[must_use]
    pub fn minus(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }

    #[must_use]
    pub fn negated(self) -> Money {
        Money(-self.0)
    }

    /// As much of the amount as `part` is of `whole`, half-up; nothing of nothing.
    #[must_use]
    pub fn part(self, part: Money, whole: Money) -> Money {
        if whole.is_zero() {
            return Money::ZERO;
        }
        Money::rounded(self.0 * part.0 / whole.0).unwrap_or(self)
    }

    /// The part of a price that is tax when the price includes it, half-up, and the rest; both
    /// add up to the price. `percent` is the rate on the net price.
    pub fn split_included(self, percent: Decimal) -> (Money, Money) {
        let tax = self.0 * percent / (Decimal::ONE_HUNDRED + percent);
        let tax = tax.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        let mut net = self.0 - tax;
        net.rescale(2);
        (Money(net), Money(self.0 - net))
    }
}

impl Money {
    /// Parts in the proportion of `weights` that add up to the amount: each is rounded down to
    /// whole paisa, and what is left goes to the largest remainders, of equal ones to the first.
    /// Without any weight the first part is everything.
    pub fn shares(self, weights: &[u32]) -> Vec<Money> {
        let total: Decimal = weights.iter().map(|weight| Decimal::from(*weight)).sum();
        let mut parts = vec![Decimal::ZERO; weights.len()];
        if !total.is_zero() {
            let exact = weights.iter().map(|weight| self.0 * Decimal::from(*weight) / total);
            parts = exact.collect();
        }
        let floor = |part: &Decimal| part.round_dp_with_strategy(2, RoundingStrategy::ToZero);
        let mut shares: Vec<Money> = parts.iter().map(|part| Money(floor(part))).collect();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse((parts[*at] - shares[*at].0).abs()));
        let mut left = self.minus(shares.iter().copied().sum());
        let paisa = if left < Money::ZERO { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let paisa = Money(paisa / Decimal::ONE_HUNDRED);
        if total.is_zero() {
            shares.iter_mut().take(1).for_each(|first| *first = first.plus(left));
            return shares;
        }
        for at in order {
            if left.is_zero() {
                break;
            }
            shares[at] = shares[at].plus(paisa);
            left = left.minus(paisa);
        }
        shares
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are wanted")]
const fn low(rupees: i64) -> u32 {
    (rupees.unsigned_abs() * 100) as u32
}

const fn middle(rupees: i64) -> u32 {
    ((rupees.unsigned_abs() * 100) >> 32) as u32
}

impl Default for Money {
    fn default() -> Money {
        Money::ZERO
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NPR {self}")
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Money::plus)
    }
}

impl Serialize for Money {
    /// A decimal string with two decimals, wherever the amount came from.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// A decimal string, or a number as the existing app sends it.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(i64),
            Fraction(f64),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Whole(rupees) => rupees.to_string(),
            Written::Fraction(number) => number.to_string(),
        };
        Money::parse(text.trim()).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

    impl utoipa::PartialSchema for super::Money {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some(r"^-?\d+\.\d{2}$"))
                .description(Some("NPR as a decimal string"))
                .into()
        }
    }

    impl utoipa::ToSchema for super::Money {}
}

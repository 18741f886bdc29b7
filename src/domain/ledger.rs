//! The double-entry ledger: accounts, and movements that balance by construction.
//!
//! An entry's amount is positive when it credits an account and negative when it debits it;
//! the entries of one movement add up to zero in each unit. Nothing is ever changed: a
//! correction is a reversal. `docs/LEDGER.md` lists every account and every movement.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::points::Points;

mod account;
mod movement;

#[cfg(test)]
mod tests;

pub use account::{Account, NoAccount, Side, Unit};
pub use movement::{Charge, Movement, Pays, Posted, RefundTo, Withdrawal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "lowercase")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Gateway {
    Khalti,
    Esewa,
    Stripe,
    Sandbox,
}

impl Gateway {
    pub fn as_str(self) -> &'static str {
        match self {
            Gateway::Khalti => "khalti",
            Gateway::Esewa => "esewa",
            Gateway::Stripe => "stripe",
            Gateway::Sandbox => "sandbox",
        }
    }
}

/// So much of the unit of the account that it is written to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(pub Decimal);

impl Quantity {
    pub const ZERO: Quantity = Quantity(Decimal::ZERO);

    pub fn decimal(self) -> Decimal {
        self.0
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        Quantity(self.0 + other.0)
    }

    #[must_use]
    pub fn negated(self) -> Quantity {
        Quantity(-self.0)
    }
}

impl From<Money> for Quantity {
    fn from(money: Money) -> Quantity {
        Quantity(money.decimal())
    }
}

impl From<Points> for Quantity {
    fn from(points: Points) -> Quantity {
        Quantity(points.decimal())
    }
}

/// One line of a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub account: Account,
    /// Positive credits, negative debits.
    pub amount: Quantity,
}

/// The tax inside a price, half-up (`percent` on the net price).
pub fn vat_in(amount: Money, percent: Decimal) -> Money {
    amount.split_included(percent).1
}

/// What it costs to take money out of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalFee {
    /// Of the amount.
    pub percent: Decimal,
    pub fixed: Money,
}

impl WithdrawalFee {
    /// Rounded half-up once; never more than the amount.
    pub fn of(&self, amount: Money) -> Money {
        let fee = amount.decimal() * self.percent / Decimal::ONE_HUNDRED + self.fixed.decimal();
        Money::rounded(fee).map_or(amount, |fee| fee.min(amount))
    }
}

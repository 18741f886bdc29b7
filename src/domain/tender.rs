//! How an amount is paid: from the wallet, with points, or with both. Points first unless the
//! rider says otherwise; the parts add up to the amount exactly, or nothing is paid.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::points::{PerRupee, Points};

#[cfg(test)]
mod tests;

/// What a rider wants to pay with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    Wallet,
    Points,
    /// Points first, the rest from the wallet.
    #[default]
    WalletPoints,
    /// A gateway takes the whole amount, whatever the rider has.
    Direct,
}

/// A rider's own split; both parts add up to the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSplit {
    pub wallet: Money,
    pub points: Points,
}

/// A mode, with a split where the rider chose one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    pub mode: PaymentMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<OwnSplit>,
}

/// What a rider can spend, and what points are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funds {
    pub wallet: Money,
    pub points: Points,
    pub rate: PerRupee,
}

/// Points that pay, and what they pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub points: Points,
    pub worth: Money,
}

/// What pays an amount: the sum of both is the amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tender {
    pub wallet: Money,
    #[serde(flatten)]
    pub spent: Spent,
}

/// What is missing, each in its own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    pub wallet: Money,
    pub points: Points,
    /// What the missing points would pay.
    pub worth: Money,
    /// What pays the amount once the missing money is in the wallet.
    #[serde(default)]
    pub planned: Tender,
}

/// Why an amount cannot be paid so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaid {
    #[error("the split does not add up to NPR {amount}")]
    Split { amount: Money },
    #[error("NPR {} is missing", .0.total())]
    Short(Shortfall),
}

impl Funds {
    /// As much of an amount as is there, points first.
    pub fn most_of(&self, amount: Money) -> Tender {
        let split = self.rate.split(amount, self.points);
        let spent = Spent { points: split.points, worth: split.worth };
        Tender { wallet: split.rest.min(self.wallet).max(Money::ZERO), spent }
    }
}

impl Spent {
    pub fn is_none(&self) -> bool {
        *self == Spent::default()
    }

    #[must_use]
    pub fn plus(self, other: Spent) -> Spent {
        let points = Points(self.points.0.saturating_add(other.points.0));
        Spent { points, worth: self.worth.plus(other.worth) }
    }
}

impl Tender {
    pub fn money(wallet: Money) -> Tender {
        Tender { wallet, spent: Spent::default() }
    }

    pub fn total(&self) -> Money {
        self.wallet.plus(self.spent.worth)
    }

    /// The mode that it amounts to.
    pub fn mode(&self) -> PaymentMode {
        match (self.spent.is_none(), self.wallet.is_zero()) {
            (true, _) => PaymentMode::Wallet,
            (false, true) => PaymentMode::Points,
            (false, false) => PaymentMode::WalletPoints,
        }
    }
}

impl Shortfall {
    /// What would have to come in.
    pub fn total(&self) -> Money {
        self.wallet.plus(self.worth)
    }

    fn money(wallet: Money) -> Shortfall {
        Shortfall { wallet, ..Shortfall::default() }
    }
}

impl PaymentMode {
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentMode::Wallet => "wallet",
            PaymentMode::Points => "points",
            PaymentMode::WalletPoints => "wallet_points",
            PaymentMode::Direct => "direct",
        }
    }
}

impl Means {
    pub fn of(mode: PaymentMode) -> Means {
        Means { mode, split: None }
    }

    /// What of the rider's funds pays the amount.
    pub fn tender(&self, amount: Money, funds: &Funds) -> Result<Tender, NotPaid> {
        self.paid(amount, funds).map_err(|not_paid| match not_paid {
            NotPaid::Short(short) => {
                let planned = self.planned(amount, funds, &short);
                NotPaid::Short(Shortfall { planned, ..short })
            }
            NotPaid::Split { amount } => NotPaid::Split { amount },
        })
    }

    fn planned(&self, amount: Money, funds: &Funds, short: &Shortfall) -> Tender {
        let filled = Funds { wallet: funds.wallet.plus(short.total()), ..*funds };
        let paid = self.after_top_up(short).paid(amount, &filled);
        paid.unwrap_or_else(|_| Tender::money(amount))
    }

    fn paid(&self, amount: Money, funds: &Funds) -> Result<Tender, NotPaid> {
        if let Some(split) = self.split {
            return split.tender(amount, funds);
        }
        match self.mode {
            PaymentMode::Wallet => match amount.minus(funds.wallet) {
                short if short.is_positive() => Err(NotPaid::Short(Shortfall::money(short))),
                _ => Ok(Tender::money(amount)),
            },
            PaymentMode::Points => only_points(amount, funds),
            PaymentMode::WalletPoints => points_first(amount, funds),
            PaymentMode::Direct => Err(NotPaid::Short(Shortfall::money(amount))),
        }
    }

    /// How the same is paid once the missing money is in the wallet: points that were missing
    /// stay missing.
    #[must_use]
    pub fn after_top_up(self, missing: &Shortfall) -> Means {
        match self.mode {
            PaymentMode::Direct => Means::of(PaymentMode::Wallet),
            PaymentMode::Points => Means::of(PaymentMode::WalletPoints),
            PaymentMode::WalletPoints if missing.points > Points(0) => {
                Means::of(PaymentMode::WalletPoints)
            }
            PaymentMode::Wallet | PaymentMode::WalletPoints => self,
        }
    }
}

impl OwnSplit {
    fn tender(&self, amount: Money, funds: &Funds) -> Result<Tender, NotPaid> {
        let OwnSplit { wallet, points } = *self;
        let worth = funds.rate.worth(points);
        if wallet < Money::ZERO || wallet.plus(worth) != amount {
            return Err(NotPaid::Split { amount });
        }
        let missing = Shortfall {
            wallet: wallet.minus(funds.wallet).max(Money::ZERO),
            points: Points(points.0.saturating_sub(funds.points.0)),
            worth: worth.minus(funds.rate.worth(funds.points)).max(Money::ZERO),
            planned: Tender::default(),
        };
        if missing.wallet.is_positive() || missing.points > Points(0) {
            return Err(NotPaid::Short(missing));
        }
        Ok(Tender { wallet, spent: Spent { points, worth } })
    }
}

/// A started point counts.
fn only_points(amount: Money, funds: &Funds) -> Result<Tender, NotPaid> {
    let points = funds.rate.price_of(amount);
    if points > funds.points {
        let split = funds.rate.split(amount, funds.points);
        let missing = Points(points.0 - funds.points.0);
        let short = Shortfall { points: missing, worth: split.rest, ..Shortfall::default() };
        return Err(NotPaid::Short(short));
    }
    Ok(Tender { wallet: Money::ZERO, spent: Spent { points, worth: amount } })
}

/// When the wallet cannot pay the rest of a started point, points alone may.
fn points_first(amount: Money, funds: &Funds) -> Result<Tender, NotPaid> {
    let split = funds.rate.split(amount, funds.points);
    let spent = Spent { points: split.points, worth: split.worth };
    if split.rest <= funds.wallet {
        return Ok(Tender { wallet: split.rest, spent });
    }
    only_points(amount, funds)
        .map_err(|_| NotPaid::Short(Shortfall::money(split.rest.minus(funds.wallet))))
}

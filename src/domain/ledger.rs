//! The double-entry ledger: accounts, and movements of money that balance by construction.
//!
//! An entry's amount is positive when it credits an account and negative when it debits it;
//! the entries of one movement add up to zero. Nothing is ever changed: a correction is a
//! reversal.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{IntentId, RentalId, RiderId};
use crate::money::Money;

#[cfg(test)]
mod tests;

/// Where money is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What a rider can spend; never negative.
    Wallet(RiderId),
    /// What is set aside for a rider's open rental; never negative.
    Hold(RiderId),
    /// What a rider owes; never negative.
    Receivable(RiderId),
    /// Money on its way from a gateway.
    Clearing(Gateway),
    Revenue,
    LateFees,
    VatPayable,
}

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

/// Which side makes an account grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Credit,
    Debit,
}

impl Account {
    /// The name of its row; also the order in which rows are locked.
    pub fn key(&self) -> String {
        match self {
            Account::Wallet(rider) => format!("wallet:{rider}"),
            Account::Hold(rider) => format!("hold:{rider}"),
            Account::Receivable(rider) => format!("receivable:{rider}"),
            Account::Clearing(gateway) => format!("clearing:{}", gateway.as_str()),
            Account::Revenue => "revenue".to_owned(),
            Account::LateFees => "late_fees".to_owned(),
            Account::VatPayable => "vat_payable".to_owned(),
        }
    }

    /// Rider accounts keep a balance row that may not fall below zero; the others are summed
    /// from their entries.
    pub fn rider(&self) -> Option<RiderId> {
        match self {
            Account::Wallet(rider) | Account::Hold(rider) | Account::Receivable(rider) => {
                Some(*rider)
            }
            Account::Clearing(_) | Account::Revenue | Account::LateFees | Account::VatPayable => {
                None
            }
        }
    }

    pub fn side(&self) -> Side {
        match self {
            Account::Receivable(_) | Account::Clearing(_) => Side::Debit,
            Account::Wallet(_)
            | Account::Hold(_)
            | Account::Revenue
            | Account::LateFees
            | Account::VatPayable => Side::Credit,
        }
    }

    /// What an entry of `amount` does to the balance of this account.
    pub fn growth(&self, amount: Money) -> Money {
        match self.side() {
            Side::Credit => amount,
            Side::Debit => amount.negated(),
        }
    }
}

/// One line of a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub account: Account,
    /// Positive credits, negative debits.
    pub amount: Money,
}

/// Why money moves. Each kind has a fixed shape, so a movement can not be unbalanced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Movement {
    /// Sets the price of a rental aside before its eject.
    Hold { rider: RiderId, rental: RentalId, amount: Money },
    /// The bank is out: the held price is earned.
    Capture { rider: RiderId, rental: RentalId, amount: Money, vat: Money },
    /// The bank stayed in: the held price goes back.
    Void { rider: RiderId, rental: RentalId, amount: Money },
    /// A price or fee that was not held is owed.
    Charge { rider: RiderId, rental: RentalId, amount: Money, vat: Money, what: Charge },
    /// A rider's wallet pays what the rider owes.
    Collect { rider: RiderId, rental: RentalId, amount: Money },
    /// A captured price goes back to the wallet.
    Reverse { rider: RiderId, rental: RentalId, amount: Money, vat: Money },
    /// A gateway says that a rider paid.
    TopUp { rider: RiderId, intent: IntentId, gateway: Gateway, amount: Money },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    Price,
    LateFee,
}

impl Movement {
    pub fn name(&self) -> &'static str {
        match self {
            Movement::Hold { .. } => "hold",
            Movement::Capture { .. } => "capture",
            Movement::Void { .. } => "void",
            Movement::Charge { what: Charge::Price, .. } => "charge_price",
            Movement::Charge { what: Charge::LateFee, .. } => "charge_late_fee",
            Movement::Collect { .. } => "collect",
            Movement::Reverse { .. } => "reverse",
            Movement::TopUp { .. } => "top_up",
        }
    }

    pub fn rental(&self) -> Option<RentalId> {
        match self {
            Movement::Hold { rental, .. }
            | Movement::Capture { rental, .. }
            | Movement::Void { rental, .. }
            | Movement::Charge { rental, .. }
            | Movement::Collect { rental, .. }
            | Movement::Reverse { rental, .. } => Some(*rental),
            Movement::TopUp { .. } => None,
        }
    }

    pub fn intent(&self) -> Option<IntentId> {
        match self {
            Movement::TopUp { intent, .. } => Some(*intent),
            Movement::Hold { .. }
            | Movement::Capture { .. }
            | Movement::Void { .. }
            | Movement::Charge { .. }
            | Movement::Collect { .. }
            | Movement::Reverse { .. } => None,
        }
    }

    /// Its lines; those of nothing are left out. They add up to zero.
    pub fn entries(&self) -> Vec<Entry> {
        use Account::*;
        let lines = match *self {
            Movement::Hold { rider, amount, .. } => {
                vec![(Wallet(rider), amount.negated()), (Hold(rider), amount)]
            }
            Movement::Void { rider, amount, .. } => {
                vec![(Hold(rider), amount.negated()), (Wallet(rider), amount)]
            }
            Movement::Capture { rider, amount, vat, .. } => {
                earned(Hold(rider), amount, vat, Revenue)
            }
            Movement::Charge { rider, amount, vat, what, .. } => {
                let earner = match what {
                    Charge::Price => Revenue,
                    Charge::LateFee => LateFees,
                };
                earned(Receivable(rider), amount, vat, earner)
            }
            Movement::Collect { rider, amount, .. } => {
                vec![(Wallet(rider), amount.negated()), (Receivable(rider), amount)]
            }
            Movement::Reverse { rider, amount, vat, .. } => {
                earned(Wallet(rider), amount.negated(), vat.negated(), Revenue)
            }
            Movement::TopUp { rider, gateway, amount, .. } => {
                vec![(Clearing(gateway), amount.negated()), (Wallet(rider), amount)]
            }
        };
        let something = lines.into_iter().filter(|(_, amount)| !amount.is_zero());
        something.map(|(account, amount)| Entry { account, amount }).collect()
    }
}

fn earned(payer: Account, amount: Money, vat: Money, earner: Account) -> Vec<(Account, Money)> {
    vec![(payer, amount.negated()), (earner, amount.minus(vat)), (Account::VatPayable, vat)]
}

/// The tax inside a price, half-up (`percent` on the net price).
pub fn vat_in(amount: Money, percent: Decimal) -> Money {
    amount.split_included(percent).1
}

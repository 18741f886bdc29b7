//! The chart of accounts: whose each is, its unit, and which side makes it grow.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Gateway, Quantity};
use crate::ids::RiderId;

/// Where money or points are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What a rider can spend; never negative.
    Wallet(RiderId),
    /// What is set aside for a rider's open rental; never negative.
    Hold(RiderId),
    /// What a rider owes; never negative.
    Receivable(RiderId),
    /// What a rider has asked to be paid out; never negative.
    Withdrawing(RiderId),
    /// The points a rider can spend; never negative.
    Points(RiderId),
    /// Money on its way from a gateway, or back to it.
    Clearing(Gateway),
    /// What riders were paid out of their wallets.
    Payouts,
    Revenue,
    LateFees,
    WithdrawalFees,
    VatPayable,
    /// What was earned and given back.
    Refunds,
    /// What points have paid in place of riders.
    Promotions,
    /// Dues that nobody will pay.
    WriteOffs,
    /// The other side of every point that was given out.
    PointsIssued,
    /// Points that were spent.
    PointsRedeemed,
}

/// Which side makes an account grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Credit,
    Debit,
}

/// What an account counts. A movement balances in each unit by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Unit {
    Npr,
    Points,
}

impl Unit {
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Npr => "NPR",
            Unit::Points => "POINTS",
        }
    }
}

/// A text that names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no account {0}")]
pub struct NoAccount(pub String);

impl Account {
    /// Those of the network itself, with each gateway's.
    pub const NETWORK: [Account; 14] = [
        Account::Clearing(Gateway::Khalti),
        Account::Clearing(Gateway::Esewa),
        Account::Clearing(Gateway::Stripe),
        Account::Clearing(Gateway::Sandbox),
        Account::Payouts,
        Account::Revenue,
        Account::LateFees,
        Account::WithdrawalFees,
        Account::VatPayable,
        Account::Refunds,
        Account::Promotions,
        Account::WriteOffs,
        Account::PointsIssued,
        Account::PointsRedeemed,
    ];

    /// The name of its row; also the order in which rows are locked.
    pub fn key(&self) -> String {
        match self.owner() {
            Some(owner) => format!("{}:{owner}", self.kind()),
            None => self.kind().to_owned(),
        }
    }

    /// What stands before the owner in its name.
    fn kind(&self) -> &'static str {
        match self {
            Account::Wallet(_) => "wallet",
            Account::Hold(_) => "hold",
            Account::Receivable(_) => "receivable",
            Account::Withdrawing(_) => "withdrawing",
            Account::Points(_) => "points",
            Account::Clearing(_) => "clearing",
            Account::Payouts => "payouts",
            Account::Revenue => "revenue",
            Account::LateFees => "late_fees",
            Account::WithdrawalFees => "withdrawal_fees",
            Account::VatPayable => "vat_payable",
            Account::Refunds => "refunds",
            Account::Promotions => "promotions",
            Account::WriteOffs => "write_offs",
            Account::PointsIssued => "points_issued",
            Account::PointsRedeemed => "points_redeemed",
        }
    }

    fn owner(&self) -> Option<String> {
        if let Account::Clearing(gateway) = self {
            return Some(gateway.as_str().to_owned());
        }
        self.rider().map(|rider| rider.to_string())
    }

    /// Rider accounts keep a balance row that may not fall below zero; the others are summed
    /// from their entries.
    pub fn rider(&self) -> Option<RiderId> {
        match self {
            Account::Wallet(rider)
            | Account::Hold(rider)
            | Account::Receivable(rider)
            | Account::Withdrawing(rider)
            | Account::Points(rider) => Some(*rider),
            Account::Clearing(_)
            | Account::Payouts
            | Account::Revenue
            | Account::LateFees
            | Account::WithdrawalFees
            | Account::VatPayable
            | Account::Refunds
            | Account::Promotions
            | Account::WriteOffs
            | Account::PointsIssued
            | Account::PointsRedeemed => None,
        }
    }

    pub fn unit(&self) -> Unit {
        match self {
            Account::Points(_) | Account::PointsIssued | Account::PointsRedeemed => Unit::Points,
            Account::Wallet(_)
            | Account::Hold(_)
            | Account::Receivable(_)
            | Account::Withdrawing(_)
            | Account::Clearing(_)
            | Account::Payouts
            | Account::Revenue
            | Account::LateFees
            | Account::WithdrawalFees
            | Account::VatPayable
            | Account::Refunds
            | Account::Promotions
            | Account::WriteOffs => Unit::Npr,
        }
    }

    pub fn side(&self) -> Side {
        match self {
            Account::Receivable(_)
            | Account::Clearing(_)
            | Account::Refunds
            | Account::Promotions
            | Account::WriteOffs
            | Account::PointsIssued => Side::Debit,
            Account::Wallet(_)
            | Account::Hold(_)
            | Account::Withdrawing(_)
            | Account::Points(_)
            | Account::Payouts
            | Account::Revenue
            | Account::LateFees
            | Account::WithdrawalFees
            | Account::VatPayable
            | Account::PointsRedeemed => Side::Credit,
        }
    }

    /// What an entry of `amount` does to the balance of this account.
    pub fn growth(&self, amount: Quantity) -> Quantity {
        match self.side() {
            Side::Credit => amount,
            Side::Debit => amount.negated(),
        }
    }
}

impl FromStr for Account {
    type Err = NoAccount;

    fn from_str(key: &str) -> Result<Account, NoAccount> {
        let none = || NoAccount(key.to_owned());
        if let Some(known) = Account::NETWORK.into_iter().find(|account| account.key() == key) {
            return Ok(known);
        }
        let (kind, rider) = key.split_once(':').ok_or_else(none)?;
        let rider = RiderId(rider.parse().map_err(|_| none())?);
        let all = [
            Account::Wallet(rider),
            Account::Hold(rider),
            Account::Receivable(rider),
            Account::Withdrawing(rider),
            Account::Points(rider),
        ];
        let fits = |account: &Account| account.kind() == kind && account.key() == key;
        all.into_iter().find(fits).ok_or_else(none)
    }
}

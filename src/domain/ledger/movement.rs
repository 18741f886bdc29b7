//! Why money or points move. Each kind has a fixed shape, so a movement cannot be unbalanced,
//! whatever its amounts.

use serde::{Deserialize, Serialize};

use super::{Account, Entry, Gateway, Quantity};
use crate::ids::{IntentId, RentalId, RiderId, TransferId, WithdrawalId};
use crate::money::Money;
use crate::points::Points;
use crate::refund::Taken;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Movement {
    /// Sets the price of a rental aside before its eject.
    Hold { rider: RiderId, rental: RentalId, amount: Money },
    /// The bank is out: of what is held, so much is earned.
    Capture { rider: RiderId, rental: RentalId, amount: Money, vat: Money },
    /// What was held and not captured goes back.
    Release { rider: RiderId, rental: RentalId, amount: Money },
    /// The bank stayed in: the held price goes back.
    Void { rider: RiderId, rental: RentalId, amount: Money },
    /// A price or fee that was not held is owed.
    Charge { rider: RiderId, rental: RentalId, amount: Money, vat: Money, what: Charge },
    /// A rider's wallet pays what the rider owes.
    Collect { rider: RiderId, rental: RentalId, amount: Money },
    /// A captured price goes back to the wallet, as if it had never been earned.
    Reverse { rider: RiderId, rental: RentalId, amount: Money, vat: Money },
    /// A captured price that points paid comes back as points, as if it had never been earned.
    ReversePoints { rider: RiderId, rental: RentalId, points: Points, amount: Money, vat: Money },
    /// What was earned is given back: it stays earned, and is a refund.
    Refund { rider: RiderId, rental: RentalId, amount: Money, vat: Money, to: RefundTo },
    /// What nobody will pay is owed no longer.
    WriteOff { rider: RiderId, rental: RentalId, amount: Money },
    /// A gateway says that a rider paid.
    TopUp { rider: RiderId, intent: IntentId, gateway: Gateway, amount: Money },
    /// Money that was topped up goes back where it came from.
    TopUpBack { rider: RiderId, intent: IntentId, gateway: Gateway, amount: Money },
    /// The points that a top-up earns.
    TopUpPoints { rider: RiderId, intent: IntentId, points: Points },
    /// They go back with its money; what of them was spent is paid by the wallet.
    TopUpPointsBack { rider: RiderId, intent: IntentId, taken: Taken },
    /// Money on its way out of a wallet.
    Withdraw { rider: RiderId, withdrawal: WithdrawalId, amount: Money, step: Withdrawal },
    /// Points are given to a rider.
    PointsEarned { rider: RiderId, points: Points },
    /// Points are spent on something that costs no money.
    PointsSpent { rider: RiderId, points: Points },
    /// Spent points come back.
    PointsReturned { rider: RiderId, points: Points },
    /// Points pay a price or what is owed: the network bears the money side.
    PointsPay { rider: RiderId, rental: RentalId, points: Points, amount: Money, pays: Pays },
    /// Points that were held as a price come back.
    PointsBack { rider: RiderId, rental: RentalId, points: Points, amount: Money },
    /// Undoes one transfer, line by line.
    Reversal { of: Box<Posted> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    Price,
    LateFee,
}

/// What points pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pays {
    /// A price that is set aside before the eject.
    Price,
    Dues,
}

/// Where a refund goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundTo {
    Wallet,
    /// To where the rider's money came from.
    Source(Gateway),
    /// What points paid comes back as points.
    Points(Points),
}

/// How far a withdrawal is. What is taken as a fee is never more than the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    Request,
    /// It was paid out, less the fee.
    Complete {
        fee: Money,
    },
    /// Refused by an operator: all of it goes back.
    Reject,
    /// Taken back by the rider, less a fee if there is one.
    Cancel {
        fee: Money,
    },
}

/// A transfer as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub id: TransferId,
    pub kind: String,
    pub rental: Option<RentalId>,
    pub intent: Option<IntentId>,
    pub withdrawal: Option<WithdrawalId>,
    pub entries: Vec<Entry>,
}

impl Charge {
    fn earner(self) -> Account {
        match self {
            Charge::Price => Account::Revenue,
            Charge::LateFee => Account::LateFees,
        }
    }
}

impl Movement {
    /// A price that was held and came out lower: so much is earned, the rest goes back.
    pub fn settle(
        (rider, rental): (RiderId, RentalId),
        held: Money,
        price: Money,
        vat: Money,
    ) -> [Movement; 2] {
        let amount = price.min(held);
        [
            Movement::Capture { rider, rental, amount, vat },
            Movement::Release { rider, rental, amount: held.minus(amount) },
        ]
    }

    pub fn name(&self) -> &'static str {
        match self {
            Movement::Hold { .. } => "hold",
            Movement::Capture { .. } => "capture",
            Movement::Release { .. } => "release",
            Movement::Void { .. } => "void",
            Movement::Charge { what: Charge::Price, .. } => "charge_price",
            Movement::Charge { what: Charge::LateFee, .. } => "charge_late_fee",
            Movement::Collect { .. } => "collect",
            Movement::Reverse { .. } => "reverse",
            Movement::ReversePoints { .. } => "reverse_points",
            Movement::Refund { to: RefundTo::Wallet, .. } => "refund_to_wallet",
            Movement::Refund { to: RefundTo::Source(_), .. } => "refund_to_source",
            Movement::Refund { to: RefundTo::Points(_), .. } => "refund_to_points",
            Movement::WriteOff { .. } => "write_off",
            Movement::TopUp { .. } => "top_up",
            Movement::TopUpBack { .. } => "top_up_back",
            Movement::Withdraw { step: Withdrawal::Request, .. } => "withdraw_request",
            Movement::Withdraw { step: Withdrawal::Complete { .. }, .. } => "withdraw_complete",
            Movement::Withdraw { step: Withdrawal::Reject, .. } => "withdraw_reject",
            Movement::Withdraw { step: Withdrawal::Cancel { .. }, .. } => "withdraw_cancel",
            Movement::PointsEarned { .. } | Movement::TopUpPoints { .. } => "points_earned",
            Movement::TopUpPointsBack { .. } => "points_earned_back",
            Movement::PointsSpent { .. } => "points_spent",
            Movement::PointsReturned { .. } => "points_returned",
            Movement::PointsPay { pays: Pays::Price, .. } => "points_pay_price",
            Movement::PointsPay { pays: Pays::Dues, .. } => "points_pay_dues",
            Movement::PointsBack { .. } => "points_back",
            Movement::Reversal { .. } => "reversal",
        }
    }

    pub fn rental(&self) -> Option<RentalId> {
        match self {
            Movement::Hold { rental, .. }
            | Movement::Capture { rental, .. }
            | Movement::Release { rental, .. }
            | Movement::Void { rental, .. }
            | Movement::Charge { rental, .. }
            | Movement::Collect { rental, .. }
            | Movement::Reverse { rental, .. }
            | Movement::ReversePoints { rental, .. }
            | Movement::Refund { rental, .. }
            | Movement::WriteOff { rental, .. }
            | Movement::PointsPay { rental, .. }
            | Movement::PointsBack { rental, .. } => Some(*rental),
            Movement::Reversal { of } => of.rental,
            Movement::TopUp { .. }
            | Movement::TopUpBack { .. }
            | Movement::TopUpPoints { .. }
            | Movement::TopUpPointsBack { .. }
            | Movement::Withdraw { .. }
            | Movement::PointsEarned { .. }
            | Movement::PointsSpent { .. }
            | Movement::PointsReturned { .. } => None,
        }
    }

    pub fn intent(&self) -> Option<IntentId> {
        if let Movement::TopUp { intent, .. }
        | Movement::TopUpBack { intent, .. }
        | Movement::TopUpPoints { intent, .. }
        | Movement::TopUpPointsBack { intent, .. } = self
        {
            return Some(*intent);
        }
        self.undone().and_then(|of| of.intent)
    }

    pub fn withdrawal(&self) -> Option<WithdrawalId> {
        if let Movement::Withdraw { withdrawal, .. } = self {
            return Some(*withdrawal);
        }
        self.undone().and_then(|of| of.withdrawal)
    }

    /// The transfer that it undoes.
    pub fn reverses(&self) -> Option<TransferId> {
        self.undone().map(|of| of.id)
    }

    fn undone(&self) -> Option<&Posted> {
        if let Movement::Reversal { of } = self { Some(of) } else { None }
    }

    /// Its lines; those of nothing are left out. They add up to zero in each unit.
    pub fn entries(&self) -> Vec<Entry> {
        let lines = self.lines();
        let something = lines.into_iter().filter(|(_, amount)| !amount.is_zero());
        something.map(|(account, amount)| Entry { account, amount }).collect()
    }

    fn lines(&self) -> Vec<Line> {
        use Account::*;
        match *self {
            Movement::Hold { rider, amount, .. } => moved(Wallet(rider), Hold(rider), amount),
            Movement::Void { rider, amount, .. } | Movement::Release { rider, amount, .. } => {
                moved(Hold(rider), Wallet(rider), amount)
            }
            Movement::Capture { rider, amount, vat, .. } => {
                earned(Hold(rider), amount, vat, Revenue)
            }
            Movement::Charge { rider, amount, vat, what, .. } => {
                earned(Receivable(rider), amount, vat, what.earner())
            }
            Movement::Collect { rider, amount, .. } => {
                moved(Wallet(rider), Receivable(rider), amount)
            }
            Movement::Reverse { rider, amount, vat, .. } => {
                earned(Wallet(rider), amount.negated(), vat.negated(), Revenue)
            }
            Movement::ReversePoints { rider, points, amount, vat, .. } => {
                let back = moved(PointsRedeemed, Points(rider), points);
                let undone = earned(Promotions, amount.negated(), vat.negated(), Revenue);
                undone.into_iter().chain(back).collect()
            }
            Movement::Refund { rider, amount, vat, to, .. } => refunded(rider, amount, vat, to),
            Movement::WriteOff { rider, amount, .. } => moved(WriteOffs, Receivable(rider), amount),
            Movement::TopUp { rider, gateway, amount, .. } => {
                moved(Clearing(gateway), Wallet(rider), amount)
            }
            Movement::TopUpBack { rider, gateway, amount, .. } => {
                moved(Wallet(rider), Clearing(gateway), amount)
            }
            Movement::Withdraw { rider, amount, step, .. } => withdrawn(rider, amount, step),
            Movement::PointsEarned { rider, points }
            | Movement::TopUpPoints { rider, points, .. } => {
                moved(PointsIssued, Points(rider), points)
            }
            Movement::TopUpPointsBack { rider, taken, .. } => unearned(rider, taken),
            Movement::PointsSpent { rider, points } => moved(Points(rider), PointsRedeemed, points),
            Movement::PointsReturned { rider, points } => {
                moved(PointsRedeemed, Points(rider), points)
            }
            Movement::PointsPay { rider, points, amount, pays, .. } => {
                let paid = match pays {
                    Pays::Price => Hold(rider),
                    Pays::Dues => Receivable(rider),
                };
                let spent = moved(Points(rider), PointsRedeemed, points);
                spent.into_iter().chain(moved(Promotions, paid, amount)).collect()
            }
            Movement::PointsBack { rider, points, amount, .. } => {
                let back = moved(PointsRedeemed, Points(rider), points);
                back.into_iter().chain(moved(Hold(rider), Promotions, amount)).collect()
            }
            Movement::Reversal { ref of } => {
                let undone = |entry: &Entry| (entry.account.clone(), entry.amount.negated());
                of.entries.iter().map(undone).collect()
            }
        }
    }
}

type Line = (Account, Quantity);

fn moved(from: Account, to: Account, amount: impl Into<Quantity>) -> Vec<Line> {
    let amount = amount.into();
    vec![(from, amount.negated()), (to, amount)]
}

fn earned(payer: Account, amount: Money, vat: Money, earner: Account) -> Vec<Line> {
    vec![
        (payer, amount.negated().into()),
        (earner, amount.minus(vat).into()),
        (Account::VatPayable, vat.into()),
    ]
}

/// Paid by the refunds of the network and by the tax that is no longer due.
fn refunded(rider: RiderId, amount: Money, vat: Money, to: RefundTo) -> Vec<Line> {
    let (taker, points) = match to {
        RefundTo::Wallet => (Account::Wallet(rider), None),
        RefundTo::Source(gateway) => (Account::Clearing(gateway), None),
        RefundTo::Points(points) => (Account::Promotions, Some(points)),
    };
    let back = points
        .map(|points| moved(Account::PointsRedeemed, Account::Points(rider), points))
        .unwrap_or_default();
    earned(taker, amount.negated(), vat.negated(), Account::Refunds)
        .into_iter()
        .chain(back)
        .collect()
}

/// As if the points had never been given: what spent ones have paid is the rider's own now.
fn unearned(rider: RiderId, taken: Taken) -> Vec<Line> {
    let gone = moved(Account::Points(rider), Account::PointsIssued, taken.points);
    let spent = moved(Account::PointsRedeemed, Account::PointsIssued, taken.spent);
    let paid = moved(Account::Wallet(rider), Account::Promotions, taken.worth);
    gone.into_iter().chain(spent).chain(paid).collect()
}

fn withdrawn(rider: RiderId, amount: Money, step: Withdrawal) -> Vec<Line> {
    let (wallet, waiting) = (Account::Wallet(rider), Account::Withdrawing(rider));
    let split = |taker: Account, fee: Money| {
        let fee = fee.min(amount);
        vec![
            (waiting.clone(), amount.negated().into()),
            (taker, amount.minus(fee).into()),
            (Account::WithdrawalFees, fee.into()),
        ]
    };
    match step {
        Withdrawal::Request => moved(wallet, waiting, amount),
        Withdrawal::Complete { fee } => split(Account::Payouts, fee),
        Withdrawal::Reject => split(wallet, Money::ZERO),
        Withdrawal::Cancel { fee } => split(wallet, fee),
    }
}

//! Money and points that come in and go out by chance: top-ups and their way back, points that are
//! earned, spent and returned, withdrawals.

use rust_decimal::Decimal;

use super::Network;
use crate::ids::{IntentId, RiderId, WithdrawalId};
use crate::ledger::{Account, Gateway, Movement, Posted, Quantity, Withdrawal, WithdrawalFee};
use crate::money::Money;
use crate::points::{PerRupee, Points};
use crate::refund::Brought;

const GATEWAY: Gateway = Gateway::Sandbox;
/// Points for each NPR 100.
const EARNED: u32 = 150;

impl Network {
    /// With the points that it earns.
    pub fn top_up(&mut self, rider: RiderId, amount: Money) {
        let intent = IntentId(self.id());
        let points = Points::earned(amount, EARNED);
        let brought = [
            Movement::TopUp { rider, intent, gateway: GATEWAY, amount },
            Movement::TopUpPoints { rider, intent, points },
        ];
        assert!(self.post(&brought));
        self.top_ups.insert(intent, rider);
    }

    /// A part of what can go back of the newest top-up, with the points that it earned.
    pub fn send_back(&mut self, rider: RiderId, percent: u32) {
        let (wallet, has, rate) =
            (self.wallet_of(rider), self.points_of(rider), PerRupee::default());
        let of_rider = self.top_ups.iter().rev().filter(|(_, owner)| **owner == rider);
        let mut left = of_rider.map(|(intent, _)| (*intent, self.brought(*intent)));
        let Some((intent, brought)) = left.find(|(_, brought)| brought.left.is_positive()) else {
            return;
        };
        let amount = brought.most(wallet, has, rate).shares(&[percent, 100 - percent])[0];
        if amount.is_zero() {
            return;
        }
        let taken = brought.taken(amount, has, rate);
        let sent = [
            Movement::TopUpBack { rider, intent, gateway: GATEWAY, amount },
            Movement::TopUpPointsBack { rider, intent, taken },
        ];
        assert!(self.post(&sent), "no more is sent than the wallet can pay");
    }

    /// The newest part that left cannot arrive: all that left with it comes back.
    pub fn bounce(&mut self, rider: RiderId) {
        let owner = |intent: IntentId| self.top_ups[&intent];
        let of_rider = |t: &Posted| t.intent.is_some_and(|intent| owner(intent) == rider);
        let stands = |t: &Posted| t.kind == "top_up_back" && !self.undone.contains(&t.id);
        let Some(at) = self.transfers.iter().rposition(|t| stands(t) && of_rider(t)) else {
            return;
        };
        let both = self.transfers[at..at + 2].iter().rev().cloned();
        let undone: Vec<_> = both.map(|of| Movement::Reversal { of: Box::new(of) }).collect();
        assert!(self.post(&undone), "what left can come back");
    }

    /// What a top-up brought in and earned, less what went back.
    pub fn brought(&self, intent: IntentId) -> Brought {
        let sum = |account: Account| {
            let of_intent = self.transfers.iter().filter(|t| t.intent == Some(intent));
            let lines = of_intent.flat_map(|t| &t.entries).filter(|entry| entry.account == account);
            lines.fold(Quantity::ZERO, |sum, entry| sum.plus(entry.amount.negated()))
        };
        let left = Money::exact(sum(Account::Clearing(GATEWAY)).decimal()).unwrap();
        let points = sum(Account::PointsIssued).decimal().try_into();
        Brought { left, points: Points(points.expect("no more points go than were earned")) }
    }

    pub fn spend(&mut self, rider: RiderId, points: Points) {
        if self.post(&[Movement::PointsSpent { rider, points }]) {
            self.spent.entry(rider).or_default().0 += points.0;
        }
    }

    /// No more than was spent.
    pub fn put_back(&mut self, rider: RiderId, points: Points) {
        let Some(spent) = self.spent.get_mut(&rider) else { return };
        let points = points.min(*spent);
        spent.0 -= points.0;
        assert!(self.post(&[Movement::PointsReturned { rider, points }]));
    }

    pub fn withdraw(&mut self, rider: RiderId, amount: Money) {
        if self.withdrawals.contains_key(&rider) {
            return;
        }
        let withdrawal = WithdrawalId(self.id());
        let step = Withdrawal::Request;
        if self.post(&[Movement::Withdraw { rider, withdrawal, amount, step }]) {
            self.withdrawals.insert(rider, (withdrawal, amount));
        }
    }

    pub fn end_withdrawal(&mut self, rider: RiderId, how: u8) {
        let Some((withdrawal, amount)) = self.withdrawals.get(&rider).copied() else { return };
        let fee = WithdrawalFee { percent: Decimal::TWO, fixed: Money::rupees(10) }.of(amount);
        let step = match how {
            0 => Withdrawal::Complete { fee },
            1 => Withdrawal::Reject,
            _ => Withdrawal::Cancel { fee },
        };
        // its request may have been undone
        if self.post(&[Movement::Withdraw { rider, withdrawal, amount, step }]) {
            self.withdrawals.remove(&rider);
        }
    }

    /// Any transfer that belongs to no rental, at most once; a top-up only as long as nothing of it
    /// went back.
    pub fn undo(&mut self, at: usize) {
        let whole = |t: &Posted| {
            let brought = t.entries.iter().map(|entry| entry.amount).max();
            t.intent.is_none_or(|intent| {
                t.kind == "top_up" && brought == Some(self.brought(intent).left.into())
            })
        };
        let free = self.transfers.iter().filter(|t| t.rental.is_none() && whole(t));
        let free: Vec<&Posted> = free.collect();
        if free.is_empty() {
            return;
        }
        let of = Box::new(free[at % free.len()].clone());
        self.post(&[Movement::Reversal { of }]);
    }
}

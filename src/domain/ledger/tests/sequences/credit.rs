//! Money and points that come in and go out by chance: top-ups and their way back, points that are
//! earned, spent and returned, withdrawals.

use rust_decimal::Decimal;

use super::Network;
use crate::ids::{IntentId, RiderId, WithdrawalId};
use crate::ledger::{Account, Gateway, Movement, Posted, Withdrawal, WithdrawalFee};
use crate::money::Money;
use crate::points::Points;

const GATEWAY: Gateway = Gateway::Sandbox;

impl Network {
    pub fn top_up(&mut self, rider: RiderId, amount: Money) {
        let intent = IntentId(self.id());
        assert!(self.post(&[Movement::TopUp { rider, intent, gateway: GATEWAY, amount }]));
        self.top_ups.insert(intent, rider);
    }

    /// A part of what is left of the newest top-up, if the wallet has it.
    pub fn send_back(&mut self, rider: RiderId, percent: u32) {
        let of_rider = self.top_ups.iter().rev().filter(|(_, owner)| **owner == rider);
        let mut left = of_rider.map(|(intent, _)| (*intent, self.left(*intent)));
        let Some((intent, left)) = left.find(|(_, left)| left.is_positive()) else { return };
        let amount = left.shares(&[percent, 100 - percent])[0];
        self.post(&[Movement::TopUpBack { rider, intent, gateway: GATEWAY, amount }]);
    }

    /// The newest part that left cannot arrive.
    pub fn bounce(&mut self, rider: RiderId) {
        let intents: Vec<IntentId> =
            self.top_ups.iter().filter(|(_, owner)| **owner == rider).map(|(id, _)| *id).collect();
        let mut sent = self.transfers.iter().rev().filter(|t| t.kind == "top_up_back");
        let found = sent.find(|t| {
            !self.undone.contains(&t.id) && t.intent.is_some_and(|id| intents.contains(&id))
        });
        let Some(of) = found.cloned().map(Box::new) else { return };
        assert!(self.post(&[Movement::Reversal { of }]), "what left can come back");
    }

    /// What a top-up brought in, less what went back.
    pub fn left(&self, intent: IntentId) -> Money {
        let account = Account::Clearing(GATEWAY);
        let of_intent = self.transfers.iter().filter(|t| t.intent == Some(intent));
        let lines = of_intent.flat_map(|t| &t.entries).filter(|entry| entry.account == account);
        lines.map(|entry| Money::exact(entry.amount.decimal()).unwrap().negated()).sum()
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
        let whole = |t: &Posted| match (t.intent, t.kind.as_str()) {
            (Some(intent), "top_up") => {
                let brought = t.entries.iter().map(|entry| entry.amount).max();
                brought == Some(self.left(intent).into())
            }
            (intent, kind) => intent.is_none() || kind == "top_up_back",
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

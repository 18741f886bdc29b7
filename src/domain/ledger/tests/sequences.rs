//! Riders, rentals, refunds, withdrawals and reversals by chance: whatever comes, no account
//! of a rider falls below zero, every unit adds up to zero, only an open rental holds money,
//! and what is owed is what was not paid.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::ids::{IntentId, RentalId, RiderId, TransferId, WithdrawalId};
use crate::ledger::{
    Account, Charge, Entry, Gateway, Movement, Pays, Posted, Quantity, RefundTo, Unit, Withdrawal,
    WithdrawalFee, vat_in,
};
use crate::money::Money;
use crate::points::{PerRupee, Points};

const RIDERS: i64 = 3;

/// What somebody wants; what the books do not allow is refused and changes nothing.
#[derive(Clone, Debug)]
enum Wish {
    TopUp(Money),
    Earn(Points),
    Start(Money),
    /// The bank is out, and the price is this part of what is held, in percent.
    Eject(u32),
    Void,
    Return(Money),
    PayDues,
    PayDuesWithPoints,
    WriteOff,
    Refund(u32, bool),
    Withdraw(Money),
    EndWithdrawal(u8),
    Undo(usize),
    UndoRental(usize),
}

fn wish() -> impl Strategy<Value = Wish> {
    let money = (1i64..20_000).prop_map(|paisa| Money::paisa(paisa).unwrap());
    prop_oneof![
        money.clone().prop_map(Wish::TopUp),
        (1u32..900).prop_map(|points| Wish::Earn(Points(points))),
        money.clone().prop_map(Wish::Start),
        (0u32..=100).prop_map(Wish::Eject),
        Just(Wish::Void),
        money.clone().prop_map(Wish::Return),
        Just(Wish::PayDues),
        Just(Wish::PayDuesWithPoints),
        Just(Wish::WriteOff),
        (1u32..=100, any::<bool>()).prop_map(|(part, source)| Wish::Refund(part, source)),
        money.prop_map(Wish::Withdraw),
        (0u8..3).prop_map(Wish::EndWithdrawal),
        any::<usize>().prop_map(Wish::Undo),
        any::<usize>().prop_map(Wish::UndoRental),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_movements_breaks_the_books(
        wishes in prop::collection::vec((0..RIDERS, wish()), 1..80),
    ) {
        let mut network = Network::default();
        for (rider, wish) in wishes {
            network.grant(RiderId(rider), &wish);
            network.check()?;
        }
    }
}

#[derive(Clone, Debug)]
struct Tab {
    rider: RiderId,
    open: bool,
    out: bool,
    /// Held, from the wallet and from points.
    wallet: Money,
    worth: Money,
    points: Points,
    owed: Money,
    earned: Money,
}

#[derive(Default)]
struct Network {
    balances: BTreeMap<Account, Quantity>,
    transfers: Vec<Posted>,
    undone: BTreeSet<TransferId>,
    tabs: BTreeMap<RentalId, Tab>,
    withdrawals: BTreeMap<RiderId, (WithdrawalId, Money)>,
    ids: u128,
}

impl Network {
    fn grant(&mut self, rider: RiderId, wish: &Wish) {
        let gateway = Gateway::Sandbox;
        match *wish {
            Wish::TopUp(amount) => {
                let intent = IntentId(self.id());
                self.post(&[Movement::TopUp { rider, intent, gateway, amount }]);
            }
            Wish::Earn(points) => drop(self.post(&[Movement::PointsEarned { rider, points }])),
            Wish::Start(price) => self.start(rider, price),
            Wish::Eject(percent) => {
                self.with_open(rider, |net, id, tab| net.eject(id, tab, percent));
            }
            Wish::Void => self.with_open(rider, Network::void),
            Wish::Return(late) => self.with_open(rider, |net, id, tab| net.close(id, tab, late)),
            Wish::PayDues => self.pay_dues(rider),
            Wish::PayDuesWithPoints => self.pay_dues_with_points(rider),
            Wish::WriteOff => self.write_off(rider),
            Wish::Refund(percent, source) => self.refund(rider, percent, source),
            Wish::Withdraw(amount) => self.withdraw(rider, amount),
            Wish::EndWithdrawal(how) => self.end_withdrawal(rider, how),
            Wish::Undo(at) => self.undo(at),
            Wish::UndoRental(at) => self.undo_rental(at),
        }
    }

    /// All or nothing, as a fact is.
    fn post(&mut self, movements: &[Movement]) -> bool {
        let mut balances = self.balances.clone();
        for entry in movements.iter().flat_map(Movement::entries) {
            let balance = balances.entry(entry.account.clone()).or_default();
            *balance = balance.plus(entry.account.growth(entry.amount));
            if entry.account.rider().is_some() && *balance < Quantity::ZERO {
                return false;
            }
        }
        if movements.iter().filter_map(Movement::reverses).any(|id| self.undone.contains(&id)) {
            return false;
        }
        self.balances = balances;
        for movement in movements {
            self.undone.extend(movement.reverses());
            let id = TransferId(self.id());
            self.transfers.push(Posted {
                id,
                kind: movement.name().to_owned(),
                rental: movement.rental(),
                intent: movement.intent(),
                withdrawal: movement.withdrawal(),
                entries: movement.entries(),
            });
        }
        true
    }

    fn start(&mut self, rider: RiderId, price: Money) {
        if self.tabs.values().any(|tab| tab.rider == rider && tab.open) {
            return;
        }
        let rental = RentalId(self.id());
        let split = PerRupee::default().split(price, self.points_of(rider));
        let (points, amount) = (split.points, split.worth);
        let held = [
            Movement::PointsPay { rider, rental, points, amount, pays: Pays::Price },
            Movement::Hold { rider, rental, amount: split.rest },
        ];
        if self.post(&held) {
            let tab = Tab {
                rider,
                open: true,
                out: false,
                wallet: split.rest,
                worth: split.worth,
                points,
                owed: Money::ZERO,
                earned: Money::ZERO,
            };
            self.tabs.insert(rental, tab);
        }
    }

    fn with_open(&mut self, rider: RiderId, step: impl FnOnce(&mut Network, RentalId, Tab)) {
        let open = self.tabs.iter().find(|(_, tab)| tab.rider == rider && tab.open);
        if let Some((id, tab)) = open.map(|(id, tab)| (*id, tab.clone())) {
            step(self, id, tab);
        }
    }

    /// Points are spent first, so of what goes back the wallet's part is first.
    fn eject(&mut self, rental: RentalId, tab: Tab, percent: u32) {
        let rider = tab.rider;
        if tab.out {
            return;
        }
        let held = tab.wallet.plus(tab.worth);
        let price = held.shares(&[percent, 100 - percent])[0];
        let rest = held.minus(price);
        let money = rest.min(tab.wallet);
        let amount = rest.minus(money);
        let points = PerRupee::default().split(amount, tab.points).points;
        let moves = [
            Movement::Capture { rider, rental, amount: price, vat: vat(price) },
            Movement::Release { rider, rental, amount: money },
            Movement::PointsBack { rider, rental, points, amount },
        ];
        assert!(self.post(&moves), "what is held can be settled");
        let after =
            Tab { out: true, wallet: Money::ZERO, worth: Money::ZERO, earned: price, ..tab };
        self.tabs.insert(rental, after);
    }

    fn void(&mut self, rental: RentalId, tab: Tab) {
        let Tab { rider, wallet, worth: amount, points, .. } = tab;
        if tab.out {
            return;
        }
        let moves = [
            Movement::Void { rider, rental, amount: wallet },
            Movement::PointsBack { rider, rental, points, amount },
        ];
        assert!(self.post(&moves), "what is held can be given back");
        let after = Tab { open: false, wallet: Money::ZERO, worth: Money::ZERO, ..tab };
        self.tabs.insert(rental, after);
    }

    fn close(&mut self, rental: RentalId, tab: Tab, late: Money) {
        let rider = tab.rider;
        if !tab.out {
            return;
        }
        let collected = self.wallet_of(rider).min(late);
        let charge =
            Movement::Charge { rider, rental, amount: late, vat: vat(late), what: Charge::LateFee };
        let moves = [charge, Movement::Collect { rider, rental, amount: collected }];
        assert!(self.post(&moves));
        let (owed, earned) = (late.minus(collected), tab.earned.plus(late));
        self.tabs.insert(rental, Tab { open: false, owed, earned, ..tab });
    }

    fn owing(&self, rider: RiderId) -> Option<(RentalId, Tab)> {
        let mut tabs = self.tabs.iter();
        tabs.find(|(_, tab)| tab.rider == rider && tab.owed.is_positive())
            .map(|(id, tab)| (*id, tab.clone()))
    }

    fn pay_dues(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        let amount = tab.owed.min(self.wallet_of(rider));
        assert!(self.post(&[Movement::Collect { rider, rental, amount }]));
        self.tabs.insert(rental, Tab { owed: tab.owed.minus(amount), ..tab });
    }

    fn pay_dues_with_points(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        let split = PerRupee::default().split(tab.owed, self.points_of(rider));
        let (points, amount) = (split.points, split.worth);
        let pays = Pays::Dues;
        assert!(self.post(&[Movement::PointsPay { rider, rental, points, amount, pays }]));
        self.tabs.insert(rental, Tab { owed: split.rest, ..tab });
    }

    fn write_off(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        assert!(self.post(&[Movement::WriteOff { rider, rental, amount: tab.owed }]));
        self.tabs.insert(rental, Tab { owed: Money::ZERO, ..tab });
    }

    fn refund(&mut self, rider: RiderId, percent: u32, source: bool) {
        let mut tabs = self.tabs.iter();
        let paid = |tab: &Tab| tab.rider == rider && !tab.open && tab.earned > tab.owed;
        let Some((rental, tab)) = tabs.find(|(_, tab)| paid(tab)).map(|(i, t)| (*i, t.clone()))
        else {
            return;
        };
        let amount = tab.earned.minus(tab.owed).shares(&[percent, 100 - percent])[0];
        let to = if source { RefundTo::Source(Gateway::Sandbox) } else { RefundTo::Wallet };
        assert!(self.post(&[Movement::Refund { rider, rental, amount, vat: vat(amount), to }]));
        self.tabs.insert(rental, Tab { earned: tab.earned.minus(amount), ..tab });
    }

    fn withdraw(&mut self, rider: RiderId, amount: Money) {
        if self.withdrawals.contains_key(&rider) {
            return;
        }
        let withdrawal = WithdrawalId(self.id());
        let step = Withdrawal::Request;
        if self.post(&[Movement::Withdraw { rider, withdrawal, amount, step }]) {
            self.withdrawals.insert(rider, (withdrawal, amount));
        }
    }

    fn end_withdrawal(&mut self, rider: RiderId, how: u8) {
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

    /// Any transfer that belongs to no rental, at most once.
    fn undo(&mut self, at: usize) {
        let free: Vec<&Posted> = self.transfers.iter().filter(|t| t.rental.is_none()).collect();
        if free.is_empty() {
            return;
        }
        let of = Box::new(free[at % free.len()].clone());
        self.post(&[Movement::Reversal { of }]);
    }

    /// All that a rental that is over has moved, the newest first.
    fn undo_rental(&mut self, at: usize) {
        let over: Vec<RentalId> =
            self.tabs.iter().filter(|(_, tab)| !tab.open).map(|(id, _)| *id).collect();
        if over.is_empty() {
            return;
        }
        let rental = over[at % over.len()];
        let of_rental = self.transfers.iter().rev().filter(|t| t.rental == Some(rental));
        let moves: Vec<Movement> = of_rental
            .filter(|t| t.kind != "reversal" && !self.undone.contains(&t.id))
            .map(|of| Movement::Reversal { of: Box::new(of.clone()) })
            .collect();
        if self.post(&moves)
            && let Some(tab) = self.tabs.get_mut(&rental)
        {
            (tab.owed, tab.earned) = (Money::ZERO, Money::ZERO);
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for unit in [Unit::Npr, Unit::Points] {
            let entries = self.transfers.iter().flat_map(|t| &t.entries);
            let of_unit = entries.filter(|entry: &&Entry| entry.account.unit() == unit);
            let sum = of_unit.fold(Quantity::ZERO, |sum, entry| sum.plus(entry.amount));
            prop_assert_eq!(sum, Quantity::ZERO);
        }
        for rider in (0..RIDERS).map(RiderId) {
            let tabs = || self.tabs.values().filter(|tab| tab.rider == rider);
            let held: Money = tabs().map(|tab| tab.wallet.plus(tab.worth)).sum();
            let owed: Money = tabs().map(|tab| tab.owed).sum();
            prop_assert!(tabs().all(|tab| tab.open || tab.wallet.plus(tab.worth).is_zero()));
            prop_assert_eq!(self.of(&Account::Hold(rider)), held.into());
            prop_assert_eq!(self.of(&Account::Receivable(rider)), owed.into());
            for (account, balance) in &self.balances {
                prop_assert!(account.rider().is_none() || *balance >= Quantity::ZERO);
            }
        }
        Ok(())
    }

    fn of(&self, account: &Account) -> Quantity {
        self.balances.get(account).copied().unwrap_or_default()
    }

    fn wallet_of(&self, rider: RiderId) -> Money {
        Money::exact(self.of(&Account::Wallet(rider)).decimal()).unwrap()
    }

    fn points_of(&self, rider: RiderId) -> Points {
        Points(self.of(&Account::Points(rider)).decimal().try_into().unwrap())
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }
}

fn vat(amount: Money) -> Money {
    vat_in(amount, Decimal::from(13))
}

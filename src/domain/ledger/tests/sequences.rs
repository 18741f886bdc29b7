//! Riders, rentals, top-ups, refunds, withdrawals and reversals by chance: whatever comes, no
//! account of a rider falls below zero, every unit adds up to zero, only an open rental holds
//! money, what is owed is what was not paid, and no more goes back than came in.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::every_kind;
use crate::ids::{IntentId, RentalId, RiderId, TransferId, WithdrawalId};
use crate::ledger::{Account, Entry, Movement, Posted, Quantity, Unit, vat_in};
use crate::money::Money;
use crate::points::Points;

mod credit;
mod rentals;

const RIDERS: i64 = 2;

/// What somebody wants; what the books do not allow is refused and changes nothing.
#[derive(Clone, Debug)]
enum Wish {
    TopUp(Money),
    /// A part of one, in percent.
    SendBack(u32),
    Bounce,
    Earn(Points),
    Spend(Points),
    PutBack(Points),
    Start(Money),
    /// The bank is out, and the price is this part of what is held, in percent.
    Eject(u32),
    Void,
    /// The bank was in all the while.
    GiveBack,
    /// The bank of one that was given up is out.
    Charge(Money),
    Return(Money),
    PayDues,
    PayDuesWithPoints,
    WriteOff,
    Refund(u32, u8),
    Withdraw(Money),
    EndWithdrawal(u8),
    Undo(usize),
    UndoRental(usize),
}

fn wish() -> impl Strategy<Value = Wish> {
    let money = (1i64..20_000).prop_map(|paisa| Money::paisa(paisa).unwrap());
    // what a rental is made of comes more often, or few would ever be paid
    prop_oneof![
        3 => money.clone().prop_map(Wish::TopUp),
        1 => (1u32..=100).prop_map(Wish::SendBack),
        1 => Just(Wish::Bounce),
        1 => (1u32..900).prop_map(|points| Wish::Earn(Points(points))),
        1 => (1u32..300).prop_map(|points| Wish::Spend(Points(points))),
        1 => (1u32..300).prop_map(|points| Wish::PutBack(Points(points))),
        3 => money.clone().prop_map(Wish::Start),
        3 => (0u32..=100).prop_map(Wish::Eject),
        1 => Just(Wish::Void),
        1 => Just(Wish::GiveBack),
        1 => money.clone().prop_map(Wish::Charge),
        3 => money.clone().prop_map(Wish::Return),
        1 => Just(Wish::PayDues),
        1 => Just(Wish::PayDuesWithPoints),
        1 => Just(Wish::WriteOff),
        3 => (1u32..=100, 0u8..3).prop_map(|(part, place)| Wish::Refund(part, place)),
        1 => money.prop_map(Wish::Withdraw),
        1 => (0u8..3).prop_map(Wish::EndWithdrawal),
        1 => any::<usize>().prop_map(Wish::Undo),
        1 => any::<usize>().prop_map(Wish::UndoRental),
    ]
}

fn sequence() -> impl Strategy<Value = Vec<(i64, Wish)>> {
    prop::collection::vec((0..RIDERS, wish()), 1..80)
}

proptest! {
    #[test]
    fn no_sequence_of_movements_breaks_the_books(wishes in sequence()) {
        let mut network = Network::default();
        for (rider, wish) in wishes {
            network.grant(RiderId(rider), &wish);
            network.check()?;
        }
    }
}

#[test]
fn every_kind_of_movement_comes_in_the_sequences() {
    let mut made = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..400 {
        let mut network = Network::default();
        for (rider, wish) in sequence().new_tree(&mut runner).unwrap().current() {
            network.grant(RiderId(rider), &wish);
        }
        let moved = network.transfers.into_iter().filter(|t| !t.entries.is_empty());
        made.extend(moved.map(|t| t.kind));
    }

    let kinds = every_kind(Money::rupees(1), Money::ZERO, Points(1));
    let kinds = kinds.iter().map(|movement| movement.name().to_owned());
    assert_eq!(made, kinds.chain(["reversal".to_owned()]).collect());
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
    paid: Paid,
}

/// What the captured price was paid with.
#[derive(Clone, Debug, Default)]
struct Paid {
    wallet: Money,
    worth: Money,
    points: Points,
}

#[derive(Default)]
struct Network {
    balances: BTreeMap<Account, Quantity>,
    transfers: Vec<Posted>,
    undone: BTreeSet<TransferId>,
    tabs: BTreeMap<RentalId, Tab>,
    top_ups: BTreeMap<IntentId, RiderId>,
    /// Points that were spent and did not come back.
    spent: BTreeMap<RiderId, Points>,
    withdrawals: BTreeMap<RiderId, (WithdrawalId, Money)>,
    ids: u128,
}

impl Network {
    fn grant(&mut self, rider: RiderId, wish: &Wish) {
        match *wish {
            Wish::TopUp(amount) => self.top_up(rider, amount),
            Wish::SendBack(percent) => self.send_back(rider, percent),
            Wish::Bounce => self.bounce(rider),
            Wish::Earn(points) => drop(self.post(&[Movement::PointsEarned { rider, points }])),
            Wish::Spend(points) => self.spend(rider, points),
            Wish::PutBack(points) => self.put_back(rider, points),
            Wish::Start(price) => self.start(rider, price),
            Wish::Eject(percent) => {
                self.with_open(rider, |net, id, tab| net.eject(id, tab, percent));
            }
            Wish::Void => self.with_open(rider, Network::void),
            Wish::GiveBack => self.with_open(rider, Network::give_back),
            Wish::Charge(price) => self.charge(rider, price),
            Wish::Return(late) => self.with_open(rider, |net, id, tab| net.close(id, tab, late)),
            Wish::PayDues => self.pay_dues(rider),
            Wish::PayDuesWithPoints => self.pay_dues_with_points(rider),
            Wish::WriteOff => self.write_off(rider),
            Wish::Refund(percent, place) => self.refund(rider, percent, place),
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

    fn check(&self) -> Result<(), TestCaseError> {
        for unit in [Unit::Npr, Unit::Points] {
            let entries = self.transfers.iter().flat_map(|t| &t.entries);
            let of_unit = entries.filter(|entry: &&Entry| entry.account.unit() == unit);
            let sum = of_unit.fold(Quantity::ZERO, |sum, entry| sum.plus(entry.amount));
            prop_assert_eq!(sum, Quantity::ZERO);
        }
        for intent in self.top_ups.keys() {
            prop_assert!(self.brought(*intent).left >= Money::ZERO, "no more goes than came in");
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

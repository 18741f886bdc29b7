//! Rentals by chance: held, captured, given back, charged, paid, written off, refunded.

use super::{Network, Paid, Tab, vat};
use crate::ids::{RentalId, RiderId};
use crate::ledger::{Charge, Gateway, Movement, Pays, RefundTo};
use crate::money::Money;
use crate::points::{PerRupee, Points};

impl Network {
    pub fn start(&mut self, rider: RiderId, price: Money) {
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
                paid: Paid::default(),
            };
            self.tabs.insert(rental, tab);
        }
    }

    pub fn with_open(&mut self, rider: RiderId, step: impl FnOnce(&mut Network, RentalId, Tab)) {
        let open = self.tabs.iter().find(|(_, tab)| tab.rider == rider && tab.open);
        if let Some((id, tab)) = open.map(|(id, tab)| (*id, tab.clone())) {
            step(self, id, tab);
        }
    }

    /// Points are spent first, so of what goes back the wallet's part is first.
    pub fn eject(&mut self, rental: RentalId, tab: Tab, percent: u32) {
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
        let paid = Paid {
            wallet: tab.wallet.minus(money),
            worth: tab.worth.minus(amount),
            points: Points(tab.points.0 - points.0),
        };
        let (wallet, worth) = (Money::ZERO, Money::ZERO);
        self.tabs.insert(rental, Tab { out: true, wallet, worth, earned: price, paid, ..tab });
    }

    pub fn void(&mut self, rental: RentalId, tab: Tab) {
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

    /// The bank was in all the while: each part of the price goes back in its own unit.
    pub fn give_back(&mut self, rental: RentalId, tab: Tab) {
        let Tab { rider, paid: Paid { wallet, worth, points }, .. } = tab;
        if !tab.out {
            return;
        }
        let whole = vat(tab.earned);
        let of_points = whole.part(worth, tab.earned);
        let moves = [
            Movement::ReversePoints { rider, rental, points, amount: worth, vat: of_points },
            Movement::Reverse { rider, rental, amount: wallet, vat: whole.minus(of_points) },
        ];
        assert!(self.post(&moves), "what was captured can be given back");
        let after = Tab { open: false, out: false, earned: Money::ZERO, ..tab };
        self.tabs.insert(rental, after);
    }

    /// The bank of a rental that nobody paid for is out: its price is owed.
    pub fn charge(&mut self, rider: RiderId, amount: Money) {
        let unpaid = |tab: &Tab| tab.rider == rider && !tab.open && !tab.out;
        let mut tabs = self.tabs.iter();
        let found = tabs.find(|(_, tab)| unpaid(tab)).map(|(id, tab)| (*id, tab.clone()));
        let Some((rental, tab)) = found else { return };
        let what = Charge::Price;
        assert!(self.post(&[Movement::Charge { rider, rental, amount, vat: vat(amount), what }]));
        self.tabs.insert(rental, Tab { out: true, owed: amount, earned: amount, ..tab });
    }

    pub fn close(&mut self, rental: RentalId, tab: Tab, late: Money) {
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

    pub fn pay_dues(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        let amount = tab.owed.min(self.wallet_of(rider));
        assert!(self.post(&[Movement::Collect { rider, rental, amount }]));
        self.tabs.insert(rental, Tab { owed: tab.owed.minus(amount), ..tab });
    }

    pub fn pay_dues_with_points(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        let split = PerRupee::default().split(tab.owed, self.points_of(rider));
        let (points, amount) = (split.points, split.worth);
        let pays = Pays::Dues;
        assert!(self.post(&[Movement::PointsPay { rider, rental, points, amount, pays }]));
        self.tabs.insert(rental, Tab { owed: split.rest, ..tab });
    }

    pub fn write_off(&mut self, rider: RiderId) {
        let Some((rental, tab)) = self.owing(rider) else { return };
        assert!(self.post(&[Movement::WriteOff { rider, rental, amount: tab.owed }]));
        self.tabs.insert(rental, Tab { owed: Money::ZERO, ..tab });
    }

    pub fn refund(&mut self, rider: RiderId, percent: u32, place: u8) {
        let mut tabs = self.tabs.iter();
        let paid = |tab: &Tab| tab.rider == rider && !tab.open && tab.earned > tab.owed;
        let Some((rental, tab)) = tabs.find(|(_, tab)| paid(tab)).map(|(i, t)| (*i, t.clone()))
        else {
            return;
        };
        let amount = tab.earned.minus(tab.owed).shares(&[percent, 100 - percent])[0];
        let split = PerRupee::default().split(amount, Points(u32::MAX));
        let (to, amount) = match place {
            0 => (RefundTo::Wallet, amount),
            1 => (RefundTo::Source(Gateway::Sandbox), amount),
            _ => (RefundTo::Points(split.points), split.worth),
        };
        assert!(self.post(&[Movement::Refund { rider, rental, amount, vat: vat(amount), to }]));
        self.tabs.insert(rental, Tab { earned: tab.earned.minus(amount), ..tab });
    }

    /// All that a rental that is over has moved, the newest first.
    pub fn undo_rental(&mut self, at: usize) {
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
}

//! Every movement balances, whatever its amounts.

use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Account, Charge, Gateway, Movement, vat_in};
use crate::ids::{IntentId, RentalId, RiderId};
use crate::money::Money;

const RIDER: RiderId = RiderId(7);

#[test]
fn a_captured_hold_leaves_nothing_held() {
    let amount = Money::rupees(50);
    let vat = vat_in(amount, Decimal::from(13));
    let moves = [
        Movement::Hold { rider: RIDER, rental: rental(), amount },
        Movement::Capture { rider: RIDER, rental: rental(), amount, vat },
    ];

    assert_eq!(balance(&moves, &Account::Hold(RIDER)), Money::ZERO);
    assert_eq!(balance(&moves, &Account::Wallet(RIDER)), amount.negated());
    assert_eq!(balance(&moves, &Account::VatPayable).to_string(), "5.75");
}

#[test]
fn a_late_fee_that_is_collected_leaves_nothing_owed() {
    let (rider, rental, amount, vat) = (RIDER, rental(), Money::rupees(100), Money::rupees(11));
    let moves = [
        Movement::Charge { rider, rental, amount, vat, what: Charge::LateFee },
        Movement::Collect { rider, rental, amount: Money::rupees(60) },
    ];

    assert_eq!(balance(&moves, &Account::Receivable(RIDER)), Money::rupees(40));
    assert_eq!(balance(&moves, &Account::LateFees), Money::rupees(89));
}

proptest! {
    #[test]
    fn the_lines_of_every_movement_add_up_to_zero(paisa in 0i64..10_000_000, kind in 0usize..7) {
        let amount = Money::paisa(paisa).unwrap();
        let vat = vat_in(amount, Decimal::from(13));
        let (rider, rental) = (RIDER, rental());
        let movement = match kind {
            0 => Movement::Hold { rider, rental, amount },
            1 => Movement::Capture { rider, rental, amount, vat },
            2 => Movement::Void { rider, rental, amount },
            3 => Movement::Charge { rider, rental, amount, vat, what: Charge::Price },
            4 => Movement::Collect { rider, rental, amount },
            5 => Movement::Reverse { rider, rental, amount, vat },
            _ => Movement::TopUp {
                rider, intent: IntentId(Uuid::nil()), gateway: Gateway::Sandbox, amount,
            },
        };
        let sum: Money = movement.entries().iter().map(|entry| entry.amount).sum();
        prop_assert_eq!(sum, Money::ZERO);
    }
}

fn balance(moves: &[Movement], account: &Account) -> Money {
    let entries = moves.iter().flat_map(Movement::entries);
    entries.filter(|e| e.account == *account).map(|e| account.growth(e.amount)).sum()
}

fn rental() -> RentalId {
    RentalId(Uuid::nil())
}

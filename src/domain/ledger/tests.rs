//! Every movement balances, whatever its amounts, and any sequence of them keeps the books.

use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    Account, Charge, Gateway, Movement, Pays, Quantity, RefundTo, Unit, Withdrawal, WithdrawalFee,
    vat_in,
};
use crate::ids::{IntentId, RentalId, RiderId, WithdrawalId};
use crate::money::Money;
use crate::points::Points;
use crate::refund::Taken;

mod sequences;

const RIDER: RiderId = RiderId(7);

#[test]
fn a_captured_hold_leaves_nothing_held() {
    let amount = Money::rupees(50);
    let vat = vat_in(amount, Decimal::from(13));
    let moves = [
        Movement::Hold { rider: RIDER, rental: rental(), amount },
        Movement::Capture { rider: RIDER, rental: rental(), amount, vat },
    ];

    assert_eq!(balance(&moves, &Account::Hold(RIDER)), Quantity::ZERO);
    assert_eq!(balance(&moves, &Account::Wallet(RIDER)), amount.negated().into());
    assert_eq!(balance(&moves, &Account::VatPayable), Money::parse("5.75").unwrap().into());
}

#[test]
fn what_is_held_and_not_captured_goes_back() {
    let (held, price) = (Money::rupees(50), Money::rupees(20));
    let first = Movement::Hold { rider: RIDER, rental: rental(), amount: held };
    let vat = vat_in(price, Decimal::from(13));
    let [capture, release] = Movement::settle((RIDER, rental()), held, price, vat);
    let moves = [first, capture, release];

    assert_eq!(balance(&moves, &Account::Hold(RIDER)), Quantity::ZERO);
    assert_eq!(balance(&moves, &Account::Wallet(RIDER)), price.negated().into());
}

#[test]
fn a_late_fee_that_is_collected_leaves_nothing_owed() {
    let (rider, rental, amount, vat) = (RIDER, rental(), Money::rupees(100), Money::rupees(11));
    let moves = [
        Movement::Charge { rider, rental, amount, vat, what: Charge::LateFee },
        Movement::Collect { rider, rental, amount: Money::rupees(60) },
    ];

    assert_eq!(balance(&moves, &Account::Receivable(RIDER)), Money::rupees(40).into());
    assert_eq!(balance(&moves, &Account::LateFees), Money::rupees(89).into());
}

#[test]
fn points_pay_a_price_and_the_promotions_bear_it() {
    let (rider, rental, points, amount) = (RIDER, rental(), Points(500), Money::rupees(50));
    let moves = [
        Movement::PointsEarned { rider, points },
        Movement::PointsPay { rider, rental, points, amount, pays: Pays::Price },
        Movement::Capture { rider, rental, amount, vat: Money::parse("5.75").unwrap() },
    ];

    assert_eq!(balance(&moves, &Account::Points(RIDER)), Quantity::ZERO);
    assert_eq!(balance(&moves, &Account::PointsRedeemed), points.into());
    assert_eq!(balance(&moves, &Account::Promotions), amount.into());
    assert_eq!(balance(&moves, &Account::Hold(RIDER)), Quantity::ZERO);
    assert_eq!(balance(&moves, &Account::Wallet(RIDER)), Quantity::ZERO);
}

#[test]
fn a_withdrawal_costs_two_percent_and_ten_rupees_and_never_more_than_it_brings() {
    let fee = WithdrawalFee { percent: Decimal::TWO, fixed: Money::rupees(10) };
    assert_eq!(fee.of(Money::rupees(1_000)), Money::rupees(30));
    assert_eq!(fee.of(Money::rupees(5)), Money::rupees(5));
    let (rider, amount) = (RIDER, Money::rupees(1_000));
    let step = |step| Movement::Withdraw { rider, withdrawal: withdrawal(), amount, step };
    let fee = fee.of(amount);
    let moves = [step(Withdrawal::Request), step(Withdrawal::Complete { fee })];

    assert_eq!(balance(&moves, &Account::Withdrawing(RIDER)), Quantity::ZERO);
    assert_eq!(balance(&moves, &Account::Payouts), Money::rupees(970).into());
    assert_eq!(balance(&moves, &Account::WithdrawalFees), fee.into());
}

#[test]
fn every_account_is_found_by_its_name_and_no_other_text_names_one() {
    let riders = [
        Account::Wallet(RIDER),
        Account::Hold(RIDER),
        Account::Receivable(RIDER),
        Account::Withdrawing(RIDER),
        Account::Points(RIDER),
    ];
    for account in Account::NETWORK.into_iter().chain(riders) {
        assert_eq!(account.key().parse(), Ok(account));
    }
    for wrong in ["", "wallet", "wallet:", "wallet:07", "wallet:7 ", "clearing:x", "cash"] {
        assert!(wrong.parse::<Account>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn the_lines_of_every_movement_add_up_to_zero_in_each_unit(
        paisa in 0i64..10_000_000, fee in 0i64..20_000_000, points in any::<u32>(),
    ) {
        let (amount, fee) = (Money::paisa(paisa).unwrap(), Money::paisa(fee).unwrap());
        for movement in every_kind(amount, fee, Points(points)) {
            for unit in [Unit::Npr, Unit::Points] {
                let entries = movement.entries();
                let of_unit = entries.iter().filter(|entry| entry.account.unit() == unit);
                let sum = of_unit.fold(Quantity::ZERO, |sum, entry| sum.plus(entry.amount));
                prop_assert_eq!(sum, Quantity::ZERO, "{}", movement.name());
            }
        }
    }
}

fn every_kind(amount: Money, fee: Money, points: Points) -> Vec<Movement> {
    let vat = vat_in(amount, Decimal::from(13));
    let (rider, rental, gateway) = (RIDER, rental(), Gateway::Sandbox);
    let (intent, withdrawal) = (IntentId(Uuid::nil()), withdrawal());
    let refund = |to| Movement::Refund { rider, rental, amount, vat, to };
    let withdraw = |step| Movement::Withdraw { rider, withdrawal, amount, step };
    vec![
        Movement::Hold { rider, rental, amount },
        Movement::Capture { rider, rental, amount, vat },
        Movement::Release { rider, rental, amount },
        Movement::Void { rider, rental, amount },
        Movement::Charge { rider, rental, amount, vat, what: Charge::Price },
        Movement::Charge { rider, rental, amount, vat, what: Charge::LateFee },
        Movement::Collect { rider, rental, amount },
        Movement::Reverse { rider, rental, amount, vat },
        Movement::ReversePoints { rider, rental, points, amount, vat },
        refund(RefundTo::Wallet),
        refund(RefundTo::Source(gateway)),
        refund(RefundTo::Points(points)),
        Movement::WriteOff { rider, rental, amount },
        Movement::TopUp { rider, intent, gateway, amount },
        Movement::TopUpBack { rider, intent, gateway, amount },
        withdraw(Withdrawal::Request),
        withdraw(Withdrawal::Complete { fee }),
        withdraw(Withdrawal::Reject),
        withdraw(Withdrawal::Cancel { fee }),
        Movement::PointsEarned { rider, points },
        Movement::PointsSpent { rider, points },
        Movement::PointsReturned { rider, points },
        Movement::PointsPay { rider, rental, points, amount, pays: Pays::Price },
        Movement::PointsPay { rider, rental, points, amount, pays: Pays::Dues },
        Movement::PointsBack { rider, rental, points, amount },
        Movement::TopUpPoints { rider, intent, points },
        Movement::TopUpPointsBack {
            rider,
            intent,
            taken: Taken { points, spent: Points(7), worth: amount },
        },
    ]
}

fn balance(moves: &[Movement], account: &Account) -> Quantity {
    let entries = moves.iter().flat_map(Movement::entries);
    let of_account = entries.filter(|entry| entry.account == *account);
    of_account.fold(Quantity::ZERO, |sum, entry| sum.plus(account.growth(entry.amount)))
}

fn rental() -> RentalId {
    RentalId(Uuid::nil())
}

fn withdrawal() -> WithdrawalId {
    WithdrawalId(Uuid::nil())
}

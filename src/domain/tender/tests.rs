//! Whatever a rider has and wants, the parts add up and none is negative.

use proptest::prelude::*;

use super::{Funds, Means, NotPaid, OwnSplit, PaymentMode, Shortfall, Spent, Tender};
use crate::money::Money;
use crate::points::{PerRupee, Points};

#[test]
fn points_come_first_and_the_wallet_pays_the_rest() {
    let paid = Means::default().tender(Money::rupees(50), &funds(2000, 301)).unwrap();

    let spent = Spent { points: Points(301), worth: money("30.10") };
    assert_eq!(paid, Tender { wallet: money("19.90"), spent });
    assert_eq!(paid.mode(), PaymentMode::WalletPoints);
}

#[test]
fn points_alone_pay_a_started_point_when_the_wallet_is_empty() {
    let paid = Means::default().tender(money("0.25"), &funds(0, 3)).unwrap();

    assert_eq!(paid.spent, Spent { points: Points(3), worth: money("0.25") });
    assert_eq!(paid.wallet, Money::ZERO);
}

#[test]
fn missing_points_are_told_in_both_units_and_are_made_up_with_money() {
    let means = Means::of(PaymentMode::Points);
    let short = means.tender(Money::rupees(50), &funds(0, 100)).unwrap_err();

    let spent = Spent { points: Points(100), worth: money("10.00") };
    let missing = Shortfall {
        wallet: Money::ZERO,
        points: Points(400),
        worth: money("40.00"),
        planned: Tender { wallet: money("40.00"), spent },
    };
    assert_eq!(short, NotPaid::Short(missing));
    let resumed = means.after_top_up(&missing);
    assert_eq!(resumed.tender(Money::rupees(50), &funds(4000, 100)).unwrap().wallet, money("40"));
}

#[test]
fn a_split_of_another_sum_is_refused_and_a_direct_payment_is_always_asked_for() {
    let split = |wallet, points| Means {
        mode: PaymentMode::WalletPoints,
        split: Some(OwnSplit { wallet: Money::rupees(wallet), points: Points(points) }),
    };
    let (amount, rich) = (Money::rupees(50), funds(100_000, 10_000));

    assert_eq!(split(20, 301).tender(amount, &rich), Err(NotPaid::Split { amount }));
    assert_eq!(split(60, 0).tender(amount, &rich), Err(NotPaid::Split { amount }));
    assert_eq!(split(20, 300).tender(amount, &rich).unwrap().total(), amount);
    let direct = Means::of(PaymentMode::Direct).tender(amount, &rich).unwrap_err();
    assert!(matches!(direct, NotPaid::Short(missing) if missing.total() == amount));
}

proptest! {
    #[test]
    fn what_is_paid_adds_up_exactly_and_takes_no_more_than_there_is(
        paisa in 1i64..1_000_000, wallet in 0i64..1_000_000, points in 0u32..100_000,
        rate in 1u32..200, mode in 0usize..4, own in prop::option::of((0i64..1_000_000, 0u32..100_000)),
    ) {
        let amount = Money::paisa(paisa).unwrap();
        let rate = PerRupee(rate.try_into().unwrap());
        let funds = Funds { rate, ..funds(wallet, points) };
        let split = own.map(|(wallet, points)| {
            OwnSplit { wallet: Money::paisa(wallet).unwrap(), points: Points(points) }
        });
        let means = Means { mode: MODES[mode], split };
        match means.tender(amount, &funds) {
            Ok(paid) => {
                prop_assert_eq!(paid.total(), amount);
                prop_assert!(paid.wallet >= Money::ZERO && paid.spent.worth >= Money::ZERO);
                prop_assert!(paid.wallet <= funds.wallet && paid.spent.points <= funds.points);
            }
            Err(NotPaid::Short(missing)) => {
                prop_assert!(missing.wallet >= Money::ZERO && missing.worth >= Money::ZERO);
                prop_assert!(missing.total().is_positive() || missing.points > Points(0));
            }
            Err(NotPaid::Split { .. }) => prop_assert!(split.is_some()),
        }
    }

    /// What a rider is asked to bring in is enough.
    #[test]
    fn the_missing_money_is_all_that_is_missing(
        paisa in 1i64..1_000_000, wallet in 0i64..1_000_000, points in 0u32..100_000,
        mode in 0usize..4,
    ) {
        let (amount, before) = (Money::paisa(paisa).unwrap(), funds(wallet, points));
        let means = Means::of(MODES[mode]);
        if let Err(NotPaid::Short(missing)) = means.tender(amount, &before) {
            let after = Funds { wallet: before.wallet.plus(missing.total()), ..before };
            prop_assert_eq!(means.after_top_up(&missing).tender(amount, &after).map(|t| t.total()), Ok(amount));
        }
    }
}

const MODES: [PaymentMode; 4] =
    [PaymentMode::Wallet, PaymentMode::Points, PaymentMode::WalletPoints, PaymentMode::Direct];

fn funds(paisa: i64, points: u32) -> Funds {
    let wallet = Money::paisa(paisa).unwrap();
    Funds { wallet, points: Points(points), rate: PerRupee::default() }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

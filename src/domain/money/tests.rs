//! Amounts add up.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Money, NotMoney};

#[test]
fn rupees_are_written_with_two_decimals() {
    assert_eq!(Money::rupees(50).to_string(), "50.00");
    assert_eq!(Money::rupees(-50).to_string(), "-50.00");
    let bare = Money::exact(Decimal::ZERO).unwrap();
    assert_eq!(serde_json::to_string(&bare).unwrap(), "\"0.00\"");
    assert_eq!(Money::rupees(43_000_000).to_string(), "43000000.00");
    assert_eq!(Money::parse("0.8"), Ok(Money::paisa(80).unwrap()));
    assert_eq!(serde_json::to_string(&Money::rupees(7)).unwrap(), "\"7.00\"");
}

#[test]
fn numbers_and_strings_are_read_alike() {
    for json in ["\"50\"", "50", "50.0", "\"50.00\""] {
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), Money::rupees(50), "{json}");
    }
    assert!(serde_json::from_str::<Money>("\"1e3\"").is_err());
    assert!(serde_json::from_str::<Money>("0.001").is_err());
}

#[test]
fn a_third_decimal_is_refused_and_rounding_is_half_up() {
    let amount = Decimal::new(1005, 3);
    assert_eq!(Money::exact(amount), Err(NotMoney::TooFine));
    assert_eq!(Money::rounded(amount), Money::parse("1.01"));
    assert_eq!(Money::parse("100000000000"), Err(NotMoney::TooLarge));
}

#[test]
fn the_tax_in_a_price_of_fifty_rupees_is_five_seventy_five() {
    let (net, tax) = Money::rupees(50).split_included(Decimal::from(13));
    assert_eq!((net.to_string(), tax.to_string()), ("44.25".into(), "5.75".into()));
}

#[test]
fn what_is_left_of_a_split_goes_to_the_largest_remainder() {
    let shares = |amount: &str, weights: &[u32]| {
        let shares = Money::parse(amount).unwrap().shares(weights);
        shares.iter().map(Money::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shares("100.00", &[1, 1, 1]), "33.34 33.33 33.33");
    assert_eq!(shares("0.05", &[60, 25, 15]), "0.03 0.01 0.01");
    assert_eq!(shares("50.00", &[0, 0]), "50.00 0.00");
}

proptest! {
    #[test]
    fn shares_add_up_and_each_is_within_a_paisa_of_its_proportion(
        paisa in -10_000_000i64..10_000_000, weights in prop::collection::vec(0u32..10_000, 1..12),
    ) {
        let amount = Money::paisa(paisa).unwrap();
        let shares = amount.shares(&weights);
        prop_assert_eq!(shares.iter().copied().sum::<Money>(), amount);
        let total: Decimal = weights.iter().map(|w| Decimal::from(*w)).sum();
        for (share, weight) in shares.iter().zip(&weights).filter(|_| !total.is_zero()) {
            let exact = amount.decimal() * Decimal::from(*weight) / total;
            prop_assert!((share.decimal() - exact).abs() < Decimal::new(1, 2));
            prop_assert!(*weight > 0 || share.is_zero());
        }
    }

    #[test]
    fn a_price_is_the_sum_of_its_net_part_and_its_tax(paisa in 0i64..10_000_000) {
        let price = Money::paisa(paisa).unwrap();
        let (net, tax) = price.split_included(Decimal::from(13));
        prop_assert_eq!(net.plus(tax), price);
        prop_assert_eq!(Money::exact(tax.decimal()), Ok(tax));
    }
}

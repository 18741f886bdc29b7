//! What points are worth, and prices paid with them.

use proptest::prelude::*;

use super::{PerRupee, Points};
use crate::money::Money;

#[test]
fn ten_points_are_one_rupee_and_a_started_point_counts_in_a_price() {
    let rate = PerRupee::default();
    assert_eq!(rate.worth(Points(500)), Money::rupees(50));
    assert_eq!(rate.worth(Points(1)).to_string(), "0.10");
    assert_eq!(rate.price_of(Money::parse("4.41").unwrap()), Points(45));
    assert_eq!(rate.price_of(Money::rupees(-1)), Points(0));
}

#[test]
fn points_pay_first_and_money_the_rest() {
    let split = PerRupee::default().split(Money::parse("50.05").unwrap(), Points(10_000));
    assert_eq!((split.points, split.rest.to_string()), (Points(500), "0.05".to_owned()));
    let poor = PerRupee::default().split(Money::rupees(50), Points(120));
    assert_eq!((poor.worth, poor.rest), (Money::rupees(12), Money::rupees(38)));
}

#[test]
fn money_earns_whole_points_by_the_hundred() {
    let earned = |amount: &str| Points::earned(Money::parse(amount).unwrap(), 10);
    assert_eq!(
        (earned("100"), earned("259.99"), earned("9.99")),
        (Points(10), Points(25), Points(0))
    );
    assert_eq!(Points::earned(Money::rupees(500), 0), Points(0));
    assert_eq!(Points::earned(Money::rupees(-500), 10), Points(0));
}

proptest! {
    #[test]
    fn a_split_price_adds_up_and_takes_no_more_points_than_there_are(
        paisa in 0i64..10_000_000, has in 0u32..1_000_000, per in 1u32..1_000,
    ) {
        let rate = PerRupee(per.try_into().unwrap());
        let price = Money::paisa(paisa).unwrap();
        let split = rate.split(price, Points(has));
        prop_assert_eq!(split.worth.plus(split.rest), price);
        prop_assert!(split.points <= Points(has));
        prop_assert!(split.rest >= Money::ZERO);
    }
}

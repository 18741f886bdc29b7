//! What is left to give back, and what a gateway's word settles.

use proptest::prelude::*;

use super::*;

fn thirteen() -> Decimal {
    Decimal::from(13)
}

fn left(total: i64, worth: i64, points: u32) -> Left {
    let total = Money::rupees(total);
    let vat = vat_in(total, thirteen());
    Left { total, worth: Money::rupees(worth), points: Points(points), vat }
}

#[test]
fn money_goes_back_before_points_and_all_of_it_with_all_of_its_tax() {
    let all = left(50, 20, 200);
    let some = all.parts(Money::rupees(10), thirteen()).unwrap();
    assert_eq!((some.money, some.worth, some.points), (Money::rupees(10), Money::ZERO, Points(0)));
    let more = all.parts(Money::rupees(40), thirteen()).unwrap();
    assert_eq!((more.money, more.worth), (Money::rupees(30), Money::rupees(10)));
    assert_eq!(more.points, Points(100));
    let whole = all.parts(Money::rupees(50), thirteen()).unwrap();
    assert_eq!((whole.worth, whole.points), (Money::rupees(20), Points(200)));
    assert_eq!(whole.money_vat.plus(whole.worth_vat), all.vat);
}

#[test]
fn no_more_goes_back_than_is_left() {
    let paisa = Money::paisa(1).unwrap();
    assert_eq!(left(50, 0, 0).parts(Money::rupees(50).plus(paisa), thirteen()), None);
    assert_eq!(left(0, 0, 0).parts(paisa, thirteen()), None);
    assert_eq!(left(50, 0, 0).parts(Money::ZERO, thirteen()), None);
}

#[test]
fn parts_that_follow_each_other_leave_nothing_behind() {
    let mut rest = left(50, 20, 200);
    let mut given = Parts::default();
    for rupees in [7, 13, 17, 13] {
        let parts = rest.parts(Money::rupees(rupees), thirteen()).unwrap();
        rest.total = rest.total.minus(parts.money).minus(parts.worth);
        rest.worth = rest.worth.minus(parts.worth);
        rest.points = Points(rest.points.0 - parts.points.0);
        rest.vat = rest.vat.minus(parts.money_vat).minus(parts.worth_vat);
        given.money = given.money.plus(parts.money);
        given.points = Points(given.points.0 + parts.points.0);
    }
    assert_eq!(rest, Left::default());
    assert_eq!((given.money, given.points), (Money::rupees(30), Points(200)));
}

#[test]
fn a_word_of_the_gateway_settles_what_only_it_can_mean() {
    let whole = Answer::Refunded { partly: false };
    let part = Answer::Refunded { partly: true };
    assert_eq!(settle(&whole, true, false), Unsure::Arrived);
    assert_eq!(settle(&part, false, false), Unsure::Arrived);
    assert_eq!(settle(&part, true, false), Unsure::Wait, "it may be the earlier part");
    assert_eq!(settle(&part, false, true), Unsure::Wait);
    assert_eq!(settle(&Answer::Pending, false, true), Unsure::Wait);
    let paid = Answer::Paid {
        reference: "r".to_owned(),
        amount: Money::rupees(1),
        currency: "NPR".to_owned(),
        txn_id: "t".to_owned(),
    };
    assert_eq!(settle(&paid, false, true), Unsure::Again);
}

#[test]
fn an_end_is_an_end() {
    for step in [Step::Approve, Step::Reject, Step::Give, Step::Send, Step::Arrive, Step::Bounce] {
        assert!(step.from().iter().all(|from| from.is_open()), "{step:?}");
    }
}

#[test]
fn points_go_with_the_money_that_earned_them_and_spent_ones_at_their_worth() {
    let rate = PerRupee::default();
    let brought = Brought { left: Money::rupees(500), points: Points(50) };
    let taken = |rupees, has| brought.taken(Money::rupees(rupees), Points(has), rate);
    let there = |points| Taken { points: Points(points), ..Taken::default() };

    assert_eq!((taken(500, 80), taken(100, 80), taken(0, 80)), (there(50), there(10), there(0)));
    let spent = Taken { points: Points(30), spent: Points(20), worth: Money::rupees(2) };
    assert_eq!(taken(500, 30), spent);
    let most = |wallet, has| brought.most(Money::rupees(wallet), Points(has), rate);
    assert_eq!(
        (most(500, 50), most(900, 0), most(500, 30)),
        (Money::rupees(500), Money::rupees(500), Money::rupees(498),)
    );
    assert_eq!(most(0, 0), Money::ZERO);
}

proptest! {
    #[test]
    fn parts_take_all_points_in_the_end_and_never_more_than_a_wallet_has(
        left in 1i64..1_000_000, parts in proptest::collection::vec(1i64..400_000, 1..6),
        points in 0u32..100_000, has in 0u32..100_000, wallet in 0i64..1_000_000,
    ) {
        let rate = PerRupee::default();
        let mut brought = Brought { left: Money::paisa(left).unwrap(), points: Points(points) };
        let wallet = Money::paisa(wallet).unwrap();
        let most = brought.most(wallet, Points(has), rate);
        let worth = brought.taken(most, Points(has), rate).worth;
        prop_assert!(most.plus(worth) <= wallet, "{most} and {worth}");

        let mut taken = 0;
        for part in parts.into_iter().chain([left]) {
            let part = Money::paisa(part).unwrap().min(brought.left);
            let gone = brought.taken(part, Points(has), rate);
            taken += gone.points.0 + gone.spent.0;
            brought.left = brought.left.minus(part);
            brought.points.0 -= gone.points.0 + gone.spent.0;
        }
        prop_assert_eq!((taken, brought.points), (points, Points(0)));
    }
}

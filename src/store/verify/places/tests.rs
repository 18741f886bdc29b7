//! Places whose order nobody would guess.

use super::{Kind, Places};
use crate::chain::Hash;
use crate::store::verify::walk::Walked;

#[test]
fn places_in_no_order_at_all_are_one_finding_and_not_held_in_memory() {
    let mut places = Places { waiting_max: 3, ..Places::after(0) };
    let mut walked = Walked::default();

    for position in [10, 20, 30, 40, 50] {
        places.place(position, Hash([0; 32]), None, Some(String::new()), &mut walked);
    }
    places.finish(&mut walked);

    assert_eq!(walked.counts.get(&Kind::Chain), Some(&1));
    assert_eq!(walked.findings[0].subject, "order");
}

#[test]
fn a_place_that_cannot_be_read_still_carries_the_chain_on() {
    let (opened, mut walked) = (Hash([7; 32]), Walked::default());
    let first = opened.then("one");
    let second = first.then("two");
    let third = second.then("three");
    let mut places = Places::after(0);

    places.place(1, first, Some(opened), Some("one".to_owned()), &mut walked);
    places.place(2, second, None, None, &mut walked);
    places.place(3, third, None, Some("three".to_owned()), &mut walked);
    places.finish(&mut walked);

    assert!(walked.counts.is_empty(), "{:?}", walked.counts);
}

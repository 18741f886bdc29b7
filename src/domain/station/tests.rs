//! Which bank is picked, and what a report proves.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};

use super::{
    Coverage, Difference, Layout, Offer, Snapshot, denies, is_accounted_for, pick, reconcile,
    sighting,
};
use crate::eject::Sighting;
use crate::ids::{SlotKey, Sn};
use crate::slot::{Reading, SlotFault, SlotState};

#[test]
fn the_fullest_bank_is_picked_and_of_equals_the_lowest_slot() {
    let offers = [offer(1, "a", 80), offer(2, "b", 95), offer(3, "c", 95)];

    assert_eq!(pick(offers.iter(), None), Some(&offers[1]));
    assert_eq!(pick(offers.iter(), Some(&"a".into())), Some(&offers[0]));
    assert_eq!(pick(offers.iter(), Some(&"z".into())), None);
}

#[test]
fn what_an_operator_typed_in_gives_way_to_the_first_report() {
    let mut layout = Layout::new((1..=8).map(key), false);

    let coverage = layout.meet(&snapshot(&[(1, None), (2, None)]));

    assert_eq!(coverage, Coverage::Changed { added: vec![], removed: (3..=8).map(key).collect() });
    assert_eq!(layout.meet(&snapshot(&[(1, None), (2, None)])), Coverage::Whole);
}

#[test]
fn a_report_with_fewer_slots_is_partial_and_wins_after_half_an_hour_of_the_same() {
    let mut layout = Layout::new((1..=3).map(key), true);
    let partial = Coverage::Partial { missing: vec![key(3)] };

    for minute in [0, 1, 2, 29] {
        assert_eq!(layout.meet(&fewer(minute)), partial, "minute {minute}");
    }
    let changed = Coverage::Changed { added: vec![], removed: vec![key(3)] };
    assert_eq!(layout.meet(&fewer(30)), changed);
}

#[test]
fn one_whole_report_in_between_begins_the_half_hour_anew() {
    let mut layout = Layout::new((1..=3).map(key), true);
    layout.meet(&fewer(0));
    layout.meet(&snapshot(&[(1, None), (2, None), (3, None)]));

    layout.meet(&fewer(29));

    assert!(matches!(layout.meet(&fewer(31)), Coverage::Partial { .. }));
}

#[test]
fn a_bank_elsewhere_by_the_books_is_seen_and_one_that_is_nowhere_is_gone() {
    let report = snapshot(&[(1, Some("new")), (2, None), (3, Some("same"))]);
    let believed = believed(&[(2, "gone"), (3, "same")]);

    assert_eq!(
        reconcile(&report, true, &believed, None),
        [
            Difference::Seen { key: key(1), sn: "new".into() },
            Difference::Gone { key: key(2), sn: "gone".into() },
        ]
    );
    assert_eq!(reconcile(&report, false, &believed, None).len(), 1, "partial: nothing is gone");
}

#[test]
fn a_bank_that_moved_between_slots_is_seen_and_not_gone() {
    let report = snapshot(&[(1, None), (2, Some("bank"))]);

    let differences = reconcile(&report, true, &believed(&[(1, "bank")]), None);

    assert_eq!(differences, [Difference::Seen { key: key(2), sn: "bank".into() }]);
}

#[test]
fn the_bank_of_an_open_eject_is_left_to_the_eject() {
    let report = snapshot(&[(1, None)]);
    let ejecting: Sn = "bank".into();

    assert_eq!(reconcile(&report, true, &believed(&[(1, "bank")]), Some(&ejecting)), []);
    assert_eq!(sighting(&report, key(1), &ejecting), Sighting::Absent);
}

#[test]
fn a_slot_that_contradicts_itself_proves_nothing() {
    let bank: Sn = "bank".into();
    let pressed = Reading { switch_open: false, ..reading(None) };
    let jammed = Reading { state: SlotState::Fault(SlotFault::Jammed), ..reading(Some("bank")) };

    for odd in [pressed, jammed] {
        let report = Snapshot::exact([(key(1), odd)]);
        assert_eq!(sighting(&report, key(1), &bank), Sighting::Unclear);
        assert_eq!(reconcile(&report, true, &believed(&[(1, "bank")]), None), []);
    }
}

#[test]
fn a_return_into_a_slot_that_can_not_be_read_is_not_denied() {
    let bank: Sn = "bank".into();
    let stuck = SlotState::Fault(SlotFault::ReturnStuck);
    let unread = Reading { state: stuck, switch_open: false, ..reading(None) };
    let taken = Reading { state: stuck, ..reading(Some("other")) };
    let report = Snapshot::exact([(key(1), unread), (key(2), reading(None)), (key(3), taken)]);

    assert!(!denies(&report, Some(key(1)), &bank), "it may be the one in it");
    assert!(!denies(&report, None, &bank));
    assert!(denies(&report, Some(key(2)), &bank), "empty");
    assert!(denies(&report, Some(key(3)), &bank), "another one's");
    assert!(!denies(&report, Some(key(2)), &"other".into()), "it is in the cabinet");
    assert!(denies(&snapshot(&[(1, None), (2, Some("other"))]), None, &bank));
}

#[test]
fn a_slot_is_accounted_for_by_a_name_or_by_an_open_switch_and_by_nothing_else() {
    let empty = reading(None);
    let jammed = SlotState::Fault(SlotFault::Jammed);

    assert!(is_accounted_for(&reading(Some("a"))));
    assert!(is_accounted_for(&empty));
    assert!(!is_accounted_for(&Reading { switch_open: false, ..empty.clone() }));
    assert!(!is_accounted_for(&Reading { state: jammed, ..empty.clone() }));
    assert!(!is_accounted_for(&Reading { state: SlotState::Normal, ..empty }));
}

fn offer(slot: u16, sn: &str, level: u8) -> Offer {
    Offer { key: key(slot), sn: sn.into(), level }
}

fn key(slot: u16) -> SlotKey {
    SlotKey::new(0, slot)
}

fn believed(banks: &[(u16, &str)]) -> BTreeMap<SlotKey, Sn> {
    banks.iter().map(|(slot, sn)| (key(*slot), Sn::from(*sn))).collect()
}

fn fewer(minute: i64) -> Snapshot {
    let mut report = snapshot(&[(1, None), (2, None)]);
    for reading in report.slots.values_mut() {
        reading.at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
    }
    report
}

fn snapshot(slots: &[(u16, Option<&str>)]) -> Snapshot {
    Snapshot::exact(slots.iter().map(|(slot, sn)| (key(*slot), reading(*sn))))
}

fn reading(sn: Option<&str>) -> Reading {
    Reading {
        state: if sn.is_some() { SlotState::Normal } else { SlotState::Empty },
        sn: sn.map(Sn::from),
        level: sn.map(|_| 90),
        temperature: None,
        switch_open: sn.is_none(),
        at: DateTime::UNIX_EPOCH,
    }
}

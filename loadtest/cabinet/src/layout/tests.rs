//! Builds have the slots their label says.

use super::*;

#[test]
fn slots_run_through_the_boards_of_a_port() {
    let layout = Layout::marker(&[4, 4]);

    let keys: Vec<_> = layout.keys().collect();

    assert_eq!(keys.first(), Some(&SlotKey::new(0, 1)));
    assert_eq!(keys.last(), Some(&SlotKey::new(0, 8)));
    assert_eq!(keys.len(), 8);
}

#[test]
fn large_uniform_cabinets_use_two_ports() {
    let layout = Layout::uniform(8, 6);

    let second: Vec<_> = layout.keys().filter(|key| key.io == 1).collect();

    assert_eq!(layout.fitted_slots(), 48);
    assert_eq!(second.len(), 24);
    assert_eq!(second[0], SlotKey::new(1, 1));
}

#[test]
fn a_second_port_may_start_at_any_number() {
    let layout = Layout::uniform(1, 6).second_port(31, &[6]);

    assert!(layout.keys().any(|key| key == SlotKey::new(1, 36)));
    assert_eq!(layout.fitted_slots(), 12);
}

#[test]
fn phantom_boards_have_no_slots() {
    let layout = Layout::marker(&[4; 11]).with_phantoms(34);

    assert_eq!(layout.fitted_slots(), 44);
    assert_eq!(layout.boards.len(), 45);
}

#[test]
fn any_number_of_slots_has_a_build() {
    for slots in 1..=60 {
        assert_eq!(Layout::of(slots).fitted_slots(), usize::from(slots));
    }
}

//! What a cabinet writes is what the service reads.

use devices::a8;
use devices::{Report, Uplink};
use domain::slot::SlotState;

use super::*;
use crate::layout::Marking;

fn decode(frame: &[u8]) -> Report {
    match devices::Codec::decode(&a8::A8::default(), frame) {
        Ok(Uplink::Report(report)) => report,
        other => panic!("no report: {other:?}"),
    }
}

fn filled(layout: &Layout) -> Rack {
    let mut rack = Rack::new(layout);
    for (n, key) in layout.keys().enumerate().filter(|(n, _)| n % 2 == 0) {
        rack.put(key, Bank::new(format!("{}", 40_818_048 + n).as_str()));
    }
    rack
}

fn check_layout(layout: &Layout) {
    let rack = filled(layout);

    let report = decode(&report(layout, &rack, Duration::ZERO, &Slant::default()));

    assert_eq!(report.layout, layout.marking);
    let keys: Vec<SlotKey> = report.slots.iter().map(|slot| slot.key).collect();
    let expected: Vec<SlotKey> = layout.keys().collect();
    assert_eq!(keys, expected);
    for (slot, read) in rack.slots().iter().zip(&report.slots) {
        assert_eq!(read.sn, slot.bank.as_ref().map(|bank| bank.sn.clone()), "{}", slot.key);
        assert_eq!(read.level, slot.bank.as_ref().map(|_| 96).or(read.level));
        assert_eq!(read.switch_open, slot.bank.is_none());
    }
}

#[test]
fn every_build_is_read_as_it_is() {
    for slots in 1..=48 {
        check_layout(&Layout::of(slots));
    }
    check_layout(&Layout::marker(&[4; 12]));
    check_layout(&Layout::counted(&[4, 4]));
    check_layout(&Layout::counted(&[4]).second_port(1, &[4]));
    check_layout(&Layout::uniform(3, 6));
    check_layout(&Layout::uniform(8, 6));
    check_layout(&Layout::uniform(1, 6).second_port(31, &[6]));
    check_layout(&Layout::marker(&[6, 6]).second_port(31, &[6]));
}

#[test]
fn boards_of_different_sizes_can_be_told_apart_while_they_are_empty() {
    let layout = Layout::mixed(&[4, 8]);
    let empty = Rack::new(&layout);

    let report = decode(&report(&layout, &empty, Duration::ZERO, &Slant::default()));

    assert_eq!((report.layout, report.slots.len()), (Marking::Mixed, 12));
}

#[test]
fn phantom_boards_are_written_as_captures_have_them() {
    let layout = Layout::marker(&[4; 11]).with_phantoms(34);

    let frame = report(&layout, &filled(&layout), Duration::ZERO, &Slant::default());

    let report = decode(&frame);
    assert_eq!(frame.len(), 5 + 45 * 6 + 180 * 15);
    assert_eq!((report.slots.len(), report.phantom), (44, 136));
}

#[test]
fn a_jammed_slot_says_so() {
    let layout = Layout::counted(&[4]);
    let mut rack = filled(&layout);
    rack.slot_mut(SlotKey::new(0, 1)).expect("slot 1").state = Some(0x04);

    let report = decode(&report(&layout, &rack, Duration::ZERO, &Slant::default()));

    assert_eq!(report.slots[0].state, SlotState::Fault(domain::slot::SlotFault::Jammed));
    assert_eq!(Marking::Counted, report.layout);
}

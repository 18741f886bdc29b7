//! Which rows are boards: the four layouts, their order, and what is no report.

use proptest::prelude::*;

use crate::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use crate::a8::{A8, build as frames};
use crate::{Codec, DecodeError, Layout, Report, Uplink};

#[test]
fn every_build_has_the_length_of_the_table() {
    let builds: [(&[u8], usize); 16] = [
        (&[2], 0x29),
        (&[3], 0x38),
        (&[4], 0x47),
        (&[5], 0x56),
        (&[6], 0x65),
        (&[8], 0x83),
        (&[4, 2], 0x6B),
        (&[4, 4], 0x89),
        (&[5, 5], 0xA7),
        (&[6, 6], 0xC5),
        (&[4, 8], 0xC5),
        (&[4, 4, 4], 0xCB),
        (&[6, 6, 6], 0x125),
        (&[6, 6, 6, 6], 0x185),
        (&[6; 6], 0x245),
        (&[4; 12], 0x31D),
    ];
    for (boards, length) in builds {
        for layout in [Layout::Marker, Layout::Counted] {
            let frame = build::report(layout, &cabinet(boards));
            assert_eq!(frame.len(), length, "{boards:?}");
            check(&read(&frame).unwrap(), layout, boards);
        }
    }
}

#[test]
fn uniform_cabinets_without_a_hint_are_told_apart() {
    for boards in [vec![2], vec![3], vec![8], vec![6; 3], vec![6; 8], vec![5; 2], vec![4; 3]] {
        let frame = build::report(Layout::Uniform, &cabinet(&boards));
        check(&read(&frame).unwrap(), Layout::Uniform, &boards);
    }
}

#[test]
fn the_only_plausible_split_of_unequal_boards_is_taken() {
    let frame = build::report(Layout::Mixed, &empty(cabinet(&[4, 8])));
    check(&read(&frame).unwrap(), Layout::Mixed, &[4, 8]);
    let frame = build::report(Layout::Mixed, &empty(cabinet(&[4, 2])));
    check(&read(&frame).unwrap(), Layout::Mixed, &[4, 2]);
}

#[test]
fn equal_lengths_are_told_apart_by_their_slot_numbers() {
    let two_of_three = build::report(Layout::Uniform, &empty(cabinet(&[3, 3])));
    let four_and_two = build::report(Layout::Mixed, &empty(cabinet(&[4, 2])));
    assert_eq!(two_of_three.len(), four_and_two.len());
    check(&read(&two_of_three).unwrap(), Layout::Uniform, &[3, 3]);
    check(&read(&four_and_two).unwrap(), Layout::Mixed, &[4, 2]);
}

#[test]
fn a_uniform_reading_with_a_rival_is_not_exact() {
    // 4 + 8 slots whose shifted rows read as 6 + 6: the level of slot 5 passes for a slot
    // number, its temperature for a state.
    let mut groups = filled(&[4, 8], u32::MAX);
    groups[1].board.address = 0x20;
    let frame = build::report(Layout::Mixed, &groups);
    let report = read(&frame).unwrap();
    assert_eq!(report.layout, Layout::Uniform, "the order of tries is fixed");
    assert!(!report.exact && !report.is_whole(), "and it must not prove anything");
}

#[test]
fn a_report_that_splits_in_several_ways_is_refused() {
    // Full slots: a shifted row's level passes for a slot number, its temperature for a state.
    let mut groups = filled(&[6, 7, 6], u32::MAX);
    for (group, address) in groups.iter_mut().zip([0x10, 0x20, 0x30]) {
        group.board.address = address;
    }
    let frame = build::report(Layout::Mixed, &groups);
    assert_eq!(read(&frame).unwrap_err().code(), "bad_layout");
}

#[test]
fn slot_numbers_may_start_again_on_the_other_port() {
    let slots = |first: u8| (first..first + 6).map(SlotRow::empty).collect();
    let groups = vec![
        BoardGroup { board: BoardRow::fitted(0x10), slots: slots(1) },
        BoardGroup { board: BoardRow::fitted(0x50), slots: slots(1) },
    ];
    for layout in [Layout::Marker, Layout::Counted, Layout::Uniform] {
        let report = read(&build::report(layout, &groups)).unwrap();
        check(&report, layout, &[6, 6]);
        assert_eq!((report.slots[0].key.io, report.slots[6].key.io), (0, 1));
    }
}

#[test]
fn numbers_that_do_not_rise_are_not_plausible() {
    let mut groups = cabinet(&[4]);
    groups[0].slots[2].slot = 2;
    for layout in [Layout::Counted, Layout::Uniform] {
        assert!(read(&build::report(layout, &groups)).is_err(), "{layout:?}");
    }
    groups[0].slots[2] = SlotRow { state: 0x25, ..SlotRow::empty(3) };
    assert!(read(&build::report(Layout::Counted, &groups)).is_err());
}

#[test]
fn rows_that_do_not_end_with_the_payload_are_refused() {
    let frame = build::report(Layout::Marker, &cabinet(&[4]));
    for cut in 1..15 {
        let payload = &frame[4..frame.len() - 1 - cut];
        let error = read(&frames::frame(0x10, payload)).unwrap_err();
        assert_eq!(error.code(), "bad_layout", "{cut}");
    }
}

proptest! {
    #[test]
    fn hinted_reports_of_any_cabinet_read_back(
        boards in prop::collection::vec(1u8..=12, 1..12),
        counted in any::<bool>(),
        seed in any::<u32>(),
    ) {
        let layout = if counted { Layout::Counted } else { Layout::Marker };
        let groups = filled(&boards, seed);
        let report = read(&build::report(layout, &groups)).unwrap();
        check(&report, layout, &boards);
        let rows = groups.iter().flat_map(|group| &group.slots);
        for (row, slot) in rows.zip(&report.slots) {
            prop_assert_eq!(u16::from(row.slot), slot.key.slot);
            let sn = (row.state != 0).then(|| row.sn.to_string());
            prop_assert_eq!(sn, slot.sn.as_ref().map(|sn| sn.as_str().to_owned()));
        }
    }
}

fn read(frame: &[u8]) -> Result<Report, DecodeError> {
    let Uplink::Report(report) = A8::default().decode(frame)? else { panic!("another message") };
    Ok(report)
}

fn check(report: &Report, layout: Layout, boards: &[u8]) {
    assert_eq!(report.layout, layout, "{boards:?}");
    let sizes: Vec<u16> = report.boards.iter().map(|board| board.slots).collect();
    assert_eq!(sizes, boards.iter().map(|size| u16::from(*size)).collect::<Vec<_>>());
    assert!(report.is_whole(), "{layout:?} {boards:?}");
}

/// A cabinet with a bank in every second slot, slots numbered through.
fn cabinet(boards: &[u8]) -> Vec<BoardGroup> {
    filled(boards, 0x0555_5555)
}

/// Banks where the bits of `seed` say so.
fn filled(boards: &[u8], seed: u32) -> Vec<BoardGroup> {
    let mut next = 0;
    let mut slot = || {
        next += 1;
        match seed.rotate_right(u32::from(next)) & 1 {
            1 => SlotRow::with_bank(next, 85_019_000 + u32::from(next), 90),
            _ => SlotRow::empty(next),
        }
    };
    let mut address = 0;
    let mut board = |size: &u8| {
        address += 1;
        let slots = (0..*size).map(|_| slot()).collect();
        BoardGroup { board: BoardRow::fitted(address), slots }
    };
    boards.iter().map(&mut board).collect()
}

fn empty(groups: Vec<BoardGroup>) -> Vec<BoardGroup> {
    let clear = |mut group: BoardGroup| {
        group.slots.iter_mut().for_each(|row| *row = SlotRow::empty(row.slot));
        group
    };
    groups.into_iter().map(clear).collect()
}

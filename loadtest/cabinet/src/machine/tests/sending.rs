//! What the rules make of frames.

use devices::a8::A8;
use devices::{Codec, DecodeError, Uplink};
use domain::ids::{SlotKey, Sn};

use super::super::*;
use super::harness::{Bench, UPDATE, spec};
use crate::bank::Bank;
use crate::faults::{Fault, FrameKind};
use crate::layout::Layout;

const CHECK: &str = r#"{"cmd":"check_all"}"#;

fn sn(text: &str) -> Sn {
    Sn::from(text)
}

/// A cabinet with 8 slots on 2 boards, and one rule.
fn bench(fault: Fault) -> Bench {
    let spec = spec().layout(Layout::marker(&[4, 4])).with_banks(["1003", "1004", "1005", "1006"]);
    let mut bench = Bench::online(spec);
    bench.machine.faults.next(1, fault);
    bench
}

fn check(bench: &mut Bench) {
    bench.command(CHECK);
    bench.pass_secs(1);
}

fn report(bench: &Bench) -> devices::Report {
    let uplinks = bench.uplinks();
    let [Uplink::Report(report)] = &uplinks[..] else { panic!("{uplinks:?}") };
    report.clone()
}

#[test]
fn a_check_is_answered_with_the_whole_cabinet() {
    let mut bench = Bench::online(spec());

    check(&mut bench);

    assert_eq!(report(&bench).slots.len(), 4);
    assert!(report(&bench).shows(&sn("1002")));
}

#[test]
fn a_partial_report_lacks_its_last_boards_and_rows() {
    let mut bench = bench(Fault::Partial { boards_missing: 1, rows_missing: 1 });

    check(&mut bench);

    assert_eq!(report(&bench).slots.len(), 3);
}

#[test]
fn old_firmware_lists_the_five_fullest_banks_for_check_alone() {
    let spec = spec()
        .layout(Layout::marker(&[4, 4]))
        .with_banks(["1003", "1004", "1005"])
        .with_banks([Bank::new("1006").at_level(5)]);
    let mut spec = spec;
    spec.check_lists_five = true;
    let mut bench = Bench::online(spec);

    bench.command(r#"{"cmd":"check"}"#);
    bench.pass_secs(1);
    assert_eq!(report(&bench).slots.len(), 5);
    assert!(!report(&bench).shows(&sn("1006")));
    bench.forget();
    check(&mut bench);

    assert_eq!(report(&bench).slots.len(), 8);
}

#[test]
fn an_answer_may_come_over_http_only() {
    let mut bench = bench(Fault::HttpOnly);

    check(&mut bench);

    assert!(bench.uplinks().is_empty());
    assert_eq!(bench.report().slots.len(), 8);
}

#[test]
fn a_level_may_be_wrong() {
    let mut bench = bench(Fault::WrongLevel { sn: Some(sn("1002")), level: 255 });

    check(&mut bench);

    assert_eq!(report(&bench).find(&sn("1002")).and_then(|slot| slot.level), None);
    assert_eq!(report(&bench).find(&sn("1001")).and_then(|slot| slot.level), Some(96));
}

#[test]
fn a_row_may_contradict_itself() {
    let mut bench = Bench::online(spec());

    bench.tell(|machine, _| machine.bend(SlotKey::new(0, 4), Some(0), Some(0)));
    check(&mut bench);

    let told = report(&bench);
    let slot = told.slot(SlotKey::new(0, 4)).expect("slot 4");
    assert_eq!(slot.state, domain::slot::SlotState::Empty);
    assert!(!slot.switch_open);
}

#[test]
fn a_frame_may_be_sent_twice_byte_by_byte() {
    let mut bench = bench(Fault::Duplicate { frame: FrameKind::Report, after_ms: 500 });

    check(&mut bench);

    assert_eq!(bench.published.len(), 2);
    assert_eq!(bench.published[0], bench.published[1]);
}

#[test]
fn a_frame_may_overtake_another() {
    let mut bench = bench(Fault::Reorder { frame: FrameKind::Return, at_most_ms: 60_000 });

    bench.tell(|machine, now| machine.insert(now, Bank::new("2001"), None)).expect("a free slot");
    bench.eject("1001");
    bench.pass_secs(2);

    let kinds: Vec<_> = bench.uplinks().iter().map(Uplink::kind).collect();
    assert_eq!(bench.count(CallKind::Return), 1);
    assert_eq!(kinds, ["returned", "ejected"], "the HTTP return let it go");
}

#[test]
fn a_held_frame_does_not_wait_for_ever() {
    let mut bench = bench(Fault::Reorder { frame: FrameKind::Report, at_most_ms: 5000 });

    check(&mut bench);
    assert!(bench.published.is_empty());
    bench.pass_secs(5);

    assert_eq!(report(&bench).slots.len(), 8);
}

#[test]
fn a_frame_may_be_spoilt() {
    let mut corrupt = bench(Fault::Corrupt { frame: FrameKind::Any });
    check(&mut corrupt);
    let decoded = A8::default().decode(&corrupt.published[0].1);
    assert!(matches!(decoded, Err(DecodeError::BadChecksum { .. })), "{decoded:?}");

    let mut short = bench(Fault::Truncate { frame: FrameKind::Report, bytes: 7 });
    check(&mut short);
    let decoded = A8::default().decode(&short.published[0].1);
    assert!(matches!(decoded, Err(DecodeError::Truncated { .. })), "{decoded:?}");
}

#[test]
fn an_old_frame_may_come_again() {
    let mut bench = Bench::online(spec());
    let insert = |bench: &mut Bench| {
        bench.tell(|m, now| m.insert(now, Bank::new("2001"), None)).expect("a free slot");
        bench.pass_secs(2);
    };
    assert!(!bench.tell(|machine, now| machine.replay(now, FrameKind::Return)));
    insert(&mut bench);
    let first = bench.published[0].clone();

    assert!(bench.tell(|machine, now| machine.replay(now, FrameKind::Return)));

    assert_eq!(bench.published[1], first);
}

#[test]
fn raw_bytes_go_anywhere_past_the_rules() {
    let mut bench = bench(Fault::Lose { frame: FrameKind::Any });
    let topic = "/powerbank/860000000000025/user/update";

    bench.tell(|m, now| m.send_raw(now, topic.to_owned(), Bytes::from_static(b"x")));

    assert_eq!(bench.published, [(topic.to_owned(), Bytes::from_static(b"x"))]);
    assert_ne!(topic, UPDATE);
}

#[test]
fn events_are_numbered_and_bounded() {
    let mut spec = spec();
    spec.events_kept = 5;
    let bench = Bench::online(spec);

    let kept: Vec<u64> = bench.machine.log().all().map(|seen| seen.seq).collect();

    assert_eq!(kept.len(), 5);
    assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(bench.machine.log().next_seq(), kept[4] + 1);
    assert_eq!(bench.machine.log().from(0).map(|seen| seen.seq), Some(kept[0]));
}

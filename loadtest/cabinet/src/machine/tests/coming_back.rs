//! Banks that come in, and who hears of it how.

use devices::{Returned, Uplink};
use domain::ids::{SlotKey, Sn};
use domain::returns::ReturnResult;

use super::super::*;
use super::harness::{Bench, spec};
use crate::bank::Bank;
use crate::faults::{Fault, FrameKind};
use crate::rack::InsertError;
use crate::script::Cut;
use crate::spec::ReturnForm;

fn sn(text: &str) -> Sn {
    Sn::from(text)
}

fn insert(bench: &mut Bench, text: &str) -> Result<SlotKey, InsertError> {
    bench.tell(|machine, now| machine.insert(now, Bank::from(text).at_level(40), None))
}

fn returned(bench: &Bench) -> Returned {
    let uplinks = bench.uplinks();
    let [Uplink::Returned(returned)] = &uplinks[..] else { panic!("{uplinks:?}") };
    returned.clone()
}

#[test]
fn a_return_is_told_over_mqtt_then_http() {
    let mut bench = Bench::online(spec());

    let key = insert(&mut bench, "2001").expect("a free slot");
    bench.pass(Duration::from_millis(600));
    assert_eq!(bench.count(CallKind::Return), 0);
    bench.pass_secs(1);

    let told = returned(&bench);
    assert_eq!((told.key, told.sn, told.level), (key, Some(sn("2001")), Some(40)));
    assert_eq!(told.result, ReturnResult::Accepted);
    let call = bench.calls.iter().find(|call| call.kind == CallKind::Return).expect("a call");
    assert!(call.query.contains(&("hole", "3".to_owned())));
    assert!(call.query.contains(&("power", "40".to_owned())));
}

#[test]
fn the_event_has_three_lengths() {
    for (form, level) in
        [(ReturnForm::Bytes13, None), (ReturnForm::Bytes14, None), (ReturnForm::Bytes15, Some(40))]
    {
        let mut spec = spec();
        spec.return_form = form;
        let mut bench = Bench::online(spec);

        insert(&mut bench, "2001").expect("a free slot");
        bench.pass_secs(2);

        assert_eq!(returned(&bench).level, level);
    }
}

#[test]
fn a_self_check_and_a_report_follow_when_configured() {
    let mut spec = spec();
    spec.self_check_after_return = true;
    let mut bench = Bench::online(spec);

    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(5);

    let kinds: Vec<_> = bench.uplinks().iter().map(Uplink::kind).collect();
    assert_eq!(kinds, ["returned", "inspected"]);
    assert!(bench.report().shows(&sn("2001")));
}

#[test]
fn without_power_a_return_is_told_by_a_self_check_afterwards() {
    let mut bench = Bench::online(spec());
    bench.tell(|machine, now| machine.power(now, false));
    let key = insert(&mut bench, "2001").expect("a free slot");
    bench.forget();

    bench.tell(|machine, now| machine.power(now, true));
    bench.pass_secs(40);

    let uplinks = bench.uplinks();
    let [Uplink::Inspected(told)] = &uplinks[..] else { panic!("{uplinks:?}") };
    assert_eq!((told.key, told.sn.clone()), (key, Some(sn("2001"))));
    assert_eq!(bench.count(CallKind::Return), 0);
    assert!(bench.report().shows(&sn("2001")));
}

#[test]
fn what_happened_while_it_was_cut_off_is_never_told_again() {
    let mut bench = Bench::online(spec());
    bench.tell(|machine, now| machine.cut(now, Cut::Both));
    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(10);

    bench.tell(Machine::restore);
    bench.pass_secs(70);

    assert!(bench.uplinks().is_empty());
    assert_eq!(bench.count(CallKind::Return), 0);
    assert!(bench.report().shows(&sn("2001")));
}

#[test]
fn without_a_broker_the_http_return_still_goes_out() {
    let mut bench = Bench::online(spec());
    bench.tell(|machine, now| machine.cut(now, Cut::Mqtt));

    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(2);

    assert_eq!(bench.count(CallKind::Return), 1);
    assert_eq!(bench.machine.counts().lost.get(&FrameKind::Return), Some(&1));
}

/// Inserts 2001 with a result; says what was told and where the bank is.
fn result(code: u8) -> (Returned, Bench) {
    let mut bench = Bench::online(spec());
    bench.machine.faults.next(1, Fault::ReturnCode { code });
    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(2);
    (returned(&bench), bench)
}

#[test]
fn a_refused_bank_is_pushed_out_again() {
    for code in [0x00, 0x02, 0x06, 0x10] {
        let (told, bench) = result(code);

        assert!(!told.result.is_accepted());
        assert_eq!(bench.machine.rack().waiting(&sn("2001")), Some(SlotKey::new(0, 3)));
        assert_eq!(bench.count(CallKind::Return), 0);
    }
}

#[test]
fn a_bank_that_cannot_be_read_is_in_all_the_same() {
    let (told, mut bench) = result(0x11);
    assert_eq!((told.sn, told.result), (None, ReturnResult::Unidentified(0x11)));
    assert!(bench.machine.rack().find(&sn("2001")).is_some());

    bench.tell(Machine::upload);
    assert!(!bench.report().shows(&sn("2001")));
    bench.tell(|machine, now| machine.self_check(now, SlotKey::new(0, 3)));

    assert!(bench.report().shows(&sn("2001")));
}

#[test]
fn a_failed_anti_theft_switch_is_looked_at_again_within_five_minutes() {
    let (_, mut bench) = result(0x24);

    bench.pass_secs(300);

    assert!(bench.uplinks().iter().any(|uplink| matches!(uplink, Uplink::Inspected(_))));
    assert!(bench.report().shows(&sn("2001")));
}

#[test]
fn a_broken_switch_counts_as_accepted() {
    let (told, bench) = result(0x03);

    assert_eq!(told.result, ReturnResult::AcceptedSwitchBroken);
    assert_eq!(bench.count(CallKind::Return), 1);
}

#[test]
fn banks_of_another_area_are_refused_where_firmware_looks() {
    let mut spec = spec();
    spec.checks_area = true;
    let mut bench = Bench::online(spec);

    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(2);
    assert_eq!(returned(&bench).result, ReturnResult::Rejected(0x10));

    bench.tell(|machine, now| machine.take(now, &sn("2001")));
    let own = Bank { area: 73, ..Bank::new("2001") };
    bench.tell(|machine, now| machine.insert(now, own, None)).expect("a free slot");
    assert!(bench.machine.rack().find(&sn("2001")).is_some());
}

#[test]
fn a_full_cabinet_takes_nothing() {
    let mut bench = Bench::online(spec());
    insert(&mut bench, "2001").expect("a free slot");
    insert(&mut bench, "2002").expect("a free slot");

    assert_eq!(insert(&mut bench, "2003"), Err(InsertError::Full));
    assert_eq!(insert(&mut bench, "2001"), Err(InsertError::Inside(sn("2001"))));
}

#[test]
fn an_ejected_bank_can_be_pushed_back_at_once() {
    let mut bench = Bench::online(spec());
    bench.eject("1001");
    bench.pass_secs(2);

    let key = insert(&mut bench, "1001");

    assert_eq!(key, Ok(SlotKey::new(0, 1)));
    assert!(bench.machine.rack().tray().is_empty());
}

#[test]
fn a_known_cabinet_can_be_told_to_skip_the_http_return() {
    let mut bench = Bench::online(spec());
    bench.machine.faults.switches.no_http_return = true;

    insert(&mut bench, "2001").expect("a free slot");
    bench.pass_secs(2);

    assert_eq!(bench.count(CallKind::Return), 0);
    assert_eq!(bench.uplinks().len(), 1);
}

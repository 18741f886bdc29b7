//! What happens to an eject, and what is said of it.

use devices::Uplink;
use domain::eject::{EjectOutcome, NotOutReason};
use domain::ids::{SlotKey, Sn};

use super::super::*;
use super::harness::{Bench, spec};
use crate::faults::{Fault, FrameKind};

const LIMITED: &str = r#"{"cmd":"popup_sn","data":"1001","timestamp":"TIME","ttl":"15"}"#;

fn sn(text: &str) -> Sn {
    Sn::from(text)
}

fn limited(bench: &Bench, age_s: i64) -> String {
    let timestamp = bench.now().unix_ms / 1000 - age_s;
    LIMITED.replace("TIME", &timestamp.to_string())
}

#[test]
fn an_eject_lets_the_bank_out_and_says_so() {
    let mut bench = Bench::online(spec());

    bench.eject("1001");
    assert!(bench.machine.rack().find(&sn("1001")).is_some());
    bench.pass_secs(2);

    let reply = bench.reply();
    assert_eq!((reply.sn, reply.outcome), (Some(sn("1001")), EjectOutcome::Out));
    assert_eq!(bench.machine.rack().waiting(&sn("1001")), Some(SlotKey::new(0, 1)));
    assert_eq!(bench.machine.counts().ejects, 1);
    assert!(bench.tell(|machine, now| machine.take(now, &sn("1001"))).is_some());
}

#[test]
fn reports_show_the_bank_until_the_slot_has_settled() {
    let mut bench = Bench::online(spec());
    bench.eject("1001");
    bench.pass_secs(2);

    bench.tell(Machine::upload);
    assert!(bench.report().shows(&sn("1001")));
    bench.pass_secs(3);
    bench.tell(Machine::upload);

    assert!(!bench.report().shows(&sn("1001")));
    let empty = bench.report().slot(SlotKey::new(0, 1)).map(|slot| slot.switch_open);
    assert_eq!(empty, Some(true));
}

#[test]
fn a_slot_can_be_named_instead() {
    let mut bench = Bench::online(spec());

    bench.command(r#"{"cmd":"popup","data":"2","io":"0"}"#);
    bench.pass_secs(2);

    let reply = bench.reply();
    assert_eq!((reply.key, reply.outcome), (Some(SlotKey::new(0, 2)), EjectOutcome::Out));
    assert_eq!(bench.machine.rack().waiting(&sn("1002")), Some(SlotKey::new(0, 2)));
}

#[test]
fn what_cannot_be_ejected_is_refused_by_its_code() {
    let refused = |command: &str| {
        let mut bench = Bench::online(spec());
        bench.command(command);
        bench.pass_secs(2);
        assert_eq!(bench.machine.counts().ejects, 0);
        bench.reply().outcome
    };

    assert_eq!(
        refused(r#"{"cmd":"popup_sn","data":"9"}"#),
        EjectOutcome::NotOut(NotOutReason::UnknownBank)
    );
    assert_eq!(
        refused(r#"{"cmd":"popup_sn","data":"x"}"#),
        EjectOutcome::NotOut(NotOutReason::NotUnderstood)
    );
    assert_eq!(
        refused(r#"{"cmd":"popup","data":"3","io":"0"}"#),
        EjectOutcome::NotOut(NotOutReason::NoSuitableBank)
    );
}

#[test]
fn a_second_eject_is_busy_while_the_first_runs() {
    let mut bench = Bench::online(spec());

    bench.eject("1001");
    bench.eject("1002");
    bench.pass_secs(3);

    let outcomes: Vec<_> = bench.uplinks().into_iter().filter_map(outcome).collect();
    assert_eq!(outcomes, [EjectOutcome::Busy, EjectOutcome::Out]);
    bench.eject("1002");
    bench.pass_secs(3);
    assert_eq!(bench.machine.counts().ejects, 2);
}

#[test]
fn a_queue_holds_what_it_holds() {
    let mut spec = spec().with_banks(["1003"]);
    spec.eject_queue = 1;
    let mut bench = Bench::online(spec);

    bench.eject("1001");
    bench.eject("1002");
    bench.eject("1003");
    bench.pass_secs(5);

    let outcomes: Vec<_> = bench.uplinks().into_iter().filter_map(outcome).collect();
    let full = EjectOutcome::NotOut(NotOutReason::QueueFull);
    assert_eq!(outcomes, [full, EjectOutcome::Out, EjectOutcome::Out]);
}

fn outcome(uplink: Uplink) -> Option<EjectOutcome> {
    if let Uplink::Ejected(reply) = uplink { Some(reply.outcome) } else { None }
}

#[test]
fn a_time_limit_is_kept_unless_the_firmware_does_not_know_it() {
    let outcome = |age_s, change: fn(&mut Faults)| {
        let mut bench = Bench::online(spec());
        change(&mut bench.machine.faults);
        let command = limited(&bench, age_s);
        bench.command(&command);
        bench.pass_secs(2);
        bench.reply().outcome
    };

    assert_eq!(outcome(15, |_| ()), EjectOutcome::Out);
    assert_eq!(outcome(16, |_| ()), EjectOutcome::NotOut(NotOutReason::TooLate));
    assert_eq!(outcome(7200, |f| f.switches.ignores_ttl = true), EjectOutcome::Out);
    assert_eq!(
        outcome(0, |f| f.switches.clock_ahead_s = 60),
        EjectOutcome::NotOut(NotOutReason::TooLate)
    );
    assert_eq!(
        outcome(0, |f| f.next(1, Fault::NoClock)),
        EjectOutcome::NotOut(NotOutReason::NoClock)
    );
}

/// Ejects 1001 under a fault; says what was answered and whether the bank left.
fn under(fault: Fault) -> (Vec<EjectOutcome>, bool, Bench) {
    let mut bench = Bench::online(spec());
    bench.machine.faults.next(1, fault);
    bench.eject("1001");
    bench.pass_secs(2);
    let outcomes = bench.uplinks().into_iter().filter_map(outcome).collect();
    let out = bench.machine.rack().find(&sn("1001")).is_none();
    (outcomes, out, bench)
}

#[test]
fn any_code_can_come_with_the_bank_in_or_out() {
    let (outcomes, out, _) = under(Fault::EjectCode { code: 0x11, out: true });
    assert_eq!((outcomes, out), (vec![EjectOutcome::Verify(0x11)], true));

    let (outcomes, out, _) = under(Fault::EjectCode { code: 0x01, out: false });
    assert_eq!((outcomes, out), (vec![EjectOutcome::Out], false));
}

#[test]
fn a_jam_keeps_the_bank_and_shows_in_reports() {
    let (outcomes, out, mut bench) = under(Fault::Jam { code: 0x12 });
    let still_readable = EjectOutcome::NotOut(NotOutReason::StillReadable);
    assert_eq!((outcomes, out), (vec![still_readable], false));

    bench.tell(Machine::upload);

    let state = bench.report().slot(SlotKey::new(0, 1)).map(|slot| slot.state);
    assert_eq!(state, Some(domain::slot::SlotState::Fault(domain::slot::SlotFault::Jammed)));
}

#[test]
fn an_eject_without_an_answer_is_carried_out_all_the_same() {
    let (outcomes, out, bench) = under(Fault::Lose { frame: FrameKind::EjectReply });

    assert_eq!((outcomes.len(), out), (0, true));
    assert_eq!(bench.machine.counts().ejects, 1);
}

#[test]
fn an_ignored_command_does_nothing() {
    let (outcomes, out, _) = under(Fault::Ignore { command: Some("popup_sn".to_owned()) });
    assert_eq!((outcomes.len(), out), (0, false));
}

#[test]
fn an_answer_may_name_another_bank() {
    let (_, out, bench) = under(Fault::WrongSn { sn: sn("77") });

    assert!(out);
    assert_eq!(bench.reply().sn, Some(sn("77")));
}

#[test]
fn an_answer_may_be_late_or_the_mechanics_slow() {
    let late = Fault::Delay { frame: FrameKind::EjectReply, by_ms: 30_000 };
    let (outcomes, out, mut bench) = under(late);
    assert_eq!((outcomes.len(), out), (0, true));
    bench.pass_secs(30);
    assert_eq!(bench.reply().outcome, EjectOutcome::Out);

    let (outcomes, out, mut bench) = under(Fault::SlowEject { by_ms: 30_000 });
    assert_eq!((outcomes.len(), out), (0, false));
    bench.pass_secs(30);
    assert_eq!(bench.reply().outcome, EjectOutcome::Out);
}

#[test]
fn a_bank_nobody_takes_may_fall_back() {
    let (_, out, mut bench) = under(Fault::FallBack { after_ms: 20_000 });
    assert!(out);

    bench.pass_secs(21);

    assert_eq!(bench.machine.rack().find(&sn("1001")), Some(SlotKey::new(0, 1)));
    assert!(bench.uplinks().iter().any(|uplink| matches!(uplink, Uplink::Returned(_))));
}

#[test]
fn power_lost_before_the_release_keeps_the_bank() {
    let mut bench = Bench::online(spec());

    bench.eject("1001");
    bench.tell(|machine, now| machine.power(now, false));
    bench.pass_secs(60);

    assert!(bench.machine.rack().find(&sn("1001")).is_some());
    assert_eq!(bench.machine.counts().ejects, 0);
}

//! Power, first contact, duties, cuts, reboots.

use domain::ids::DeviceUuid;

use super::super::*;
use super::harness::{Bench, UUID, spec};
use crate::events::RebootCause;
use crate::script::Cut;
use crate::timing::Timing;

#[test]
fn first_contact_goes_connect_config_broker_and_a_report_after_a_minute() {
    let mut bench = Bench::off(spec());

    bench.tell(|machine, now| machine.power(now, true));
    bench.pass_secs(79);
    let calls: Vec<_> = bench.calls.iter().map(|call| call.kind).collect();
    bench.pass_secs(2);

    assert_eq!(calls, [CallKind::Connect, CallKind::Config]);
    assert_eq!(bench.dials[0].client_id, UUID);
    assert_eq!(bench.dials[0].topics[1], format!("/powerbank/{UUID}/user/heart"));
    assert_eq!(bench.count(CallKind::Report), 1);
    assert_eq!(bench.count(CallKind::Adverts), 1);
    assert_eq!(bench.report().slots.len(), 4);
}

#[test]
fn duties_keep_their_periods() {
    let mut bench = Bench::online(spec());

    bench.pass_secs(3600);

    assert_eq!(bench.count(CallKind::Report), 3);
    let heartbeats = bench.machine.counts().heartbeats;
    assert_eq!(heartbeats, 6);
    assert_eq!(bench.machine.counts().echoes, heartbeats);
    assert_eq!(bench.machine.counts().reboots, 0);
}

#[test]
fn two_heartbeats_without_an_echo_make_it_reboot() {
    let mut bench = Bench::online(spec());
    bench.echoes = false;

    bench.pass_secs(20 * 60);
    assert_eq!(bench.machine.counts().reboots, 0);
    bench.pass_secs(10 * 60);

    assert_eq!(bench.machine.counts().reboots_no_echo, 1);
    assert_eq!(bench.count(CallKind::Connect), 1);
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn an_echo_in_time_starts_the_count_again() {
    let mut bench = Bench::online(spec());

    for _ in 0..6 {
        bench.echoes = !bench.echoes;
        bench.pass_secs(10 * 60);
    }

    assert_eq!(bench.machine.counts().reboots, 0);
}

#[test]
fn a_strangers_heartbeat_is_no_echo() {
    let mut bench = Bench::online(spec());
    bench.echoes = false;

    for _ in 0..3 {
        bench.pass_secs(10 * 60);
        let topic = format!("/powerbank/{UUID}/user/heart");
        bench.tell(|machine, now| machine.message(now, &topic, b"\xA8\x00\x05\x7A\xD9"));
    }

    assert_eq!(bench.machine.counts().reboots_no_echo, 1);
}

#[test]
fn an_unknown_cabinet_asks_again_less_and_less_often() {
    let mut bench = Bench::off(spec());
    bench.known = false;

    bench.tell(|machine, now| machine.power(now, true));
    bench.pass_secs(60);
    let early = bench.count(CallKind::Connect);
    bench.pass_secs(3600);
    let all = bench.count(CallKind::Connect);

    assert!((4..=8).contains(&early), "{early}");
    assert!((all - early) < 30, "{all}");
    bench.known = true;
    bench.pass_secs(300);
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn a_refused_session_asks_for_the_account_again() {
    let mut bench = Bench::online(spec());

    bench.tell(|machine, now| machine.session_down(now, Downfall::Refused(5)));
    assert_eq!(bench.machine.phase(), Phase::Backoff);
    bench.pass_secs(10);

    assert_eq!(bench.count(CallKind::Connect), 1);
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn a_lost_session_comes_back_with_the_same_account_and_reports() {
    let mut bench = Bench::online(spec());

    bench.tell(|machine, now| machine.session_down(now, Downfall::Lost("gone".to_owned())));
    bench.pass_secs(70);

    assert_eq!(bench.count(CallKind::Connect), 0);
    assert_eq!(bench.dials.len(), 1);
    assert_eq!(bench.count(CallKind::Report), 1);
}

#[test]
fn without_a_broker_it_still_reports_over_http() {
    let mut bench = Bench::online(spec());

    bench.tell(|machine, now| machine.cut(now, Cut::Mqtt));
    assert_eq!(bench.hang_ups, [HangUp::Closed]);
    bench.pass_secs(25 * 60);

    assert_eq!(bench.count(CallKind::Report), 1);
    assert!(bench.published.is_empty());
    bench.tell(Machine::restore);
    bench.pass_secs(1);
    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn without_http_a_boot_does_not_get_far() {
    let mut bench = Bench::off(spec());
    bench.tell(|machine, now| machine.cut(now, Cut::Http));

    bench.tell(|machine, now| machine.power(now, true));
    bench.pass_secs(600);
    assert_eq!(bench.machine.phase(), Phase::Backoff);
    assert!(bench.calls.is_empty());
    bench.tell(Machine::restore);
    bench.pass_secs(1);

    assert_eq!(bench.machine.phase(), Phase::Online);
}

#[test]
fn lost_power_stops_everything() {
    let mut bench = Bench::online(spec());

    bench.tell(|machine, now| machine.power(now, false));
    bench.forget();
    bench.pass_secs(7200);

    assert!(bench.calls.is_empty() && bench.published.is_empty());
    assert_eq!(bench.machine.due(), None);
    assert_eq!(bench.machine.snapshot(bench.now()).banks(), 2);
}

#[test]
fn a_half_open_cut_leaves_the_connection() {
    let mut bench = Bench::online(spec());
    bench.machine.faults.switches.half_open = true;

    bench.tell(|machine, now| machine.power(now, false));

    assert_eq!(bench.hang_ups, [HangUp::HalfOpen]);
}

#[test]
fn orders_are_carried_out_or_remembered() {
    let mut bench = Bench::online(spec());

    bench.command(r#"{"cmd":"volume","data":"80"}"#);
    bench.command(r#"{"cmd":"load_ad"}"#);
    bench.command(r#"{"cmd":"upload_all"}"#);
    bench.command(r#"{"cmd":"getWifi"}"#);
    bench.pass_secs(1);

    let state = bench.machine.snapshot(bench.now());
    assert_eq!(state.settings.get("volume").map(String::as_str), Some("80"));
    assert_eq!(bench.count(CallKind::Adverts), 1);
    assert_eq!(bench.count(CallKind::Report), 1);
    let names = vec!["Kathmandu_Cafe".to_owned(), "TP-LINK_5G".to_owned()];
    assert_eq!(bench.uplinks(), [devices::Uplink::WifiList(names)]);
}

#[test]
fn a_reboot_by_order_connects_anew() {
    let mut bench = Bench::online(spec());

    bench.command(r#"{"cmd":"reboot"}"#);
    assert_eq!(bench.machine.phase(), Phase::Booting);
    bench.pass_secs(25);

    assert_eq!(bench.machine.phase(), Phase::Online);
    assert_eq!(bench.count(CallKind::Connect), 1);
    assert!(bench.events().contains(&&Event::Reboot { cause: RebootCause::Command }));
}

#[test]
fn a_misbehaving_client_uses_anothers_name_and_topics() {
    let mut spec = spec();
    spec.faults.switches.client_id = Some("somebody".to_owned());
    spec.faults.switches.topics_of = Some(DeviceUuid::from("860000000000025"));

    let mut bench = Bench::off(spec);
    bench.tell(|machine, now| machine.power(now, true));
    bench.pass_secs(30);

    assert_eq!(bench.dials[0].client_id, "somebody");
    assert_eq!(bench.dials[0].topics[0], "/powerbank/860000000000025/user/get");
}

#[test]
fn banks_charge_while_it_has_power() {
    let mut bench = Bench::online(spec().timing(Timing::real()));

    bench.pass_secs(3600);

    let state = bench.machine.snapshot(bench.now());
    let level = state.slots[0].bank.as_ref().map(|bank| bank.level);
    assert_eq!(level, Some(100));
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut bench = Bench::off(spec().seed(seed));
        bench.known = false;
        bench.tell(|machine, now| machine.power(now, true));
        bench.pass_secs(3600);
        bench.machine.log().all().cloned().collect::<Vec<_>>()
    };

    assert_eq!(life(7), life(7));
    assert_ne!(life(7), life(8));
}

//! Cabinets on real sockets: the embedded broker, a few lines of HTTP server, and the service's
//! side played by a bare MQTT client. Every wait has a deadline.

use std::net::IpAddr;

use devices::Uplink;
use domain::eject::EjectOutcome;

use super::*;
use crate::events::Event;
use crate::faults::Fault;
use crate::layout::Layout;
use crate::timing::Timing;
use rig::{PATIENCE, Rig};

mod rig;

const OWN: &str = "860000000000017";
const OTHER: &str = "860000000000025";

fn sn(text: &str) -> Sn {
    Sn::from(text)
}

/// 8 slots, banks 1001 to 1003, answers within milliseconds.
fn spec(rig: &Rig, uuid: &str) -> Spec {
    Spec::new(uuid, rig.base_url())
        .layout(Layout::marker(&[4, 4]))
        .with_banks(["1001", "1002", "1003"])
        .timing(Timing::quick())
}

async fn online(rig: &Rig, spec: Spec) -> Cabinet {
    let cabinet = Cabinet::start(spec);
    rig.enrol(cabinet.uuid());
    cabinet.wait_online(PATIENCE).await.unwrap();
    cabinet
}

#[tokio::test]
async fn a_bank_goes_out_and_comes_back() {
    let mut rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;
    cabinet.wait_reported(PATIENCE).await.unwrap();

    rig.eject(OWN, "1002").await;
    let slot = cabinet.wait_ejected(&sn("1002"), PATIENCE).await.unwrap();
    let Uplink::Ejected(reply) = rig.uplink(OWN).await else { panic!("another frame") };
    assert_eq!((reply.sn, reply.outcome), (Some(sn("1002")), EjectOutcome::Out));
    let bank = cabinet.take(&sn("1002")).unwrap();

    let key = cabinet.insert(bank, None).unwrap();
    assert_eq!(key, slot);
    let Uplink::Returned(returned) = rig.uplink(OWN).await else { panic!("another frame") };
    assert_eq!((returned.key, returned.sn), (slot, Some(sn("1002"))));
    let call = rig.http_call("/api/rentbox/order/return").await;
    assert!(call.contains("singleSN=1002"), "{call}");
    assert_eq!(cabinet.counts().ejects, 1);
    cabinet.stop().await;
    rig.until_gone(OWN).await;
}

#[tokio::test]
async fn heartbeats_come_back_and_reach_the_service() {
    let mut rig = Rig::start().await;
    let timing = Timing::quick().heartbeats_every(Duration::from_millis(400));
    let cabinet = online(&rig, spec(&rig, OWN).timing(timing)).await;

    let Uplink::Heartbeat(_) = rig.uplink(OWN).await else { panic!("another frame") };

    let echoes = |state: &Snapshot| (state.counts.echoes >= 3).then_some(state.counts.reboots);
    assert_eq!(cabinet.wait_for("three echoes", PATIENCE, echoes).await.unwrap(), 0);
}

#[tokio::test]
async fn without_echoes_it_reboots_and_connects_anew() {
    let rig = Rig::start().await;
    let timing = Timing::quick().heartbeats_every(Duration::from_millis(50));
    let cabinet = online(&rig, spec(&rig, OWN).timing(timing)).await;
    let mut events = cabinet.events();

    cabinet.faults(|faults| faults.switches.deaf_to_echo = true);

    let reboot = |event: &Event| matches!(event, Event::Reboot { .. }).then_some(());
    events.until("a reboot", PATIENCE, reboot).await.unwrap();
    let online = |event: &Event| matches!(event, Event::Online { .. }).then_some(());
    events.until("being online again", PATIENCE, online).await.unwrap();
    assert!(cabinet.counts().connects >= 2);
}

#[tokio::test]
async fn an_unknown_cabinet_waits_until_it_is_enrolled() {
    let rig = Rig::start().await;
    let cabinet = Cabinet::start(spec(&rig, OWN));

    let refused = |state: &Snapshot| (state.counts.connects_refused >= 2).then_some(());
    cabinet.wait_for("two refusals", PATIENCE, refused).await.unwrap();
    rig.enrol(cabinet.uuid());

    cabinet.wait_online(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_rule_of_the_broker_shows() {
    let rig = Rig::start().await;
    rig.enrol(&DeviceUuid::from(OTHER));
    let mut spec = spec(&rig, OWN);
    spec.faults.switches.topics_of = Some(DeviceUuid::from(OTHER));
    rig.enrol(&spec.uuid);

    let cabinet = Cabinet::start(spec);

    let mut events = cabinet.events_from_start();
    let denied = |event: &Event| {
        let refused = matches!(event, Event::SubscribeRefused { .. });
        (refused || matches!(event, Event::Offline { .. })).then_some(())
    };
    events.until("a refusal", PATIENCE, denied).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_the_broker() {
    let rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;
    let mut events = cabinet.events();

    rig.forget(OWN).await;

    let refused = |event: &Event| matches!(event, Event::BrokerRefused { .. }).then_some(());
    events.until("a refusal", PATIENCE, refused).await.unwrap();
    rig.enrol(cabinet.uuid());
    cabinet.wait_online(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_cut_and_its_end() {
    let mut rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;

    cabinet.cut(Cut::Mqtt);
    rig.until_gone(OWN).await;
    cabinet.insert("2001", None).unwrap();
    rig.http_call("/api/rentbox/order/return").await;
    cabinet.restore();
    cabinet.wait_online(PATIENCE).await.unwrap();

    rig.command(OWN, r#"{"cmd":"check_all"}"#).await;
    let Uplink::Report(report) = rig.uplink(OWN).await else { panic!("a replayed frame") };
    assert!(report.shows(&sn("2001")));
}

#[tokio::test]
async fn power_lost_without_a_word_leaves_the_broker_in_the_dark() {
    let rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;
    cabinet.faults(|faults| faults.switches.half_open = true);

    cabinet.power(false);
    assert_eq!(cabinet.phase(), Phase::Off);
    assert!(rig.broker.is_connected(OWN));
    cabinet.power(true);

    cabinet.wait_online(PATIENCE).await.unwrap();
    assert!(rig.broker.is_connected(OWN));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_bank_out() {
    let mut rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;
    cabinet.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::EjectReply }));

    rig.eject(OWN, "1001").await;
    cabinet.wait_ejected(&sn("1001"), PATIENCE).await.unwrap();
    rig.command(OWN, r#"{"cmd":"check_all"}"#).await;

    let Uplink::Report(report) = rig.uplink(OWN).await else { panic!("an answer came") };
    assert!(!report.shows(&sn("1001")));
}

#[tokio::test]
async fn a_forger_needs_no_cabinet() {
    let mut rig = Rig::start().await;
    let cabinet = online(&rig, spec(&rig, OWN)).await;
    cabinet.cut(Cut::Both);

    let answer = cabinet.http_return(&sn("1001"), 1, None).await.unwrap();
    cabinet.http_report(cabinet.report_frame()).await.unwrap();

    assert!(answer.is_ok());
    rig.http_call("/api/rentbox/order/return").await;
    rig.http_call("/api/rentbox/client/upload").await;
}

#[tokio::test]
async fn connections_come_from_the_address_asked_for() {
    let rig = Rig::start().await;
    let source: IpAddr = [127, 0, 1, 7].into();

    let cabinet = online(&rig, Spec { source_addr: Some(source), ..spec(&rig, OWN) }).await;

    assert!(rig.callers().contains(&source), "{:?}", rig.callers());
    assert!(cabinet.is_online());
}

#[tokio::test]
async fn a_fleet_shares_one_process() {
    let rig = Rig::start().await;
    let fleet = Fleet::new();
    let uuid = |n: u32| DeviceUuid::from(format!("86000000{n:07}").as_str());

    let cabinets: Vec<Cabinet> = (0..200)
        .map(|n| {
            rig.enrol(&uuid(n));
            fleet.start(spec(&rig, uuid(n).as_str()).seed(u64::from(n)))
        })
        .collect();

    for cabinet in &cabinets {
        cabinet.wait_online(PATIENCE).await.unwrap();
    }
    assert_eq!(rig.broker.sessions().len(), cabinets.len() + 1);
}

#[tokio::test]
async fn an_error_tells_what_happened_instead() {
    let rig = Rig::start().await;
    let cabinet = Cabinet::start(spec(&rig, OWN));

    let error = cabinet.wait_online(Duration::from_millis(200)).await.unwrap_err().to_string();

    assert!(error.contains("being online") && error.contains("connect refused"), "{error}");
}

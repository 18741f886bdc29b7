//! A bank comes back while no service runs. Nobody heard it, so nobody is believed at once: a
//! fresh report decides, and the rental is billed to the last proof that the bank was out.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind};
use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{Phase, Rental, Status};
use serde_json::Value;

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::{SOON, TestNode};

on_the_embedded_broker! {
    a_return_in_our_own_outage_is_billed_to_the_last_report_without_the_bank,
    a_bank_that_is_still_out_after_our_own_outage_goes_on_being_billed,
}

const FIRST: &str = "860000000000017";
const SECOND: &str = "860000000000025";

pub async fn a_return_in_our_own_outage_is_billed_to_the_last_report_without_the_bank(
    edges: Edges,
) {
    let Scene { node, rider, rental, bank, second } = Scene::set(edges).await;
    let without = report(&node).await;
    node.clock.advance(Duration::from_mins(5));
    only_says_when_asked(&second);
    let clock = node.clock.clone();

    let node = node.again_after(async |_| {
        clock.advance(Duration::from_mins(45));
        second.insert(bank, None).unwrap();
        until_said(&second).await;
        clock.advance(Duration::from_mins(90));
    });
    let node = node.await;
    let asked = |state: &cabinet::Snapshot| (state.counts.command("check_all") > 0).then_some(());
    second.wait_for("a check", SOON, asked).await.unwrap();
    if matches!(node.edges, Edges::Mosquitto(_)) {
        until_claimed(&node, &rental).await;
    }
    assert_ne!(node.stored(rental.id).await.status(), Status::Completed, "a report decides");

    second.faults(|faults| *faults = cabinet::Faults::default());
    report(&node).await;
    let rental = node.until_status(rental.id, Status::Completed).await;

    let Phase::Completed { ended, .. } = &rental.phase else { panic!("{rental:?}") };
    assert_eq!((ended.at, ended.late.amount), (without, Money::ZERO));
    assert!((ended.learnt_at - ended.at).num_minutes() >= 140, "the interval is kept: {ended:?}");
    assert_eq!(node.wallet(rider).await, Money::rupees(450), "not a minute of ours is billed");
    let body = node.shown(rider, &format!("rentals/{}", rental.id)).await;
    let told = |name: &str| time(&body["return_interval"][name]);
    assert_eq!((told("earliest"), told("latest")), (ended.at, ended.learnt_at), "{body}");
    assert_eq!(time(&body["ended_at"]), ended.at);
    node.audit().await;
}

pub async fn a_bank_that_is_still_out_after_our_own_outage_goes_on_being_billed(edges: Edges) {
    let Scene { node, rider, rental, bank, second } = Scene::set(edges).await;
    let clock = node.clock.clone();
    clock.advance(Duration::from_mins(10));

    let node = node.again_after(async |_| clock.advance(Duration::from_mins(100))).await;
    second.upload();
    node.until_heard("CG-2").await;
    node.until_status(rental.id, Status::Overdue).await;
    second.insert(bank, None).unwrap();
    let rental = node.until_status(rental.id, Status::Completed).await;

    let Phase::Completed { ended, .. } = &rental.phase else { panic!("{rental:?}") };
    assert!(ended.late.minutes_late >= 59, "{ended:?}");
    assert!(node.wallet(rider).await < Money::rupees(360));
    node.audit().await;
}

struct Scene {
    node: TestNode,
    rider: RiderId,
    rental: Rental,
    bank: cabinet::Bank,
    second: Cabinet,
}

impl Scene {
    /// A bank that has been out for ten minutes.
    async fn set(edges: Edges) -> Scene {
        let node = TestNode::with(edges).await;
        let first = node.cabinet(FIRST, "CG-1", &["40818048"]).await;
        let second = node.cabinet(SECOND, "CG-2", &["40818060"]).await;
        let rider = node.rider(500).await;
        let rental = node.rent(rider, "CG-1").await.unwrap();
        let bank = first.take(&rental.bank).unwrap();
        std::mem::forget(first);
        node.clock.advance(Duration::from_mins(10));
        Scene { node, rider, rental, bank, second }
    }
}

/// The second cabinet is asked for a report; answers when the service had it.
async fn report(node: &TestNode) -> DateTime<Utc> {
    let id = node.view("CG-2").info.id;
    node.until_async("a report", async || {
        (node.node.stations.check(id).await == Some(true)).then_some(())
    })
    .await;
    node.node.stations.describe(id).await.unwrap().whole_at.unwrap()
}

/// Its reports are lost, and it makes no call: only its event is left.
fn only_says_when_asked(cabinet: &Cabinet) {
    cabinet.faults(|faults| {
        faults.switches.no_http_return = true;
        faults.always(Fault::Lose { frame: FrameKind::Report });
        faults.always(Fault::Lose { frame: FrameKind::HttpReport });
    });
}

/// The event has left, or was lost on its way to a broker that died with the service.
async fn until_said(cabinet: &Cabinet) {
    let lost = cabinet.counts().lost;
    let said = |state: &cabinet::Snapshot| {
        let counts = &state.counts;
        (counts.sent(FrameKind::Return) > 0 || counts.lost > lost).then_some(())
    };
    cabinet.wait_for("the event", SOON, said).await.unwrap();
}

async fn until_claimed(node: &TestNode, rental: &Rental) {
    node.until_async("a claim", async || {
        let stored = node.stored(rental.id).await;
        let [claim] = &stored.claims[..] else { return None };
        assert!(!claim.live, "{claim:?}");
        Some(())
    })
    .await;
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap_or_else(|| panic!("{value} is no time")).parse().unwrap()
}

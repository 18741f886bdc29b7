//! A rider rents a bank at one cabinet and returns it at another; and everything that can come
//! between the wish and the bank.

use std::sync::Arc;
use std::time::Duration;

use cabinet::{Fault, Spec};
use chargeghar::actors::rentals::{Error, StartError};
use chrono::TimeDelta;
use domain::ids::RiderId;
use domain::money::Money;
use domain::rental::{CancelReason, Phase, Refusal, Status};
use domain::slot::Standing;
use domain::tender::{Shortfall, Tender};

use crate::harness::app::start;
use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::TestNode;
use crate::harness::redis::Redis;

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const BANK: &str = "40818048";

on_the_embedded_broker! {
    a_rider_rents_at_one_cabinet_and_returns_at_another,
    the_start_and_the_return_of_a_rental_are_owed_to_its_rider_once,
    a_refused_eject_costs_nothing,
    cabinets_that_keep_the_ttl_eject_also_while_the_wall_is_ahead_of_the_service,
    twenty_starts_at_once_by_one_rider_are_one_rental_one_hold_and_one_eject,
    of_twenty_riders_who_want_one_bank_one_gets_it,
    a_second_start_waits_for_the_gap_between_two_ejects,
    a_slot_that_was_refilled_while_its_rental_is_out_can_be_rented_again,
    a_rider_without_enough_money_is_refused_before_anything_moves,
    a_bank_in_hand_cannot_be_cancelled_but_has_to_be_returned,
    a_cancel_during_the_eject_is_decided_by_the_eject,
    a_late_rental_falls_overdue_by_itself_and_its_fee_is_collected_at_the_return,
    the_same_bank_back_within_a_minute_is_no_rental,
    phantom_rows_never_become_slots,
}

pub async fn a_rider_rents_at_one_cabinet_and_returns_at_another(edges: Edges) {
    let node = TestNode::with(edges).await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let second = node.cabinet(OTHER, "CG-2", &["40818050"]).await;
    let rider = node.rider(500).await;

    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    assert_eq!(node.wallet(rider).await, Money::rupees(450));
    let bank = first.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(30));
    second.insert(bank, None).unwrap();
    let rental = node.until_status(rental.id, Status::Completed).await;

    assert_eq!(rental.owed, Money::ZERO);
    assert_eq!(node.wallet(rider).await, Money::rupees(450));
    node.until_banks("CG-2", 2).await;
    node.audit().await;
}

/// What was stored of a rental is told to its rider, each thing once.
pub async fn the_start_and_the_return_of_a_rental_are_owed_to_its_rider_once(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rental = node.rent(node.rider(500).await, "CG-1").await.unwrap();
    let owed = format!("select count(*) from outbox where effect::text like '%{}%'", rental.id);
    assert_eq!(node.database.number(&owed).await, 1, "that it began");

    node.clock.advance(Duration::from_mins(30));
    cabinet.insert(cabinet.take(&rental.bank).unwrap(), None).unwrap();
    node.until_status(rental.id, Status::Completed).await;

    assert_eq!(node.database.number(&owed).await, 2, "and that it is over");
    node.audit().await;
}

pub async fn a_refused_eject_costs_nothing(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(500).await;
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0xFD, out: false }));

    let rental = node.rent(rider, "CG-1").await.unwrap();

    assert_eq!(rental.status(), Status::Cancelled);
    assert_eq!(node.wallet(rider).await, Money::rupees(500));
    node.until_banks("CG-1", 1).await;
    node.audit().await;
}

/// The machine's clock was set right by a minute, and the service does not bill by it yet.
pub async fn cabinets_that_keep_the_ttl_eject_also_while_the_wall_is_ahead_of_the_service(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let world = node.clock.clone();
    let ahead = move || (world.now() + TimeDelta::minutes(1)).timestamp_millis();
    let clocked = |spec: Spec| Spec { clock: Arc::new(ahead), ..spec };
    let _cabinet = node.cabinet_like(CABINET, "CG-1", &[BANK], clocked).await;
    let rider = node.rider(500).await;
    node.clock.skew_wall(TimeDelta::minutes(1));
    node.until("the lease is renewed", || node.node.context.lease.is_held().then_some(())).await;

    let rental = node.rent(rider, "CG-1").await.unwrap();

    assert_eq!(rental.status(), Status::Active);
    node.audit().await;
}

pub async fn twenty_starts_at_once_by_one_rider_are_one_rental_one_hold_and_one_eject(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049", "40818050"]).await;
    let rider = node.rider(5000).await;

    one_of_twenty(&node, rider).await;

    assert_eq!((cabinet.counts().command("popup_sn"), cabinet.counts().ejects), (1, 1));
    node.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_starts_at_once_only_one_counts_where_the_limit_is_asked_over_a_network() {
    let Some(redis) = Redis::start() else { return };
    let node = TestNode::with_settings(|config| redis.configure(config)).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049", "40818050"]).await;

    for _ in 0..5 {
        one_of_twenty(&node, node.rider(5000).await).await;
        assert!(redis.keys().await > 0, "the limit is kept there");
        node.clock.advance(Duration::from_secs(6));
        let out = cabinet.state().tray[0].1.sn.clone();
        cabinet.insert(cabinet.take(&out).unwrap(), None).unwrap();
        node.until_banks("CG-1", 3).await;
    }

    assert_eq!(cabinet.counts().ejects, 5);
    node.audit().await;
}

/// Twenty starts of one rider at once, over HTTP: one rental and one hold, and the limit of ten
/// a minute has counted one.
async fn one_of_twenty(node: &TestNode, rider: RiderId) {
    let (app, wish) = (node.app(rider), start("CG-1"));
    let starts = (0..20).map(|_| app.post("/api/rentals/start", &wish));
    let answers = futures::future::join_all(starts).await;

    let (good, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((good.len(), busy.len()), (1, 19), "{answers:?}");
    for answer in busy {
        assert_eq!(answer.refusal(), (409, "active_rental_exists"), "{answer:?}");
    }
    assert_eq!(good[0].data()["status"], "ACTIVE");
    assert!(good[0].header("ratelimit").starts_with("\"start\";r=9;"), "{good:?}");
    assert_eq!(node.wallet(rider).await, Money::rupees(4950));
    let rentals = format!("select count(*) from rentals where rider_id = {rider}");
    assert_eq!(node.database.number(&rentals).await, 1);
    let holds = format!(
        "select count(distinct t.id) from ledger_transfers t join ledger_entries e
            on e.transfer_id = t.id where t.kind = 'hold' and e.account = 'wallet:{rider}'"
    );
    assert_eq!(node.database.number(&holds).await, 1);
}

pub async fn of_twenty_riders_who_want_one_bank_one_gets_it(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let mut riders = Vec::new();
    for _ in 0..20 {
        riders.push(node.rider(100).await);
    }

    let starts = riders.iter().map(|rider| node.rent(*rider, "CG-1"));
    let answers = futures::future::join_all(starts).await;

    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = |answer: &&Result<_, StartError>| {
        matches!(answer, Err(StartError::NoBank | StartError::SlotBusy { .. }))
    };
    assert_eq!((good, answers.iter().filter(refused).count()), (1, 19), "{answers:?}");
    assert_eq!(cabinet.counts().ejects, 1);
    node.audit().await;
}

pub async fn a_second_start_waits_for_the_gap_between_two_ejects(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    node.rent(one, "CG-1").await.unwrap();

    let second = node.rent(two, "CG-1");
    let advance = async {
        node.settle(50).await;
        assert_eq!(cabinet.counts().command("popup_sn"), 1, "the second start waits");
        node.clock.advance(Duration::from_secs(5));
    };
    let (second, ()) = tokio::join!(second, advance);

    assert_eq!(second.unwrap().status(), Status::Active);
    assert_eq!(cabinet.counts().ejects, 2);
    node.audit().await;
}

pub async fn a_slot_that_was_refilled_while_its_rental_is_out_can_be_rented_again(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    let first = node.rent(one, "CG-1").await.unwrap();
    cabinet.take(&first.bank).unwrap();

    cabinet.insert("40818099", Some(first.key)).unwrap();
    node.until_banks("CG-1", 1).await;
    node.clock.advance(Duration::from_secs(10));
    let second = node.rent(two, "CG-1").await.unwrap();

    assert_eq!((second.status(), second.key), (Status::Active, first.key));
    assert_eq!(node.stored(first.id).await.status(), Status::Active);
    node.audit().await;
}

pub async fn a_rider_without_enough_money_is_refused_before_anything_moves(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(20).await;

    let answer = node.rent(rider, "CG-1").await;

    let needed = Money::rupees(50);
    let planned = Tender::money(needed);
    let missing = Shortfall { wallet: Money::rupees(30), planned, ..Shortfall::default() };
    assert_eq!(answer, Err(StartError::Short { needed, missing }));
    assert_eq!(cabinet.counts().command("popup_sn"), 0);
    assert_eq!(node.database.number("select count(*) from rentals").await, 0);
}

pub async fn a_bank_in_hand_cannot_be_cancelled_but_has_to_be_returned(edges: Edges) {
    let node = TestNode::with(edges).await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();

    let answer = node.node.rentals.cancel(rider, rental.id, None).await;
    let stranger = node.rider(0).await;
    let stolen = node.node.rentals.cancel(stranger, rental.id, None).await;

    assert_eq!(answer, Err(Error::Refused(Refusal::NotReturned)));
    assert_eq!(stolen, Err(Error::NotFound));
}

pub async fn a_cancel_during_the_eject_is_decided_by_the_eject(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    cabinet.faults(|faults| faults.next(1, Fault::SlowEject { by_ms: 1500 }));

    let start = node.rent(rider, "CG-1");
    let cancel = async {
        let id = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
        node.until("the eject is sent", || {
            (cabinet.counts().command("popup_sn") == 1).then_some(())
        })
        .await;
        node.node.rentals.cancel(rider, id, None).await.unwrap()
    };
    let (started, wished) = tokio::join!(start, cancel);

    assert_eq!((wished.status(), wished.cancel_requested), (Status::PendingPopup, true));
    assert_eq!(started.unwrap().status(), Status::Active);
    node.audit().await;
}

pub async fn a_late_rental_falls_overdue_by_itself_and_its_fee_is_collected_at_the_return(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();

    node.clock.advance(Duration::from_secs(60 * 60 + 1));
    node.until_status(rental.id, Status::Overdue).await;
    node.clock.advance(Duration::from_mins(62));
    cabinet.insert(bank, None).unwrap();
    let rental = node.until_status(rental.id, Status::Completed).await;

    assert_eq!(rental.late_charge(node.clock.now()).amount, Money::rupees(100));
    assert_eq!((node.wallet(rider).await, rental.owed), (Money::ZERO, Money::rupees(50)));
    let again = node.rent(rider, "CG-1").await;
    assert_eq!(again, Err(StartError::UnpaidDues { amount: Money::rupees(50) }));
    node.audit().await;
}

pub async fn the_same_bank_back_within_a_minute_is_no_rental(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();

    node.clock.advance(Duration::from_secs(15));
    cabinet.insert(bank, None).unwrap();
    let rental = node.until_status(rental.id, Status::Cancelled).await;

    let at_once =
        Phase::Cancelled { reason: CancelReason::ReturnedAtOnce, at: rental_end(&rental.phase) };
    assert_eq!(rental.phase, at_once);
    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    node.until_banks("CG-1", 1).await;
    node.audit().await;
}

pub async fn phantom_rows_never_become_slots(edges: Edges) {
    let node = TestNode::with(edges).await;
    let layout = cabinet::Layout::marker(&[4, 4]).with_phantoms(3);
    node.cabinet_like(CABINET, "CG-1", &[BANK], |spec| spec.layout(layout)).await;

    let view = node.view("CG-1");

    assert_eq!(view.slots.len(), 8);
    assert!(view.slots.iter().all(|slot| slot.standing != Standing::Faulted));
}

fn rental_end(phase: &Phase) -> chrono::DateTime<chrono::Utc> {
    let Phase::Cancelled { at, .. } = phase else { panic!("{phase:?}") };
    *at
}

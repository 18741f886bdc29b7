//! A bank comes back: by each of the ways a cabinet can say so, by all of them, and by lies.

use std::time::Duration;

use cabinet::{Cabinet, Cut, Fault, FrameKind};
use devices::a8::build::{BoardGroup, BoardRow, SlotRow, report};
use domain::ids::{RiderId, SlotKey};
use domain::money::Money;
use domain::rental::{Phase, Rental, Status};
use domain::returns::Source;

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::{TestNode, wish};

pub mod doubted;
mod orders;

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const BANK: &str = "40818048";

on_the_embedded_broker! {
    the_event_alone_closes_a_rental,
    an_http_return_alone_is_confirmed_by_a_check_and_counts_from_its_own_time,
    an_inspection_alone_closes_a_rental,
    a_report_over_http_alone_is_confirmed_by_a_check,
    all_ways_at_once_and_again_close_it_once,
    a_forged_http_return_closes_nothing,
    a_forged_http_report_closes_nothing_and_moves_no_bank,
    a_duplicate_event_after_the_bank_is_rented_again_does_not_close_the_new_rental,
    a_return_while_the_cabinet_was_offline_is_billed_to_the_last_report_without_it,
    a_bank_without_a_rental_moves_inventory_and_no_money,
    a_frame_with_a_bad_checksum_changes_nothing,
}

struct Out {
    node: TestNode,
    other: Cabinet,
    rider: RiderId,
    rental: Rental,
    bank: cabinet::Bank,
}

pub async fn the_event_alone_closes_a_rental(edges: Edges) {
    let out = out(edges).await;
    out.other.faults(|faults| faults.switches.no_http_return = true);

    out.other.insert(out.bank.clone(), None).unwrap();

    assert_eq!(out.completed().await, Source::Event);
}

pub async fn an_http_return_alone_is_confirmed_by_a_check_and_counts_from_its_own_time(
    edges: Edges,
) {
    let out = out(edges).await;
    out.other.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::Return }));

    out.other.insert(out.bank.clone(), None).unwrap();

    assert_eq!(out.completed().await, Source::HttpReturn);
}

pub async fn an_inspection_alone_closes_a_rental(edges: Edges) {
    let out = out(edges).await;
    out.other.faults(|faults| {
        faults.switches.no_http_return = true;
        faults.next(1, Fault::Lose { frame: FrameKind::Return });
        faults.next(1, Fault::Lose { frame: FrameKind::HttpReport });
    });

    let key = out.other.insert(out.bank.clone(), None).unwrap();
    out.other.self_check(key);

    assert_eq!(out.completed().await, Source::Inspection);
}

pub async fn a_report_over_http_alone_is_confirmed_by_a_check(edges: Edges) {
    let out = out(edges).await;
    out.other.faults(|faults| {
        faults.switches.no_http_return = true;
        faults.next(1, Fault::Lose { frame: FrameKind::Return });
    });

    out.other.insert(out.bank.clone(), None).unwrap();
    out.other.upload();

    // the check that it causes proves it, and its own time counts
    assert_eq!(out.completed().await, Source::HttpReport);
}

pub async fn all_ways_at_once_and_again_close_it_once(edges: Edges) {
    let out = out(edges).await;

    let key = out.other.insert(out.bank.clone(), None).unwrap();
    out.other.self_check(key);
    out.other.upload();
    for _ in 0..5 {
        out.other.replay(FrameKind::Return);
    }

    out.completed().await;
    out.node.settle(20).await;
    let closed = "select count(*) from rental_events where event->>'type' = 'returned'";
    assert_eq!(out.node.database.number(closed).await, 1);
    out.node.audit().await;
}

pub async fn a_forged_http_return_closes_nothing(edges: Edges) {
    let out = out(edges).await;

    out.other.http_return(&out.rental.bank, 3, Some(50)).await.unwrap();
    out.node.settle(50).await;

    assert_eq!(out.node.stored(out.rental.id).await.status(), Status::Active);
    assert_eq!(out.custody().await, "rental");
    let denied = "select count(*) from rental_events where event->>'type' = 'claims_denied'";
    assert_eq!(out.node.database.number(denied).await, 1);
}

pub async fn a_forged_http_report_closes_nothing_and_moves_no_bank(edges: Edges) {
    let out = out(edges).await;
    let sn: u32 = BANK.parse().unwrap();
    let rows = |first: u8| (first..first + 4).map(SlotRow::empty).collect::<Vec<_>>();
    let mut with_bank = rows(5);
    with_bank[0] = SlotRow::with_bank(5, sn, 80);
    let groups = [
        BoardGroup { board: BoardRow::fitted(1), slots: rows(1) },
        BoardGroup { board: BoardRow::fitted(2), slots: with_bank },
    ];

    let forged = report(devices::Layout::Marker, &groups);
    out.other.http_report(forged).await.unwrap();
    out.node.settle(50).await;

    assert_eq!(out.node.stored(out.rental.id).await.status(), Status::Active);
    assert_eq!(out.custody().await, "rental");
    assert_eq!(out.node.view("CG-2").banks, 1);
}

pub async fn a_duplicate_event_after_the_bank_is_rented_again_does_not_close_the_new_rental(
    edges: Edges,
) {
    let out = out(edges).await;
    out.other.insert(out.bank.clone(), None).unwrap();
    out.completed().await;
    let second = out.node.rider(100).await;
    out.node.until_banks("CG-2", 2).await;
    let mut wish = wish(second, "CG-2");
    wish.bank = Some(out.rental.bank.clone());
    let again = out.node.node.rentals.start(wish).await.unwrap();
    out.other.take(&again.bank).unwrap();
    out.node.clock.advance(Duration::from_mins(5));

    assert!(out.other.replay(FrameKind::Return));
    out.node.settle(50).await;

    assert_eq!(out.node.stored(again.id).await.status(), Status::Active);
    out.node.audit().await;
}

pub async fn a_return_while_the_cabinet_was_offline_is_billed_to_the_last_report_without_it(
    edges: Edges,
) {
    let out = out(edges).await;
    out.other.cut(Cut::Both);
    out.node.clock.advance(Duration::from_hours(1));
    out.node.until_reachable("CG-2", false).await;
    out.other.insert(out.bank.clone(), None).unwrap();
    out.node.settle(10).await;
    out.node.clock.advance(Duration::from_hours(2));
    out.other.restore();

    out.completed().await;

    let Phase::Completed { since, ended, .. } = out.node.stored(out.rental.id).await.phase else {
        panic!("not completed")
    };
    assert!((ended.at - since).num_minutes() <= 11, "billed {}", ended.at - since);
    assert!((ended.learnt_at - ended.at).num_minutes() >= 170, "the interval is kept");
    assert_eq!(ended.late.amount, Money::ZERO);
}

pub async fn a_bank_without_a_rental_moves_inventory_and_no_money(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;

    cabinet.insert("40818077", Some(SlotKey::new(0, 8))).unwrap();
    node.until_banks("CG-1", 2).await;

    let custody = "select custody from banks where sn = '40818077'";
    assert_eq!(node.database.text(custody).await, "slot");
    assert_eq!(node.database.number("select count(*) from ledger_transfers").await, 0);
}

pub async fn a_frame_with_a_bad_checksum_changes_nothing(edges: Edges) {
    let out = out(edges).await;
    out.other.faults(|faults| {
        faults.switches.no_http_return = true;
        faults.next(1, Fault::Corrupt { frame: FrameKind::Return });
    });

    out.other.insert(out.bank.clone(), None).unwrap();
    out.node.settle(30).await;

    assert_eq!(out.node.stored(out.rental.id).await.status(), Status::Active);
}

/// A bank that has been out for ten minutes, and another cabinet to return it to.
async fn out(edges: Edges) -> Out {
    let node = TestNode::with(edges).await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let other = node.cabinet(OTHER, "CG-2", &["40818060"]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    assert_eq!(rental.status(), Status::Active);
    let bank = first.take(&rental.bank).unwrap();
    std::mem::forget(first);
    node.clock.advance(Duration::from_mins(10));
    Out { node, other, rider, rental, bank }
}

impl Out {
    async fn completed(&self) -> Source {
        let rental = self.node.until_status(self.rental.id, Status::Completed).await;
        assert_eq!(self.node.wallet(self.rider).await, Money::rupees(450));
        self.node.audit().await;
        let store = &self.node.node.context.store;
        let documents = store.documents(self.rider, self.rental.id).await.unwrap();
        assert_eq!(documents.len(), 1, "one invoice for one rental");
        assert_eq!(documents[0].vat.to_string(), "5.75");
        let Phase::Completed { ended, .. } = rental.phase else { panic!("{rental:?}") };
        ended.source
    }

    async fn custody(&self) -> String {
        self.node.database.text(&format!("select custody from banks where sn = '{BANK}'")).await
    }
}

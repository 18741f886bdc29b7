//! What is billed when nobody can say when a bank came back: no minute more than is proved.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind};
use chargeghar::actors::station::Inbound;
use chargeghar::store::fact::{Channel, RawFrame};
use chrono::{DateTime, Utc};
use devices::Codec;
use devices::a8::A8;
use devices::a8::build::{BoardGroup, BoardRow, ReturnForm, SlotRow, report, returned};
use domain::ids::SlotKey;
use domain::rental::{Ended, Phase, Rental, Status};

use crate::harness::handed::Heard;
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const BANK: &str = "40818048";

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_waited_at_the_broker_is_billed_to_the_last_report_without_the_bank() {
    let out = out().await;
    let without = out.report().await;
    out.node.clock.advance(Duration::from_mins(30));
    out.comes_back_unheard();

    out.backlog(event(), DateTime::UNIX_EPOCH).await;

    let ended = out.ended().await;
    assert_eq!(ended.at, without);
    assert!((ended.learnt_at - ended.at).num_minutes() >= 30, "the interval is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_report_without_the_bank_does_not_undo_a_newer_one() {
    let out = out().await;
    let without = out.report().await;
    out.node.clock.advance(Duration::from_mins(30));

    out.backlog(out.other.report_frame(), DateTime::UNIX_EPOCH).await;

    assert_eq!(out.whole_at().await, Some(without));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_shows_a_rented_bank_is_no_bound_for_its_return() {
    let out = out().await;
    let without = out.report().await;
    out.node.clock.advance(Duration::from_mins(30));
    out.other.faults(|faults| faults.next(9, Fault::Lose { frame: FrameKind::Report }));
    out.comes_back_unheard();
    let sent = out.node.clock.now();

    out.backlog(out.other.report_frame(), sent).await;

    assert_eq!(out.whole_at().await, Some(without), "the claim may not be written yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_cannot_be_read_may_hide_a_bank_that_came_back() {
    let out = out().await;
    let without = out.report().await;
    for _ in 0..2 {
        out.node.clock.advance(Duration::from_mins(20));
        let heard = Heard::at(out.node.clock.now());
        out.node.hand_over(&out.other, "CG-2", out.one_slot_unread(), heard).await;
        assert_eq!(out.whole_at().await, Some(without), "the bank may be in it");
    }
    out.node.clock.advance(Duration::from_mins(20));

    out.comes_back_unheard();
    let id = out.node.view("CG-2").info.id;
    assert_eq!(out.node.node.stations.check(id).await, Some(true));

    let ended = out.ended().await;
    assert_eq!(ended.at, without);
    assert!((ended.learnt_at - ended.at).num_minutes() >= 60, "the interval is kept");
}

struct Out {
    node: TestNode,
    other: Cabinet,
    rental: Rental,
    bank: cabinet::Bank,
}

/// A bank that has been out for ten minutes, and another cabinet to return it to.
async fn out() -> Out {
    let node = TestNode::start().await;
    let first = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let other = node.cabinet(OTHER, "CG-2", &["40818060"]).await;
    let rider = node.rider(500).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = first.take(&rental.bank).unwrap();
    std::mem::forget(first);
    node.clock.advance(Duration::from_mins(10));
    Out { node, other, rental, bank }
}

/// The bank is put into slot 5.
fn event() -> Vec<u8> {
    let form = ReturnForm::Full { bank_version: 1, level: 60 };
    returned(2, 5, 0, BANK.parse().unwrap(), 1, form)
}

impl Out {
    /// The other cabinet reports; answers when.
    async fn report(&self) -> DateTime<Utc> {
        let before = self.node.clock.now();
        let id = self.node.view("CG-2").info.id;
        assert_eq!(self.node.node.stations.check(id).await, Some(true));
        let whole_at = self.whole_at().await.unwrap();
        assert!(whole_at >= before);
        whole_at
    }

    async fn whole_at(&self) -> Option<DateTime<Utc>> {
        let id = self.node.view("CG-2").info.id;
        self.node.node.stations.describe(id).await.unwrap().whole_at
    }

    /// A whole report of the other cabinet: slot 5 has a fault and names no bank.
    fn one_slot_unread(&self) -> Vec<u8> {
        let banks = self.node.node.context.banks.at(self.node.view("CG-2").info.id);
        let row = |slot: u8| match banks.get(&SlotKey::new(0, slot.into())) {
            Some(sn) => SlotRow::with_bank(slot, sn.0.parse().unwrap(), 90),
            None if slot == 5 => SlotRow { state: 0x04, ..SlotRow::empty(slot) },
            None => SlotRow::empty(slot),
        };
        let boards = [(1, 1..=4), (2, 5..=8)].map(|(address, slots)| BoardGroup {
            board: BoardRow::fitted(address),
            slots: slots.map(row).collect(),
        });
        report(devices::Layout::Marker, &boards)
    }

    fn comes_back_unheard(&self) {
        self.other.faults(|faults| {
            faults.switches.no_http_return = true;
            faults.next(1, Fault::Lose { frame: FrameKind::Return });
        });
        self.other.insert(self.bank.clone(), Some(SlotKey::new(0, 5))).unwrap();
    }

    /// The broker hands over what the other cabinet sent some time after `earliest`.
    async fn backlog(&self, bytes: Vec<u8>, earliest: DateTime<Utc>) {
        let info = self.node.view("CG-2").info.clone();
        let at = self.node.clock.now();
        let uplink = A8::default().decode(&bytes).unwrap();
        let (device, channel, kind) = (info.uuid.clone(), Channel::Mqtt, uplink.kind());
        let raw = RawFrame { at, device, channel, kind, bytes };
        let inbound = Inbound { uplink, raw, at, live: false, earliest, ack: None };
        self.node.node.stations.uplink(info.id, inbound).await.unwrap();
    }

    async fn ended(&self) -> Ended {
        let rental = self.node.until_status(self.rental.id, Status::Completed).await;
        self.node.audit().await;
        let Phase::Completed { ended, .. } = rental.phase else { panic!("{rental:?}") };
        ended
    }
}

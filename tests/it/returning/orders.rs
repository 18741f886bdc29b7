//! A cabinet says that a bank is back in four ways, in any order, and each of them may come
//! again: whatever comes when, the rental ends once, at the earliest sign that was confirmed.

use std::time::Duration;

use cabinet::{Cabinet, Fault, FrameKind, Layout, Spec};
use chargeghar::actors::station::Described;
use chrono::{DateTime, TimeDelta, Utc};
use devices::a8::build::{self, ReturnForm};
use domain::ids::{RiderId, SlotKey, StationId};
use domain::money::Money;
use domain::rental::{Phase, Rental, Status};
use domain::returns::Source;

use crate::harness::handed::Heard;
use crate::harness::node::{TestNode, wish};

const LEFT: &str = "860000000000017";
/// Several, as the broker takes so many frames a second of one cabinet and no more.
const RIGHT: [(&str, &str); 4] = [
    ("860000000000025", "CG-2"),
    ("860000000000033", "CG-3"),
    ("860000000000041", "CG-4"),
    ("860000000000058", "CG-5"),
];
const FIRST_BANK: u32 = 40_820_000;
/// Between two ways of one return.
const GAP: TimeDelta = TimeDelta::minutes(10);
/// Boards of eight slots: room for a bank of each order.
const BOARDS: [u16; 9] = [8; 9];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Event,
    /// The event as a broker hands it over that had kept it for us.
    QueuedEvent,
    Inspection,
    Report,
    HttpReturn,
    HttpReport,
}

/// What a cabinet sends about one return: each set in all its orders.
const SETS: [[Way; 4]; 3] = [
    [Way::Event, Way::Inspection, Way::Report, Way::HttpReturn],
    [Way::Event, Way::Inspection, Way::Report, Way::HttpReport],
    [Way::QueuedEvent, Way::Inspection, Way::Report, Way::HttpReturn],
];

#[tokio::test(flavor = "multi_thread")]
async fn in_whatever_order_the_four_ways_come_a_rental_ends_once_at_its_earliest_confirmed_sign() {
    let scene = Scene::set().await;
    let orders: Vec<Vec<Way>> = SETS.iter().flat_map(|ways| orders(ways)).collect();

    for ((bank, order), right) in (FIRST_BANK..).zip(&orders).zip(scene.rights.iter().cycle()) {
        scene.play(bank, order, right).await;
    }

    scene.node.settle(20).await;
    let closed = "select count(*) from rental_events where event->>'type' = 'returned'";
    assert_eq!(scene.node.database.number(closed).await, 72);
    let paid = "select count(*) from ledger_transfers where kind = 'charge_late_fee'";
    let late = orders.iter().filter(|order| !promise(order).2.is_zero()).count();
    assert_eq!(scene.node.database.number(paid).await, i64::try_from(late).unwrap());
    let strange = "select count(*) from incidents where kind <> 'layout_changed'";
    assert_eq!(scene.node.database.number(strange).await, 0);
    scene.node.audit().await;
}

/// The way whose time counts, how long after the return it was told and, an hour's package being
/// over by then, the late fee: the return was 7 minutes after the due time, and a sign that is
/// bound by a report counts from 5 minutes before it. An insertion that is heard live says that
/// the bank was out until then, whatever anybody said before.
fn promise(order: &[Way]) -> (Way, TimeDelta, Money) {
    let proof = order.iter().position(|way| way.closes()).unwrap();
    let stands = |way: &&Way| order[proof] != Way::Event || way.source().is_trusted();
    let claims: Vec<Way> = order[..proof].iter().filter(stands).copied().collect();
    let bounded = claims.iter().find(|way| way.is_bounded_by_the_last_report());
    let first = *bounded.or(claims.first()).unwrap_or(&order[proof]);
    if first.is_bounded_by_the_last_report() {
        return (first, TimeDelta::zero(), Money::ZERO);
    }
    let gaps = order.iter().position(|way| *way == first).unwrap();
    let fee = ["8.33", "25.00", "41.67", "58.33"][gaps].parse().unwrap();
    (first, GAP * i32::try_from(gaps).unwrap(), Money::rounded(fee).unwrap())
}

impl Way {
    fn closes(self) -> bool {
        matches!(self, Way::Event | Way::Inspection | Way::Report)
    }

    /// It tells that the bank is there, not since when.
    fn is_bounded_by_the_last_report(self) -> bool {
        matches!(self, Way::QueuedEvent | Way::Report | Way::HttpReport)
    }

    fn source(self) -> Source {
        match self {
            Way::Event | Way::QueuedEvent => Source::Event,
            Way::Inspection => Source::Inspection,
            Way::Report => Source::Report,
            Way::HttpReturn => Source::HttpReturn,
            Way::HttpReport => Source::HttpReport,
        }
    }
}

struct Scene {
    node: TestNode,
    left: Cabinet,
    rights: Vec<Right>,
}

struct Right {
    serial: &'static str,
    cabinet: Cabinet,
    id: StationId,
}

impl Scene {
    /// A full cabinet, and empty ones that say nothing by themselves.
    async fn set() -> Scene {
        let node = TestNode::start().await;
        let banks: Vec<String> = (FIRST_BANK..).take(72).map(|sn| sn.to_string()).collect();
        let banks: Vec<&str> = banks.iter().map(String::as_str).collect();
        let large = |spec: Spec| spec.layout(Layout::marker(&BOARDS));
        let full = |spec: Spec| large(spec).with_banks(banks[8..].iter().copied());
        let left = node.cabinet_like(LEFT, "CG-1", &banks, full).await;
        let mut rights = Vec::new();
        for (uuid, serial) in RIGHT {
            let cabinet = node.cabinet_like(uuid, serial, &[], large).await;
            cabinet.faults(|faults| {
                faults.switches.no_http_return = true;
                for frame in [FrameKind::Return, FrameKind::Report, FrameKind::HttpReport] {
                    faults.always(Fault::Lose { frame });
                }
            });
            let id = node.view(serial).info.id;
            rights.push(Right { serial, cabinet, id });
        }
        Scene { node, left, rights }
    }

    async fn play(&self, bank: u32, order: &[Way], right: &Right) {
        let (rider, rental) = self.rent(bank).await;
        let since = rental.since().unwrap();
        self.advance(TimeDelta::minutes(55));
        let reports_at = self.node.clock.now();
        right.send(right.cabinet.report_frame());
        let absent_at = self.until_heard(right, reports_at).await.whole_at.unwrap();
        assert!(absent_at >= reports_at);
        self.advance(TimeDelta::minutes(12));
        self.node.until_status(rental.id, Status::Overdue).await;
        let key = right.cabinet.insert(self.left.take(&rental.bank).unwrap(), None).unwrap();

        let told_at = self.node.clock.now();
        let mut is_open = true;
        for way in order {
            for _ in 0..2 {
                self.tell(right, *way, bank, key, absent_at).await;
            }
            if is_open && way.closes() {
                self.node.until_status(rental.id, Status::Completed).await;
                is_open = false;
            }
            self.advance(GAP);
        }
        let closed = self.node.stored(rental.id).await;
        for way in order.iter().chain([&Way::QueuedEvent]) {
            self.tell(right, *way, bank, key, told_at).await;
        }
        self.advance(TimeDelta::seconds(1));
        let beats_at = self.node.clock.now();
        right.send(build::heartbeat(1, devices::Signal::Csq(27), 0));
        self.until_heard(right, beats_at).await;

        let (first, after, fee) = promise(order);
        let bounded = first.is_bounded_by_the_last_report();
        let Phase::Completed { ended, .. } = &closed.phase else { panic!("{order:?}: {closed:?}") };
        let told = told_at + after..=told_at + after + TimeDelta::minutes(1);
        let counts = if bounded { absent_at..=absent_at } else { told };
        assert!(counts.contains(&ended.at), "{order:?}: {ended:?}, not {counts:?}");
        assert_eq!((ended.source, ended.late.amount), (first.source(), fee), "{order:?}");
        assert_eq!((ended.station, ended.at > since), (right.id, true), "{order:?}");
        assert_eq!(self.node.stored(rental.id).await, closed, "{order:?}: it ended once");
        let left = Money::rupees(450).minus(fee);
        assert_eq!(self.node.wallet(rider).await, left, "{order:?}");
        let custody = format!("select custody || slot from banks where sn = '{bank}'");
        let there = format!("slot{}", key.slot);
        assert_eq!(self.node.database.text(&custody).await, there, "{order:?}");
    }

    async fn rent(&self, bank: u32) -> (RiderId, Rental) {
        self.advance(TimeDelta::seconds(6));
        let rider = self.node.rider(500).await;
        let mut wish = wish(rider, "CG-1");
        wish.bank = Some(bank.to_string().as_str().into());
        let rental = self.node.node.rentals.start(wish).await.unwrap();
        assert_eq!(rental.status(), Status::Active);
        (rider, rental)
    }

    async fn tell(
        &self,
        right: &Right,
        way: Way,
        bank: u32,
        key: SlotKey,
        earliest: DateTime<Utc>,
    ) {
        let cabinet = &right.cabinet;
        let event = || {
            let form = ReturnForm::Full { bank_version: 0x19, level: 40 };
            build::returned(1, u8::try_from(key.slot).unwrap(), 0x49, bank, 0x01, form)
        };
        match way {
            Way::Event => right.send(event()),
            Way::QueuedEvent => {
                let heard = Heard::kept(earliest, self.node.clock.now());
                self.node.hand_over(cabinet, right.serial, event(), heard).await;
            }
            Way::Inspection => cabinet.self_check(key),
            Way::Report => right.send(cabinet.report_frame()),
            Way::HttpReturn => {
                let sn = bank.to_string().as_str().into();
                let answer = cabinet.http_return(&sn, key.slot, Some(40)).await.unwrap();
                assert!(answer.is_ok(), "{answer:?}");
            }
            Way::HttpReport => {
                let answer = cabinet.http_report(cabinet.report_frame()).await.unwrap();
                assert!(answer.is_ok(), "{answer:?}");
            }
        }
    }

    fn advance(&self, by: TimeDelta) {
        self.node.clock.advance(by.to_std().unwrap_or(Duration::ZERO));
    }

    /// Waits until the station has heard what was sent at this instant, and so everything before.
    async fn until_heard(&self, right: &Right, at: DateTime<Utc>) -> Described {
        self.node
            .until_async("the cabinet is heard", async || {
                let described = self.node.node.stations.describe(right.id).await?;
                (described.heard_at >= Some(at)).then_some(described)
            })
            .await
    }
}

impl Right {
    fn send(&self, frame: Vec<u8>) {
        self.cabinet.send_raw(self.cabinet.topic("update"), frame);
    }
}

fn orders(ways: &[Way]) -> Vec<Vec<Way>> {
    if ways.is_empty() {
        return vec![vec![]];
    }
    let starting_with = |first: usize| {
        let mut rest = ways.to_vec();
        let first = rest.remove(first);
        orders(&rest).into_iter().map(move |order| [vec![first], order].concat())
    };
    (0..ways.len()).flat_map(starting_with).collect()
}

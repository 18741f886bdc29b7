//! Riders who owe: a rental that came back three hours late to an empty wallet.

use chargeghar::store::Store;
use chargeghar::store::fact::{Fact, RentalWrite};
use chrono::{DateTime, TimeDelta, Utc};
use domain::bank::Fingerprint;
use domain::ids::{RentalId, RiderId, SlotKey, StationId};
use domain::ledger::Movement;
use domain::points::Points;
use domain::rental::{self, Command, Event, Facts, Rental, Terms, decide, evolve};
use domain::returns::{Claim, Source};
use domain::tender::Funds;

use crate::harness::node::TestNode;
use crate::harness::rental::dispensing;

/// The fee of three hours: the most of a day.
pub const OWED: &str = "100.00";

/// Where facts are written, and when.
type Place<'a> = (&'a Store, DateTime<Utc>);

pub struct Debtor {
    pub rider: RiderId,
    pub rental: RentalId,
}

impl Debtor {
    /// With so many rupees and points to pay it with.
    pub async fn with(node: &TestNode, rupees: i64, points: u32) -> Debtor {
        let rental = back_late(node, rented(node).await).await;
        let rider = rental.rider;
        node.top_up(rider, rupees).await;
        give_points(node, rider, points).await;
        Debtor { rider, rental: rental.id }
    }

    pub fn path(&self) -> String {
        path(self.rental)
    }
}

/// Where the app pays what is owed for a rental.
pub fn path(rental: RentalId) -> String {
    format!("/api/rentals/{rental}/pay-due")
}

/// A rider with an empty wallet who owes as much for each of so many rentals.
pub async fn debts(node: &TestNode, count: usize) -> (RiderId, Vec<RentalId>) {
    let first = back_late(node, rented(node).await).await;
    let mut rentals = vec![first.id];
    while rentals.len() < count {
        node.top_up(first.rider, 50).await;
        let out = taken_out(node, first.rider, first.station).await;
        rentals.push(back_late(node, out).await.id);
    }
    (first.rider, rentals)
}

async fn back_late(node: &TestNode, out: Rental) -> Rental {
    back_late_in(&node.node.context.store, node.clock.now(), out, 2).await
}

/// A rental that is out, as its actor would write it when its bank is back so late.
pub async fn back_late_in(store: &Store, now: DateTime<Utc>, out: Rental, version: i32) -> Rental {
    let back = claim(out.station, out.created_at + TimeDelta::seconds(14_403));
    let rental = then((store, now), out, version, &Command::Return(back)).await;
    assert_eq!(rental.owed.to_string(), OWED);
    rental
}

/// A rental whose bank is out, as the database alone has it: the node has no actor of it.
pub async fn rented(node: &TestNode) -> Rental {
    let station = node.enrol("860000000000033", "CG-9", 2).await;
    let rider = node.rider(50).await;
    taken_out(node, rider, station).await
}

async fn taken_out(node: &TestNode, rider: RiderId, station: StationId) -> Rental {
    let (slot, bank) = (SlotKey::new(0, 1), "40818077");
    let rental = dispensing(rider, station, slot, bank, node.clock.now());
    let first = Event::Started { rental: Box::new(rental.clone()) };
    let place = (&node.node.context.store, node.clock.now());
    commit(place, &rental, None, rental.clone(), first).await;
    let at = rental.created_at + TimeDelta::seconds(3);
    then(place, rental, 1, &Command::Settle(domain::eject::Settlement::Out { at })).await
}

async fn then(place: Place<'_>, rental: Rental, version: i32, command: &Command) -> Rental {
    let event = decide(&rental, command, &facts(rental.created_at)).unwrap().remove(0);
    let after = evolve(rental.clone(), &event);
    commit(place, &rental, Some(version), after.clone(), event).await;
    after
}

pub async fn give_points(node: &TestNode, rider: RiderId, points: u32) {
    let mut fact = Fact::at(node.clock.now());
    fact.movements = vec![Movement::PointsEarned { rider, points: Points(points) }];
    node.node.context.store.commit(fact).await.unwrap();
}

async fn commit(
    (store, now): Place<'_>,
    was: &Rental,
    before: Option<i32>,
    after: Rental,
    event: Event,
) {
    let mut fact = Fact::at(now);
    fact.movements = rental::movements(was, &event);
    let (settle_until, events) = (was.created_at, vec![event]);
    fact.rental = Some(RentalWrite { before, after, events, settle_until });
    store.commit(fact).await.unwrap();
}

fn facts(now: DateTime<Utc>) -> Facts<'static> {
    let (funds, terms) = (Funds::default(), Terms::default());
    Facts { now, published: true, funds, engaged: false, carried: false, used: &[], terms }
}

fn claim(station: StationId, at: DateTime<Utc>) -> Claim {
    Claim {
        station,
        key: Some(SlotKey::new(0, 1)),
        source: Source::Event,
        at,
        earliest: at,
        live: true,
        frame: Some(Fingerprint(7)),
        level: Some(40),
    }
}

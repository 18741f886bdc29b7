//! Riders who owe: a rental that came back three hours late to an empty wallet.

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

pub struct Debtor {
    pub rider: RiderId,
    pub rental: RentalId,
}

impl Debtor {
    /// With so many rupees and points to pay it with.
    pub async fn with(node: &TestNode, rupees: i64, points: u32) -> Debtor {
        let out = rented(node).await;
        let (rider, start) = (out.rider, out.created_at);
        let back = Command::Return(claim(out.station, start + TimeDelta::seconds(14_403)));
        let rental = then(node, out, 2, &back).await;
        assert_eq!(rental.owed.to_string(), OWED);
        node.top_up(rider, rupees).await;
        give_points(node, rider, points).await;
        Debtor { rider, rental: rental.id }
    }

    pub fn path(&self) -> String {
        format!("/api/rentals/{}/pay-due", self.rental)
    }
}

/// A rental whose bank is out, as the database alone has it: the node has no actor of it.
pub async fn rented(node: &TestNode) -> Rental {
    let station = node.enrol("860000000000033", "CG-9", 2).await;
    let rider = node.rider(50).await;
    let (slot, bank) = (SlotKey::new(0, 1), "40818077");
    let rental = dispensing(rider, station, slot, bank, node.clock.now());
    let first = Event::Started { rental: Box::new(rental.clone()) };
    commit(node, &rental, None, rental.clone(), first).await;
    let at = rental.created_at + TimeDelta::seconds(3);
    then(node, rental, 1, &Command::Settle(domain::eject::Settlement::Out { at })).await
}

async fn then(node: &TestNode, rental: Rental, version: i32, command: &Command) -> Rental {
    let event = decide(&rental, command, &facts(rental.created_at)).unwrap().remove(0);
    let after = evolve(rental.clone(), &event);
    commit(node, &rental, Some(version), after.clone(), event).await;
    after
}

pub async fn give_points(node: &TestNode, rider: RiderId, points: u32) {
    let mut fact = Fact::at(node.clock.now());
    fact.movements = vec![Movement::PointsEarned { rider, points: Points(points) }];
    node.node.context.store.commit(fact).await.unwrap();
}

async fn commit(node: &TestNode, was: &Rental, before: Option<i32>, after: Rental, event: Event) {
    let mut fact = Fact::at(node.clock.now());
    fact.movements = rental::movements(was, &event);
    let (settle_until, events) = (was.created_at, vec![event]);
    fact.rental = Some(RentalWrite { before, after, events, settle_until });
    node.node.context.store.commit(fact).await.unwrap();
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

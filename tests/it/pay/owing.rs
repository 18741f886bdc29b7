//! Riders who owe: a rental that came back three hours late to an empty wallet.

use chargeghar::store::fact::{Fact, RentalWrite};
use chrono::{DateTime, TimeDelta, Utc};
use domain::bank::Fingerprint;
use domain::ids::{CommandId, PackageId, RentalId, RiderId, SlotKey, StationId};
use domain::ledger::Movement;
use domain::money::Money;
use domain::points::Points;
use domain::rental::{self, Command, Event, Facts, Phase, Rental, Terms, decide, evolve};
use domain::returns::{Claim, Source};
use domain::tariff::{LateFee, Package, PackageKind, PaymentModel};
use domain::tender::{Funds, Spent};
use uuid::Uuid;

use crate::harness::node::TestNode;

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
    let rental = dispensing(rider, station, node.clock.now());
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

fn dispensing(rider: RiderId, station: StationId, at: DateTime<Utc>) -> Rental {
    let price = Money::rupees(50);
    Rental {
        id: RentalId(Uuid::from_u128(77)),
        code: "OWED1234".into(),
        rider,
        station,
        key: SlotKey::new(0, 1),
        bank: "40818077".into(),
        package: Package {
            id: PackageId(Uuid::nil()),
            name: "1 hour".into(),
            minutes: 60,
            price,
            kind: PackageKind::Hourly,
            model: PaymentModel::Prepaid,
        },
        late_fee: LateFee::standard(),
        command: CommandId(Uuid::from_u128(78)),
        created_at: at,
        publish_before: at,
        start_level: Some(90),
        cancel_requested: false,
        unassigned: false,
        claims: vec![],
        held: price,
        paid: Money::ZERO,
        owed: Money::ZERO,
        written_off: Money::ZERO,
        by_points: Spent::default(),
        phase: Phase::Dispensing,
    }
}

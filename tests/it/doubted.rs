//! Ejects whose rental and station do not know the same of them, and ejects for service: the
//! lane out of a cabinet is one, and whoever waits for an answer gets one.

use std::sync::Arc;
use std::time::Duration;

use cabinet::{Cabinet, Fault, Timing};
use chargeghar::actors::directory::Stored;
use chargeghar::actors::go_ahead::GoAhead;
use chargeghar::actors::mailbox::{Depth, Mailbox};
use chargeghar::actors::rental::Msg;
use chargeghar::actors::rentals::StartError;
use chargeghar::actors::station::{self, PublishEject};
use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{Fact, RentalWrite};
use chrono::TimeDelta;
use domain::eject::{NotOutReason, Settlement};
use domain::ids::{RentalId, RiderId, SlotKey, Sn};
use domain::money::Money;
use domain::rental::{self, CancelReason, Command, Event, Phase, Rental, Status};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::node::TestNode;
use crate::harness::rental::dispensing;

mod turns;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";
const OTHER: &str = "40818049";

on_the_embedded_broker! {
    a_rental_that_was_not_told_that_its_eject_was_never_sent_is_told_again,
    an_eject_whose_rental_began_anew_is_looked_into,
    two_ejects_of_one_cabinet_that_may_have_been_sent_are_both_settled,
    a_start_waits_for_the_end_of_an_eject_for_service,
}

pub async fn a_rental_that_was_not_told_that_its_eject_was_never_sent_is_told_again(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rental = committed(&node, node.rider(100).await, BANK).await;
    let stations = &node.node.context.stations;

    // nobody has the lane for it, and nobody is there to hear that
    assert!(stations.tell(rental.station, station::Msg::Publish(eject_of(&rental))));
    node.settle(5).await;
    let mut ear = ear(&node, rental.id).await;
    for _ in 0..2 {
        node.clock.advance(Duration::from_secs(1));
        let reason = NotOutReason::NeverSent;
        assert_eq!(ear.recv().await, Some(Command::Settle(Settlement::NotOut { reason })));
    }

    assert_eq!(cabinet.counts().command("popup_sn"), 0);
}

pub async fn an_eject_whose_rental_began_anew_is_looked_into(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rental = committed(&node, node.rider(100).await, BANK).await;
    let mut ear = ear(&node, rental.id).await;

    let ask = station::Msg::LookInto(eject_of(&rental));
    assert!(node.node.context.stations.tell(rental.station, ask));
    let found = node.while_time_passes(ear.recv()).await;

    let reason = NotOutReason::SeenTwice;
    assert_eq!(found, Some(Command::Settle(Settlement::NotOut { reason })));
    assert_eq!(cabinet.counts().command("popup_sn"), 0, "looked into, and never sent");
}

pub async fn two_ejects_of_one_cabinet_that_may_have_been_sent_are_both_settled(edges: Edges) {
    let (node, cabinet, rentals) = two_doubted(edges).await;

    let node = node.again().await;
    node.until_heard("CG-1").await;
    node.while_time_passes(async {
        for rental in &rentals {
            let rental = node.until_status(rental.id, Status::Cancelled).await;
            let seen = CancelReason::NotOut(NotOutReason::SeenTwice);
            assert!(matches!(rental.phase, Phase::Cancelled { reason, .. } if reason == seen));
            assert_eq!(node.wallet(rental.rider).await, Money::rupees(100));
        }
    })
    .await;

    assert_eq!(cabinet.counts().command("popup_sn"), 0);
    node.until_banks("CG-1", 2).await;
    node.audit().await;
}

pub async fn a_start_waits_for_the_end_of_an_eject_for_service(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, OTHER]).await;
    let rider = node.rider(100).await;
    let id = node.view("CG-1").info.id;
    let (key, _) = node.node.context.banks.at(id).into_iter().next().unwrap();
    cabinet.faults(|faults| faults.next(1, Fault::Ignore { command: Some("popup_sn".to_owned()) }));

    let stations = &node.node.stations;
    stations.eject(id, key, "operator:test".into()).await.unwrap().unwrap();
    pass(&node, 7).await;
    let again = stations.eject(id, key, "operator:test".into()).await.unwrap();
    assert!(again.unwrap_err().contains("another eject is under way"));
    let refused = async {
        node.settle(5).await;
        pass(&node, 7).await;
    };
    let (refused, ()) = tokio::join!(node.rent(rider, "CG-1"), refused);
    assert!(matches!(refused, Err(StartError::SlotBusy { .. })), "{refused:?}");
    assert_eq!(ejects(&cabinet), 1);

    pass(&node, 3).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();

    assert_eq!(rental.status(), Status::Active);
    assert_eq!(ejects(&cabinet), 2);
    node.audit().await;
}

/// Two ejects of one cabinet that may have been sent, in the order in which they are looked into.
async fn two_doubted(edges: Edges) -> (TestNode, Cabinet, [Rental; 2]) {
    let node = TestNode::with(edges).await;
    let timing = Timing::quick().heartbeats_every(Duration::from_millis(100));
    let banks = [BANK, OTHER];
    let cabinet = node.cabinet_like(CABINET, "CG-1", &banks, |spec| spec.timing(timing)).await;
    let one = committed(&node, node.rider(100).await, BANK).await;
    let other = committed(&node, node.rider(100).await, OTHER).await;
    let mut rentals = [one, other];
    rentals.sort_by_key(|rental| rental.id);
    (node, cabinet, rentals)
}

async fn pass(node: &TestNode, seconds: u32) {
    for _ in 0..seconds {
        node.clock.advance(Duration::from_secs(1));
        node.settle(3).await;
    }
}

fn ejects(cabinet: &Cabinet) -> u64 {
    cabinet.counts().command("popup_sn")
}

/// A rental of this bank, stored and known, that no actor looks after.
async fn committed(node: &TestNode, rider: RiderId, bank: &str) -> Rental {
    let context = &node.node.context;
    let station = node.view("CG-1").info.id;
    let sn = Sn::from(bank);
    let key = |(key, known): (SlotKey, Sn)| (known == sn).then_some(key);
    let key = context.banks.at(station).into_iter().find_map(key).unwrap();
    let rental = dispensing(rider, station, key, sn, node.clock.now());
    let event = Event::Started { rental: Box::new(rental.clone()) };
    let settle_until = rental.reopen_until(TimeDelta::minutes(25));
    let mut fact = Fact::at(node.clock.now());
    fact.movements = rental::movements(&rental, &event);
    let (before, after, events) = (None, rental.clone(), vec![event]);
    fact.rental = Some(RentalWrite { before, after, events, settle_until });
    context.store.commit(fact).await.unwrap();
    context.note_unsettled(station, rental.id);
    context.rentals.learn(Arc::new(Stored { rental: rental.clone(), version: 1, settle_until }));
    rental
}

fn eject_of(rental: &Rental) -> PublishEject {
    PublishEject {
        command: rental.command,
        rental: rental.id,
        sn: rental.bank.clone(),
        key: rental.key,
        publish_before: rental.publish_before,
        go_ahead: GoAhead::default(),
    }
}

/// Stands where the rental's actor would be, and hears what it is told.
struct Ear;

impl Actor for Ear {
    type Msg = Msg;
    type State = UnboundedSender<Command>;
    type Arguments = UnboundedSender<Command>;

    async fn pre_start(
        &self,
        _: ActorRef<Msg>,
        told: UnboundedSender<Command>,
    ) -> Result<UnboundedSender<Command>, ActorProcessingErr> {
        Ok(told)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        told: &mut UnboundedSender<Command>,
    ) -> Result<(), ActorProcessingErr> {
        if let Msg::Execute(job) = message {
            told.send(job.command)?;
        }
        Ok(())
    }
}

async fn ear(node: &TestNode, rental: RentalId) -> UnboundedReceiver<Command> {
    let (send, receive) = unbounded_channel();
    let (actor, _) = Actor::spawn(None, Ear, send).await.unwrap();
    let door = Mailbox::new(actor, Depth::default(), 64, "rental");
    node.node.context.rentals.open(rental, door);
    receive
}

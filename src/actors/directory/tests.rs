//! What a full mailbox does with what a cabinet said.

use std::marker::PhantomData;

use domain::eject::{NotOutReason, Settlement};
use domain::rental::Command;
use ractor::{Actor, ActorProcessingErr, ActorRef, Message};

use super::*;
use crate::actors::mailbox::Depth;
use crate::actors::rental::{Cause, Msg as RentalMsg};
use crate::actors::station::{Inbound, Msg as StationMsg};
use crate::entropy::Entropy;
use crate::link::Outcome;
use crate::store::fact::{Channel, RawFrame};

/// Never gets to its messages.
struct Busy<M>(PhantomData<M>);

impl<M: Message + Sync> Actor for Busy<M> {
    type Msg = M;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<M>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<M>, _: M, (): &mut ()) -> Result<(), ActorProcessingErr> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_finds_a_stations_mailbox_full_comes_again() {
    let (stations, id) = (StationDirectory::default(), StationId(Entropy::seeded(1).uuid()));
    stations.open(id, full().await);

    let (ack, outcome) = receipt();
    assert!(!stations.tell(id, StationMsg::Inbound(Box::new(inbound(Some(ack))))));

    assert_eq!(outcome.await, Ok(Outcome::Postponed));
}

#[tokio::test]
async fn what_finds_a_rentals_mailbox_full_comes_again() {
    let (rentals, id) = (RentalDirectory::default(), RentalId(Entropy::seeded(1).uuid()));
    rentals.open(id, full().await);

    let (ack, outcome) = receipt();
    let reason = NotOutReason::NeverSent;
    let command = Command::Settle(Settlement::NotOut { reason });
    let cause = Cause { frame: None, ack: Some(ack) };
    assert!(!rentals.tell(id, RentalMsg::caused(command, cause)));

    assert_eq!(outcome.await, Ok(Outcome::Postponed));
}

#[tokio::test]
async fn heartbeats_are_shed_while_there_is_room_for_the_rest() {
    let (stations, id) = (StationDirectory::default(), StationId(Entropy::seeded(1).uuid()));
    let (actor, _) = Actor::spawn(None, Busy(PhantomData), ()).await.unwrap();
    stations.open(id, Mailbox::new(actor, Depth::default(), 4, "station"));
    let heartbeat = || StationMsg::Inbound(Box::new(inbound(None)));

    assert!(stations.tell_lightly(id, heartbeat()));
    assert!(stations.tell_lightly(id, heartbeat()));
    assert!(!stations.tell_lightly(id, heartbeat()));

    assert!(stations.tell(id, heartbeat()));
}

async fn full<M: Message + Sync>() -> Mailbox<M> {
    let (actor, _) = Actor::spawn(None, Busy(PhantomData), ()).await.unwrap();
    Mailbox::new(actor, Depth::default(), 0, "busy")
}

fn receipt() -> (Ack, tokio::sync::oneshot::Receiver<Outcome>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let ack = Ack::new(move |outcome| {
        let _ = tell.send(outcome); // the test may be over
    });
    (ack, told)
}

fn inbound(ack: Option<Ack>) -> Inbound {
    let (at, device) = (chrono::DateTime::UNIX_EPOCH, DeviceUuid::from("860602069165357"));
    let (channel, kind, bytes) = (Channel::Mqtt, "opaque", vec![]);
    let raw = RawFrame { at, device, channel, kind, bytes };
    let uplink = devices::Uplink::WifiList(vec![]);
    Inbound { uplink, raw, at, live: true, earliest: at, ack }
}

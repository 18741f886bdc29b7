//! A cabinet's mailbox that is half full: a report that says the same as the one before it is
//! confirmed and counted, and goes no further; one that says something else always does.

use std::time::Duration;

use bytes::Bytes;
use cabinet::Bank;
use chargeghar::actors::mailbox::{Depth, Mailbox};
use chargeghar::actors::route;
use chargeghar::actors::station::{Inbound, Msg};
use chargeghar::link::Outcome;
use chargeghar::link::memory::Memory;
use chargeghar::metrics::Recorder;
use chargeghar::spawn::spawn;
use devices::a8::build::{self, ReturnForm};
use domain::ids::{DeviceUuid, StationId};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::harness::node::{SOON, TestNode};

const UUID: &str = "860000000000100";
/// Messages that may wait for the cabinet.
const MAX: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_cabinet_is_spared_a_report_that_says_the_same() {
    let mut scene = Scene::new().await;
    scene.crowd();
    scene.is_passed_on(&scene.one.clone()).await;
    let shed = shed();

    scene.is_spared(&scene.one.clone()).await;
    scene.is_spared(&scene.one.clone()).await;

    assert!(self::shed() >= shed + 2, "they are counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_cabinet_is_told_every_report_that_may_say_something_new() {
    let mut scene = Scene::new().await;
    scene.crowd();
    let (one, other) = (scene.one.clone(), scene.other.clone());
    scene.is_passed_on(&one).await;
    // a bank more, and a bank less
    scene.is_passed_on(&other).await;
    scene.is_passed_on(&one).await;
    // what somebody waits for since
    scene.node.clock.advance(Duration::from_secs(5));
    scene.is_passed_on(&one).await;
    scene.is_spared(&one).await;
    // an event between them
    scene.is_passed_on(&build::returned(1, 3, 0, 0, 0x11, ReturnForm::Bare).into()).await;
    scene.is_passed_on(&one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_room_is_told_the_same_again() {
    let mut scene = Scene::new().await;
    for _ in 0..3 {
        scene.is_passed_on(&scene.one.clone()).await;
    }
}

/// A cabinet whose actor takes everything and has done nothing, behind a link of the test's own.
struct Scene {
    node: TestNode,
    link: std::sync::Arc<Memory>,
    station: StationId,
    uuid: DeviceUuid,
    taken: mpsc::UnboundedReceiver<Box<Inbound>>,
    /// What its actor has in work.
    kept: Vec<Inbound>,
    /// Two reports that do not say the same.
    one: Bytes,
    other: Bytes,
}

impl Scene {
    async fn new() -> Scene {
        let node = TestNode::start().await;
        let cabinet = node.cabinet(UUID, "CG-1", &["40818100"]).await;
        let one = cabinet.report_frame();
        cabinet.insert(Bank::new("40818101"), None).unwrap();
        let other = cabinet.report_frame();
        assert_ne!(one, other);
        cabinet.stop().await;

        let station = node.view("CG-1").info.id;
        let (sender, taken) = mpsc::unbounded_channel();
        let (hoarder, _) = Actor::spawn(None, Hoarder, sender).await.unwrap();
        let door = Mailbox::new(hoarder, Depth::default(), MAX, "station");
        node.node.context.stations.open(station, door);
        let (link, events, _) = Memory::new(node.clock.clone());
        spawn("test.route", route::run(std::sync::Arc::clone(&node.node.context), events));
        let (one, other, uuid) = (one.into(), other.into(), UUID.into());
        Scene { node, link, station, uuid, taken, kept: Vec::new(), one, other }
    }

    /// So many messages that only half of its room is left.
    fn crowd(&self) {
        let (stations, at) = (&self.node.node.context.stations, self.node.clock.now());
        while !stations.is_crowded(self.station) {
            stations.insist(self.station, Msg::LinkLost { at });
        }
    }

    async fn is_passed_on(&mut self, frame: &Bytes) {
        let _later = self.link.update(&self.uuid, frame.clone());
        let taken = timeout(SOON, self.taken.recv()).await.expect("it is passed on").unwrap();
        assert_eq!(taken.raw.bytes, *frame);
        self.kept.push(*taken);
    }

    async fn is_spared(&mut self, frame: &Bytes) {
        let outcome = self.link.update(&self.uuid, frame.clone()).outcome();
        let outcome = timeout(SOON, outcome).await.expect("it is confirmed");
        assert_eq!(outcome, Outcome::Confirmed);
        assert!(self.taken.try_recv().is_err(), "it is not passed on");
    }
}

struct Hoarder;

impl Actor for Hoarder {
    type Msg = Msg;
    type State = mpsc::UnboundedSender<Box<Inbound>>;
    type Arguments = mpsc::UnboundedSender<Box<Inbound>>;

    async fn pre_start(
        &self,
        _: ActorRef<Msg>,
        to: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(to)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        to: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Msg::Inbound(inbound) = message {
            let _ = to.send(inbound); // the test may be over
        }
        Ok(())
    }
}

fn shed() -> u64 {
    const REPORTS: &str = "chargeghar_link_shed_total{kind=\"report\"} ";
    let figures = Recorder::install().render();
    let count = figures.lines().find_map(|line| line.strip_prefix(REPORTS)?.parse().ok());
    count.unwrap_or_default()
}

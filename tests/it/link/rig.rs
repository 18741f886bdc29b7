//! A broker with accounts, a cable to it, and a link at the cable's end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chargeghar::clients::broker_admin::embedded::Embedded;
use chargeghar::clients::broker_admin::mosquitto::Mosquitto as MosquittoAdmin;
use chargeghar::clients::broker_admin::{BrokerAdmin, Cabinets};
use chargeghar::clock::Clock;
use chargeghar::config::{self, Endpoint, Secret};
use chargeghar::credentials::{Credentials, Password};
use chargeghar::entropy::Entropy;
use chargeghar::link::mqtt::{Mqtt, Parts, Settings};
use chargeghar::link::{Events, Incoming, Link, LinkEvent, Publish, PublishError, TopicKind};
use chargeghar::spawn::Tasks;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::DeviceUuid;
use rumqttc::MqttOptions;
use tokio::time::timeout;

pub use super::cabinet::Cabinet;

use crate::harness::mosquitto::{self, Mosquitto};
use crate::harness::tap::Tap;

pub const PATIENCE: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(100);
pub const FIRST: &str = "860602069165357";
pub const SECOND: &str = "860000000000017";

pub struct Rig {
    pub clock: Clock,
    pub tap: Tap,
    /// What a link starts with; its address is the cable's.
    pub settings: Settings,
    pub broker: TheBroker,
    pub admin: Box<dyn BrokerAdmin>,
    tasks: Tasks,
}

pub enum TheBroker {
    Embedded(Arc<broker::Broker>),
    Mosquitto(Mosquitto),
}

impl Rig {
    pub async fn embedded() -> Rig {
        let clock = Clock::system();
        let broker = Arc::new(broker::Broker::start(broker_settings(0)).await.unwrap());
        let tap = Tap::on(broker.local_addr()).await;
        let mut settings =
            Settings::embedded(&config(""), tap.addr(), Secret::new("word"), clock.now());
        settings.reconnect_max = Duration::from_millis(200);
        let admin = Embedded::new(Arc::clone(&broker));
        admin.put_service(&settings).unwrap();
        let tasks = Tasks::new();
        let broker = TheBroker::Embedded(broker);
        Rig { clock, tap, settings, broker, admin: Box::new(admin), tasks }.with_cabinets().await
    }

    /// None where there is no Mosquitto.
    pub async fn mosquitto() -> Option<Rig> {
        let clock = Clock::system();
        let mosquitto = Mosquitto::start()?;
        let tap = Tap::on(mosquitto.addr()).await;
        let direct = mosquitto_settings(mosquitto.addr(), &clock);
        let settings = mosquitto_settings(tap.addr(), &clock);
        let admin = MosquittoAdmin::new(direct, clock.clone(), Entropy::system());
        admin.prepare().await.unwrap();
        let tasks = Tasks::new();
        let broker = TheBroker::Mosquitto(mosquitto);
        let rig = Rig { clock, tap, settings, broker, admin: Box::new(admin), tasks };
        Some(rig.with_cabinets().await)
    }

    async fn with_cabinets(self) -> Rig {
        self.enrol([FIRST, SECOND]).await;
        self
    }

    pub async fn enrol<'u>(&self, uuids: impl IntoIterator<Item = &'u str>) {
        for uuid in uuids {
            self.admin.put(&uuid.into(), &password(uuid, 1)).await.unwrap();
        }
    }

    /// Adds many cabinets to the two there are.
    pub async fn enrol_all(&self, uuids: &[String]) {
        let uuids = uuids.iter().map(String::as_str).chain([FIRST, SECOND]);
        let cabinets: Cabinets = uuids.map(|uuid| (uuid.into(), password(uuid, 1))).collect();
        self.admin.sync(&cabinets, &|_, _| {}).await.unwrap();
    }

    /// A link that is up.
    pub async fn link(&self) -> TestLink {
        self.link_with(self.settings.clone()).await
    }

    pub async fn link_with(&self, settings: Settings) -> TestLink {
        let mut link = self.start(settings);
        link.until_up().await;
        link
    }

    pub fn start(&self, settings: Settings) -> TestLink {
        let broker = match &self.broker {
            TheBroker::Embedded(broker) => Some(Arc::clone(broker)),
            TheBroker::Mosquitto(_) => None,
        };
        let (clock, entropy) = (self.clock.clone(), Entropy::system());
        let parts = Parts { clock: clock.clone(), entropy, tasks: &self.tasks, broker };
        let (link, events) = Mqtt::start(settings, parts);
        TestLink { link, events, passed: VecDeque::new(), clock }
    }

    /// Where cabinets connect: not over the cable.
    pub fn addr(&self) -> SocketAddr {
        match &self.broker {
            TheBroker::Embedded(broker) => broker.local_addr(),
            TheBroker::Mosquitto(mosquitto) => mosquitto.addr(),
        }
    }

    pub fn options(&self, client_id: &str) -> MqttOptions {
        let mut options =
            MqttOptions::new(client_id, self.addr().ip().to_string(), self.addr().port());
        options.set_credentials(client_id, password(client_id, 1).expose());
        options.set_max_packet_size(4 * 1024 * 1024, 4 * 1024 * 1024);
        options.set_keep_alive(Duration::from_mins(1));
        options.set_inflight(60);
        options
    }

    /// A cabinet that listens to its commands and to its own heartbeats.
    pub async fn cabinet(&self, uuid: &str) -> Cabinet {
        let mut cabinet = Cabinet::connect(uuid, self.options(uuid)).await.unwrap();
        assert!(cabinet.subscribe(&topic(uuid, "get")).await);
        assert!(cabinet.subscribe(&topic(uuid, "heart")).await);
        cabinet
    }

    /// The broker ends and starts again at the same address, without its sessions.
    pub async fn restart_broker(&mut self) {
        let addr = self.addr();
        match &mut self.broker {
            TheBroker::Mosquitto(mosquitto) => {
                mosquitto.kill();
                mosquitto.run();
            }
            TheBroker::Embedded(broker) => {
                broker.shutdown().await;
                let again = broker::Broker::start(broker_settings(addr.port())).await.unwrap();
                let again = Arc::new(again);
                let admin = Embedded::new(Arc::clone(&again));
                admin.put_service(&self.settings).unwrap();
                self.broker = TheBroker::Embedded(again);
                self.admin = Box::new(admin);
                self.enrol([FIRST, SECOND]).await;
            }
        }
    }
}

/// A link and the reader of its events.
pub struct TestLink {
    pub link: Arc<Mqtt>,
    pub events: Events,
    /// Passed over while waiting for another event; read first.
    passed: VecDeque<LinkEvent>,
    clock: Clock,
}

impl TestLink {
    pub async fn event(&mut self) -> LinkEvent {
        match self.passed.pop_front() {
            Some(event) => event,
            None => self.new_event().await,
        }
    }

    /// Frames may come before it; they are kept.
    pub async fn until_up(&mut self) {
        self.until(|event| matches!(event, LinkEvent::Up)).await;
    }

    pub async fn until_down(&mut self) {
        self.until(|event| matches!(event, LinkEvent::Down)).await;
    }

    async fn until(&mut self, is_it: impl Fn(&LinkEvent) -> bool) {
        loop {
            let event = self.new_event().await;
            if is_it(&event) {
                return;
            }
            self.passed.push_back(event);
        }
    }

    async fn new_event(&mut self) -> LinkEvent {
        timeout(PATIENCE, self.events.next()).await.expect("no event in time").expect("closed")
    }

    /// A marker that was sent now has come back: the broker has read what left before it, and
    /// all that it sent before it is here.
    pub async fn until_marked(&self) {
        let now = self.clock.now();
        until("a marker", || self.link.complete_until() > now).await;
    }

    /// Whether no update comes before a heartbeat that is sent now.
    pub async fn has_no_update_before_a_heartbeat(&mut self, cabinet: &Cabinet) -> bool {
        let is = |event: &LinkEvent, kind| matches!(event, LinkEvent::Message(message) if message.kind == kind);
        let beaten = async {
            // the session of the heartbeats may be subscribed a little later than the other
            while timeout(A_MOMENT, self.until(|event| is(event, TopicKind::Heart))).await.is_err()
            {
                cabinet.beat("beat").await;
            }
        };
        timeout(PATIENCE, beaten).await.expect("no heartbeat in time");
        !self.passed.iter().any(|event| is(event, TopicKind::Update))
    }

    /// The next update; heartbeats are passed over.
    pub async fn update(&mut self) -> Incoming {
        loop {
            if let LinkEvent::Message(message) = self.event().await
                && message.kind == TopicKind::Update
            {
                return message;
            }
        }
    }

    pub async fn updates(&mut self, count: usize) -> Vec<Incoming> {
        let mut updates = Vec::with_capacity(count);
        while updates.len() < count {
            updates.push(self.update().await);
        }
        updates
    }

    pub async fn publish(&self, uuid: &str, payload: &'static str) -> Result<(), PublishError> {
        let deadline = self.clock.now() + TimeDelta::seconds(5);
        self.publish_until(uuid, payload, deadline).await
    }

    pub async fn publish_until(
        &self,
        uuid: &str,
        payload: &'static str,
        deadline: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        let (uuid, payload) = (DeviceUuid::from(uuid), Bytes::from_static(payload.as_bytes()));
        self.link.publish(Publish { uuid, command: "check", payload, deadline }).await
    }
}

pub fn topic(uuid: &str, word: &str) -> String {
    format!("/powerbank/{uuid}/user/{word}")
}

pub fn password(uuid: &str, generation: u32) -> Password {
    Credentials::new(b"test").password(&uuid.into(), generation)
}

pub fn text(incoming: &Incoming) -> &str {
    std::str::from_utf8(&incoming.payload).unwrap()
}

/// Confirms, and answers what the frame said.
pub fn confirm(incoming: Incoming) -> String {
    let said = text(&incoming).to_owned();
    incoming.ack.unwrap().confirm();
    said
}

/// Looks until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

pub fn config(url: &str) -> config::Mqtt {
    config::Mqtt {
        url: Endpoint::new(url),
        reconnect_min_ms: config::Millis(10),
        reconnect_max_ms: config::Millis(200),
        ..config::Mqtt::default()
    }
}

fn mosquitto_settings(addr: SocketAddr, clock: &Clock) -> Settings {
    let login = format!("{}:{}", mosquitto::USER, mosquitto::PASSWORD);
    let url = format!("mqtt://{login}@{addr}");
    Settings::external(&config(&url), clock.now()).unwrap()
}

fn broker_settings(port: u16) -> broker::Settings {
    broker::Settings {
        bind: SocketAddr::from(([127, 0, 0, 1], port)),
        publish_rate_per_client: 60_000_000,
        publish_burst_per_client: 1_000_000,
        ..broker::Settings::default()
    }
}

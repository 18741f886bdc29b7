//! The broker of a story: the node's own, or Debian's Mosquitto with a cable that can be cut.
//!
//! A story is written once, `async fn story(edges: Edges)`, and starts its node with
//! `TestNode::with(edges)`. It is registered where it is written, by `on_the_embedded_broker!`,
//! and once more in `tests/it/on_mosquitto.rs`. Mosquitto outlives the node: `TestNode::again`
//! ends the node and starts one on the same database, folder, ports, clock and broker. The
//! node's sessions (cabinets' not) go over `cable()`, to be cut and mended.

use chargeghar::config::{BrokerAdmin, Config, Endpoint};

use super::mosquitto::{self, Mosquitto};
use super::tap::Tap;

pub enum Edges {
    Embedded,
    Mosquitto(Outside),
}

/// A broker that is not the node's, and the way to it.
pub struct Outside {
    pub broker: Mosquitto,
    pub cable: Tap,
}

impl Edges {
    pub fn embedded() -> Edges {
        Edges::Embedded
    }

    /// None, with a word about it, where there is no Mosquitto.
    pub async fn mosquitto() -> Option<Edges> {
        let broker = Mosquitto::start()?;
        let cable = Tap::on(broker.addr()).await;
        Some(Edges::Mosquitto(Outside { broker, cable }))
    }

    /// Tells a node which broker is its own.
    pub fn configure(&self, config: &mut Config) {
        let Edges::Mosquitto(Outside { broker, cable }) = self else { return };
        config.mqtt.url = Endpoint::new(url(cable));
        config.mqtt.admin = BrokerAdmin::DynamicSecurity;
        config.mqtt.advertised_host = broker.addr().ip().to_string();
        config.mqtt.advertised_port = broker.addr().port();
    }

    /// The same for a node that is a process, by variables.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let Edges::Mosquitto(Outside { broker, cable }) = self else { return Vec::new() };
        vec![
            ("CHARGEGHAR__MQTT__URL", url(cable)),
            ("CHARGEGHAR__MQTT__ADMIN", "dynamic_security".to_owned()),
            ("CHARGEGHAR__MQTT__ADVERTISED_HOST", broker.addr().ip().to_string()),
            ("CHARGEGHAR__MQTT__ADVERTISED_PORT", broker.addr().port().to_string()),
        ]
    }

    /// The broker that is not the node's; a story that needs one is registered for no other.
    pub fn outside(&mut self) -> &mut Outside {
        match self {
            Edges::Mosquitto(outside) => outside,
            Edges::Embedded => panic!("the embedded broker is in the node"),
        }
    }

    /// Between the node and its broker.
    pub fn cable(&self) -> &Tap {
        match self {
            Edges::Mosquitto(outside) => &outside.cable,
            Edges::Embedded => panic!("there is no cable to the embedded broker"),
        }
    }
}

fn url(cable: &Tap) -> String {
    format!("mqtt://{}:{}@{}", mosquitto::USER, mosquitto::PASSWORD, cable.addr())
}

/// Registers stories of this file, each `async fn story(edges: Edges)`.
macro_rules! on_the_embedded_broker {
    ($($story:ident),+ $(,)?) => {
        mod on_the_embedded_broker {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $story() {
                    super::$story($crate::harness::edges::Edges::embedded()).await;
                }
            )+
        }
    };
}

/// Registers stories of any file; they are skipped only where nobody asked for Mosquitto.
macro_rules! on_mosquitto {
    ($($file:ident $(:: $part:ident)+),+ $(,)?) => {
        $( on_mosquitto! { @one $file $($part)+ => $file $(:: $part)+ } )+
    };
    (@one $skipped:ident $next:ident $($rest:ident)* => $story:path) => {
        on_mosquitto! { @one $next $($rest)* => $story }
    };
    (@one $name:ident => $story:path) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            if let Some(edges) = $crate::harness::edges::Edges::mosquitto().await {
                $story(edges).await;
            }
        }
    };
}

pub(crate) use {on_mosquitto, on_the_embedded_broker};

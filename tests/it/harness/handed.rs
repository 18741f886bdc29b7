//! Frames as the link hands them over: from just now, from before, or from a broker that had
//! kept them. A cabinet alone can only send what is new.

use cabinet::Cabinet;
use chargeghar::actors::station::Inbound;
use chargeghar::store::fact::{Channel, RawFrame};
use chrono::{DateTime, Utc};

use super::node::TestNode;

/// When a frame came, and when it was sent at the earliest.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub at: DateTime<Utc>,
    pub earliest: DateTime<Utc>,
    /// Not kept by the broker.
    pub live: bool,
}

impl Heard {
    /// It was sent and came at this instant, and waited for its station since.
    pub fn at(at: DateTime<Utc>) -> Heard {
        Heard { at, earliest: at, live: true }
    }

    /// The broker had kept it; it came at this instant.
    pub fn kept(earliest: DateTime<Utc>, at: DateTime<Utc>) -> Heard {
        Heard { at, earliest, live: false }
    }
}

impl TestNode {
    /// Gives a frame of a cabinet to its station.
    pub async fn hand_over(&self, cabinet: &Cabinet, serial: &str, frame: Vec<u8>, heard: Heard) {
        let Heard { at, earliest, live } = heard;
        let uplink = self.node.context.codec.decode(&frame).unwrap();
        let (device, channel, kind) = (cabinet.uuid().clone(), Channel::Mqtt, uplink.kind());
        let raw = RawFrame { at, device, channel, kind, bytes: frame };
        let inbound = Inbound { uplink, raw, at, live, earliest, ack: None };
        self.node.stations.uplink(self.view(serial).info.id, inbound).await.unwrap();
    }
}

//! From the link to the stations: bytes are decoded here, once, and go to the one actor they
//! are about. What is not understood is counted, told once a minute, and need not come again.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices::Uplink;
use domain::ids::{DeviceUuid, StationId};
use domain::presence::Session;

use super::Context;
use super::station::{Inbound, Msg};
use crate::link::{Ack, Events, Incoming, LinkEvent, TopicKind};
use crate::metrics;
use crate::store::fact::{Channel, RawFrame};
use crate::telemetry::LogLimit;

/// Hands every event of the link to whom it concerns, until the link is closed.
pub async fn run(context: Arc<Context>, mut events: Events) {
    let mut hall = Hall {
        warnings: LogLimit::new(context.clock.clone()),
        reports: BTreeMap::new(),
        context: Arc::clone(&context),
    };
    tell_all(&context, |at| Msg::LinkLost { at });
    while let Some(event) = events.next().await {
        match event {
            LinkEvent::Message(incoming) => hall.message(incoming),
            LinkEvent::Session { uuid, connected } => {
                let at = context.clock.now();
                let session = if connected { Session::Up } else { Session::Down { since: at } };
                context.note_session(uuid.clone(), session);
                if let Some(id) = context.stations.by_uuid(&uuid) {
                    context.stations.tell(id, Msg::Session { connected, at });
                }
            }
            LinkEvent::Down => tell_all(&context, |at| Msg::LinkLost { at }),
            LinkEvent::Up => tell_all(&context, |at| Msg::LinkBack { at }),
        }
    }
}

fn tell_all(context: &Context, what: impl Fn(DateTime<Utc>) -> Msg) {
    let at = context.clock.now();
    for id in context.stations.ids() {
        context.stations.tell(id, what(at));
    }
}

/// What passes through.
struct Hall {
    context: Arc<Context>,
    warnings: LogLimit,
    /// The last report of each cabinet, as a digest of its bytes.
    reports: BTreeMap<StationId, u64>,
}

impl Hall {
    fn message(&mut self, incoming: Incoming) {
        let Incoming { uuid, kind, payload, at, live, earliest, ack } = incoming;
        let Some(id) = self.context.stations.by_uuid(&uuid) else {
            self.refuse("not_enrolled", &uuid);
            return confirm(ack);
        };
        let decoded = self.decode(id, &payload);
        let kind_word =
            decoded.as_ref().map_or_else(devices::DecodeError::code, devices::Uplink::kind);
        let raw = RawFrame {
            at,
            device: uuid.clone(),
            channel: Channel::Mqtt,
            kind: kind_word,
            bytes: payload.to_vec(),
        };
        let uplink = match decoded {
            Ok(uplink) => uplink,
            Err(error) => {
                self.refuse(error.code(), &uuid);
                self.context.flusher.frame(raw);
                return confirm(ack);
            }
        };
        metrics::DECODED.inc([kind_word]);
        if self.says_the_same(id, &uplink, (live, &payload)) && self.context.stations.is_crowded(id)
        {
            metrics::SHED.inc(["report"]);
            return confirm(ack); // the one before it is on its way
        }
        let inbound = Inbound { uplink, raw, at, live, earliest, ack };
        let message = Msg::Inbound(Box::new(inbound));
        let told = match kind {
            TopicKind::Heart => self.context.stations.tell_lightly(id, message),
            TopicKind::Update => self.context.stations.tell(id, message),
        };
        if !told {
            // an update comes again, a heartbeat does not
            metrics::SHED.inc([if kind == TopicKind::Heart { "heartbeat" } else { "update" }]);
        }
    }

    fn decode(&self, id: StationId, payload: &[u8]) -> Result<Uplink, devices::DecodeError> {
        let stations = &self.context.stations;
        if stations.info(id).is_some_and(|info| info.about.lenient) {
            self.context.codec.decode_lenient(payload)
        } else {
            self.context.codec.decode(payload)
        }
    }

    /// Whether this is a report with the very bytes of the cabinet's last one, as fresh as it.
    fn says_the_same(&mut self, id: StationId, uplink: &Uplink, said: (bool, &[u8])) -> bool {
        if !matches!(uplink, Uplink::Report(_)) {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        let digest = hasher.finish();
        self.reports.insert(id, digest) == Some(digest)
    }

    fn refuse(&self, kind: &'static str, uuid: &DeviceUuid) {
        metrics::FRAMES_REFUSED.inc([kind]);
        if let Some(held) = self.warnings.pass(kind) {
            tracing::warn!(kind, cabinet = %uuid, held, "a frame was refused");
        }
    }
}

fn confirm(ack: Option<Ack>) {
    if let Some(ack) = ack {
        ack.confirm();
    }
}

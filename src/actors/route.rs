//! From the link to the stations: bytes are decoded here, once, and go to the one actor they
//! are about. What is not understood is counted, told once a minute, and need not come again.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use devices::Uplink;
use domain::ids::{DeviceUuid, StationId};
use domain::presence::Session;

use super::Context;
use super::station::{Inbound, Msg};
use crate::link::{Ack, Events, Incoming, LinkEvent, TopicKind};
use crate::metrics;
use crate::store::fact::{Channel, RawFrame};
use crate::telemetry::LogLimit;

/// How long a report stands for one with the same bytes.
const MOMENT: TimeDelta = TimeDelta::seconds(5);

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
    /// The last report of each cabinet that was passed on: a digest of its bytes, and when.
    reports: BTreeMap<StationId, (u64, DateTime<Utc>)>,
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
        let digest = matches!(uplink, Uplink::Report(_)).then(|| digest(live, &payload));
        if digest.is_some_and(|digest| self.is_spare(id, digest, at)) {
            metrics::SHED.inc(["report"]);
            return confirm(ack); // the one before it is on its way
        }
        let inbound = Inbound { uplink, raw, at, live, earliest, ack };
        let message = Msg::Inbound(Box::new(inbound));
        let told = match kind {
            TopicKind::Heart => self.context.stations.tell_lightly(id, message),
            TopicKind::Update => self.context.stations.tell(id, message),
        };
        match digest {
            Some(digest) if told => drop(self.reports.insert(id, (digest, at))),
            // after an event the same words say something else
            None if kind == TopicKind::Update => drop(self.reports.remove(&id)),
            Some(_) | None => {}
        }
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

    /// Whether a crowded cabinet was handed a report with the very bytes of this one a moment ago,
    /// as fresh as it. What comes later may be the fresh look that somebody waits for.
    fn is_spare(&self, id: StationId, digest: u64, at: DateTime<Utc>) -> bool {
        let before = self.reports.get(&id);
        before.is_some_and(|(known, then)| *known == digest && at - then < MOMENT)
            && self.context.stations.is_crowded(id)
    }

    fn refuse(&self, kind: &'static str, uuid: &DeviceUuid) {
        metrics::FRAMES_REFUSED.inc([kind]);
        if let Some(held) = self.warnings.pass(kind) {
            tracing::warn!(kind, cabinet = %uuid, held, "a frame was refused");
        }
    }
}

fn digest(live: bool, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (live, payload).hash(&mut hasher);
    hasher.finish()
}

fn confirm(ack: Option<Ack>) {
    if let Some(ack) = ack {
        ack.confirm();
    }
}

//! From the link to the stations: bytes are decoded here, once, and go to the one actor they
//! are about. What is not understood is counted, told once a minute, and need not come again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::presence::Session;

use super::Context;
use super::station::{Inbound, Msg};
use crate::link::{Events, Incoming, LinkEvent, TopicKind};
use crate::metrics;
use crate::store::fact::{Channel, RawFrame};
use crate::telemetry::LogLimit;

/// Hands every event of the link to whom it concerns, until the link is closed.
pub async fn run(context: Arc<Context>, mut events: Events) {
    let warnings = LogLimit::new(context.clock.clone());
    tell_all(&context, |at| Msg::LinkLost { at });
    while let Some(event) = events.next().await {
        match event {
            LinkEvent::Message(incoming) => message(&context, incoming, &warnings),
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

fn message(context: &Context, incoming: Incoming, warnings: &LogLimit) {
    let Incoming { uuid, kind, payload, at, live, earliest, ack } = incoming;
    let confirm = |ack: Option<crate::link::Ack>| {
        if let Some(ack) = ack {
            ack.confirm();
        }
    };
    let Some(id) = context.stations.by_uuid(&uuid) else {
        refuse("not_enrolled", &uuid, warnings);
        return confirm(ack);
    };
    let lenient = context.stations.info(id).is_some_and(|info| info.about.lenient);
    let decoded = if lenient {
        context.codec.decode_lenient(&payload)
    } else {
        context.codec.decode(&payload)
    };
    let kind_word = decoded.as_ref().map_or_else(devices::DecodeError::code, devices::Uplink::kind);
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
            refuse(error.code(), &uuid, warnings);
            context.flusher.frame(raw);
            return confirm(ack);
        }
    };
    metrics::DECODED.inc([kind_word]);
    let inbound = Inbound { uplink, raw, at, live, earliest, ack };
    let message = Msg::Inbound(Box::new(inbound));
    let told = match kind {
        TopicKind::Heart => context.stations.tell_lightly(id, message),
        TopicKind::Update => context.stations.tell(id, message),
    };
    if !told {
        // an update comes again, a heartbeat does not
        metrics::SHED.inc([if kind == TopicKind::Heart { "heartbeat" } else { "update" }]);
    }
}

fn refuse(kind: &'static str, uuid: &domain::ids::DeviceUuid, warnings: &LogLimit) {
    metrics::FRAMES_REFUSED.inc([kind]);
    if let Some(held) = warnings.pass(kind) {
        tracing::warn!(kind, cabinet = %uuid, held, "a frame was refused");
    }
}

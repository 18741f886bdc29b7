//! What a cabinet says, sorted: each kind of message goes to what it is about.

use chrono::{DateTime, Utc};
use devices::{Inspected, Returned, Uplink};
use domain::bank::Fingerprint;
use domain::ids::{SlotKey, Sn};
use domain::rental::Command;
use domain::returns::{Claim, ReturnResult, Source};
use domain::slot::{Reading, SlotState};
use ractor::ActorRef;
use serde_json::json;

use super::{Inbound, Msg, State};
use crate::actors::rental::{self, Cause};
use crate::actors::slot;
use crate::metrics;
use crate::store::fact::{Channel, NewIncident};

/// A message without its content.
#[derive(Clone, Copy)]
pub(super) struct Received {
    pub at: DateTime<Utc>,
    pub earliest: DateTime<Utc>,
    pub live: bool,
    pub channel: Channel,
    pub frame: Fingerprint,
}

impl State {
    pub(super) async fn inbound(&mut self, inbound: Inbound, myself: &ActorRef<Msg>) {
        let Inbound { uplink, raw, at, live, earliest, ack } = inbound;
        let frame = fingerprint(&raw.bytes);
        let received = Received { at, earliest, live, channel: raw.channel, frame };
        let cause = Cause { frame: Some(raw), ack };
        self.hear(received, &uplink);
        match received.channel {
            Channel::Mqtt => self.answers_itself(received),
            Channel::Http => self.ask_whether_there().await,
        }
        if !matches!(uplink, Uplink::Report(_)) {
            self.ask_what_is_owed().await;
        }
        match uplink {
            Uplink::Report(report) => self.report(report, received, cause, myself).await,
            Uplink::Ejected(reply) if received.channel == Channel::Mqtt => {
                self.eject_reply(reply, received, cause).await;
            }
            Uplink::Returned(returned) => self.returned(returned, received, cause).await,
            Uplink::Inspected(inspected) => self.inspected(inspected, received, cause).await,
            Uplink::Ejected(_)
            | Uplink::Heartbeat(_)
            | Uplink::WifiList(_)
            | Uplink::Opaque { .. } => self.context.keep(cause),
        }
    }

    async fn returned(&mut self, returned: Returned, received: Received, cause: Cause) {
        let source = match received.channel {
            Channel::Mqtt => Source::Event,
            Channel::Http => Source::HttpReturn,
        };
        let Returned { key, sn, result, code, level, .. } = returned;
        self.insertion(key, sn, result, code, level, source, received, cause).await;
    }

    async fn inspected(&mut self, inspected: Inspected, received: Received, cause: Cause) {
        let source = match received.channel {
            Channel::Mqtt => Source::Inspection,
            Channel::Http => Source::HttpReport,
        };
        let Inspected { key, sn, result, code, level, .. } = inspected;
        self.insertion(key, sn, result, code, level, source, received, cause).await;
    }

    /// A bank was put in: a rental's bank is a claim of a return, another one is inventory.
    #[expect(clippy::too_many_arguments, reason = "two message kinds with the same parts")]
    async fn insertion(
        &mut self,
        key: SlotKey,
        sn: Option<Sn>,
        result: ReturnResult,
        code: u8,
        level: Option<u8>,
        source: Source,
        received: Received,
        cause: Cause,
    ) {
        match (result.is_accepted(), sn) {
            (true, Some(sn)) => {
                let key = (key.slot > 0).then_some(key);
                self.came_back(sn, key, level, source, received, cause).await;
            }
            (true, None) => self.unidentified(key, code, source, received, cause).await,
            (false, _) if matches!(result, ReturnResult::Unidentified(_)) => {
                self.unidentified(key, code, source, received, cause).await;
            }
            (false, _) => {
                metrics::RETURNS.inc([source.as_str(), "rejected"]);
                self.context.keep(cause);
            }
        }
    }

    async fn came_back(
        &mut self,
        sn: Sn,
        key: Option<SlotKey>,
        level: Option<u8>,
        source: Source,
        received: Received,
        cause: Cause,
    ) {
        if let Some(key) = key.filter(|_| source.is_trusted() && received.live) {
            self.insert_seen(key, &sn, level, received.at);
        }
        let claim = Claim {
            station: self.id(),
            key,
            source,
            at: received.at,
            earliest: self.noticed_after(source, received),
            live: received.live,
            frame: Some(received.frame),
            level,
        };
        if let Some(rental) = self.context.rentals.of_bank(&sn) {
            let command = Command::Return(claim);
            self.context.tell_rental(rental, rental::Msg::caused(command, cause));
            return;
        }
        match key {
            Some(key) if source.is_trusted() && received.live => {
                self.bank_seen(vec![(key, sn)], "returned", Some(received.frame), cause);
            }
            Some(_) | None => {
                // anybody can say so over HTTP, and a backlog may be old: a report decides
                self.context.keep(cause);
                self.ask_for_report("unconfirmed_return").await;
            }
        }
    }

    /// The cabinet's word for one slot, as good as a row of a report.
    fn insert_seen(&mut self, key: SlotKey, sn: &Sn, level: Option<u8>, at: DateTime<Utc>) {
        let reading = Reading {
            state: SlotState::Normal,
            sn: Some(sn.clone()),
            level,
            temperature: None,
            switch_open: false,
            at,
        };
        if let Some(child) = self.slots.get_mut(&key) {
            child.reading = Some(reading.clone());
        }
        self.tell_slot(key, slot::Msg::Observed(reading));
    }

    /// A bank is physically in, and nobody knows which: the next report may tell. A person is
    /// told by the cabinet's own session alone, and once for each slot: anybody can say so over
    /// HTTP, and in a backlog it may be long over.
    async fn unidentified(
        &mut self,
        key: SlotKey,
        code: u8,
        source: Source,
        received: Received,
        cause: Cause,
    ) {
        metrics::ALARMS.inc(["return_unidentified"]);
        if source.is_trusted() && received.live {
            let incident = NewIncident {
                id: self.context.new_incident_id(),
                kind: "return_unidentified",
                subject: Some(format!("slot:{}:{key}", self.id())),
                station: Some(self.id()),
                rental: None,
                bank: None,
                evidence: json!({ "io": key.io, "slot": key.slot, "code": code }),
            };
            self.open_incident(incident, cause);
        } else {
            self.context.keep(cause);
        }
        self.ask_for_report("unidentified").await;
    }
}

/// Equal bytes have equal fingerprints (FNV-1a, 64 bits).
pub(super) fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    Fingerprint(i64::from_ne_bytes(hash.to_ne_bytes()))
}

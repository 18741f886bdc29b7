//! What cabinets tell: their reports, and banks that came back. Anybody can make these calls,
//! so the stations take them as hints.

use devices::a8::http::{Endpoint, ReportCall, ReturnCall};
use devices::a8::{A8, ChecksumRule};
use devices::{Codec, Returned, Uplink};
use domain::ids::{DeviceUuid, SlotKey, StationId};
use domain::returns::ReturnResult;
use serde_json::Value;

use super::{Call, Calls, Refusal};
use crate::actors::station::Inbound;
use crate::metrics;
use crate::store::fact::{Channel, RawFrame};

/// What a cabinet would say of a bank that it took.
const ACCEPTED: u8 = 0x01;

impl Calls {
    pub(super) async fn report(&self, call: Call) -> Result<Value, Refusal> {
        let told = ReportCall::parse(&call.query)?;
        let (id, info) = self.enrolled(&told.device, &call, None)?;
        self.signed(Endpoint::Report, told.signature, &info)?;
        let checksum = if info.about.lenient { ChecksumRule::Ignore } else { ChecksumRule::Refuse };
        let uplink = match (A8 { checksum }).decode(&call.body) {
            Ok(Uplink::Report(report)) => {
                Uplink::Report(devices::Report { signal: told.signal, ..report })
            }
            Ok(other) => other,
            Err(error) => {
                let at = self.0.parts.clock.now();
                if self.0.faults.has_room(call.address, at) {
                    self.0.parts.flusher.frame(self.raw(told.device, error.code(), call.body));
                }
                return Err(Refusal::Frame(error));
            }
        };
        self.tell(id, told.device, uplink, call.body).await
    }

    /// A return without a frame: the slot's serial port is not known, and slot 0 is none.
    pub(super) async fn returned(&self, call: &Call) -> Result<Value, Refusal> {
        let told = ReturnCall::parse(&call.query)?;
        let (id, info) = self.enrolled(&told.device, call, None)?;
        self.signed(Endpoint::Return, told.signature, &info)?;
        let slot = told.slot.unwrap_or(0);
        let power = told.level.map(|level| level.to_string()).unwrap_or_default();
        let text =
            format!("hole={slot}&power={power}&rentboxSN={}&singleSN={}", told.device, told.sn);
        let uplink = Uplink::Returned(Returned {
            key: SlotKey::new(0, slot),
            sn: Some(told.sn),
            result: ReturnResult::Accepted,
            code: ACCEPTED,
            level: told.level,
            bank_version: None,
            area: 0,
        });
        self.tell(id, told.device, uplink, text.into_bytes()).await
    }

    /// Hands it to the station and waits until what it causes is stored.
    async fn tell(
        &self,
        id: StationId,
        device: DeviceUuid,
        uplink: Uplink,
        bytes: Vec<u8>,
    ) -> Result<Value, Refusal> {
        metrics::DECODED.inc([uplink.kind()]);
        let raw = self.raw(device, uplink.kind(), bytes);
        let at = raw.at;
        let inbound = Inbound { uplink, raw, at, live: true, earliest: at, ack: None };
        self.0.parts.stations.uplink(id, inbound).await?;
        Ok(Value::String(String::new()))
    }

    fn raw(&self, device: DeviceUuid, kind: &'static str, bytes: Vec<u8>) -> RawFrame {
        RawFrame { at: self.0.parts.clock.now(), device, channel: Channel::Http, kind, bytes }
    }
}

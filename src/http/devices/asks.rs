//! What cabinets ask: where their broker is, how to behave, what to show, which firmware.

use devices::a8::http::answer::{CabinetConfig, ConnectAnswer, Firmware};
use devices::a8::http::{
    AdvertCall, ConfigCall, ConnectCall, Endpoint, FirmwareCall, FirmwarePath,
};
use serde_json::{Value, json};

use super::{Call, Calls, Refusal};

impl Calls {
    /// The broker's address and the cabinet's own account there. Never logged, and told to
    /// nobody while the cabinet shows over its session that it has not called.
    pub(super) async fn connect(&self, call: &Call) -> Result<Value, Refusal> {
        let body = std::str::from_utf8(&call.body).unwrap_or_default();
        let asked = ConnectCall::parse(&call.query, body)?;
        let (id, info) = self.enrolled(&asked.device, call, asked.hardware)?;
        self.signed(Endpoint::Connect, asked.signature, &info)?;
        let parts = &self.0.parts;
        // a fleet that calls at once shall not wait for each other's places: one that has none
        // gets its answer with its next call, while its own wait goes on
        let place = self.0.connects.try_acquire().ok();
        match parts.stations.may_connect(id, place.is_some()).await {
            Some(true) => {}
            Some(false) => return Err(Refusal::Online),
            None => return Err(Refusal::NotStored),
        }
        let password = parts.credentials.password(&info.uuid, info.credential_generation);
        let answer = ConnectAnswer {
            client_id: info.uuid.to_string(),
            product_key: parts.broker.product.clone(),
            host: parts.broker.host.clone(),
            port: parts.broker.port,
            username: info.uuid.to_string(),
            password: password.expose().to_owned(),
            time: parts.clock.now().timestamp_millis(),
        };
        Ok(answer.line().map_err(|_| Refusal::Answer)?.into())
    }

    /// Older firmware does not say who it is and gets what suits all.
    pub(super) fn config(&self, call: &Call) -> Result<Value, Refusal> {
        let asked = ConfigCall::parse(&call.query)?;
        let Some(device) = asked.device else {
            return Ok(CabinetConfig::default().data().into());
        };
        let (_, info) = self.enrolled(&device, call, None)?;
        self.signed(Endpoint::Config, asked.signature, &info)?;
        let area = info.about.area_code.parse().unwrap_or_default();
        Ok(CabinetConfig { area, ..CabinetConfig::default() }.data().into())
    }

    /// Nothing is shown so far.
    pub(super) fn adverts(&self, call: &Call) -> Result<Value, Refusal> {
        let asked = AdvertCall::parse(&call.query)?;
        let (_, info) = self.enrolled(&asked.device, call, None)?;
        self.signed(Endpoint::Adverts, asked.signature, &info)?;
        Ok(json!([]))
    }
}

/// There is nothing newer than what a cabinet has.
pub(super) fn firmware(path: FirmwarePath, call: &Call) -> Result<Value, Refusal> {
    FirmwareCall::parse(path, &call.query)?;
    Ok(Firmware::data(None).into())
}

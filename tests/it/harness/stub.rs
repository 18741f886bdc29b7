//! temporary
use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::Json,
};
use chargeghar::{
    actors::{station::Inbound, stations::Stations},
    clock::Clock,
    credentials::Credentials,
    store::fact::{Channel, RawFrame},
};
use devices::{
    Codec,
    a8::{
        A8,
        http::{ConnectCall, ReportCall, ReturnCall},
    },
};
use std::sync::Arc;
#[derive(Clone)]
pub struct Stub {
    pub stations: Stations,
    pub creds: Arc<Credentials>,
    pub mqtt: (String, u16),
    pub clock: Clock,
}
pub fn router(stub: Stub) -> Router {
    Router::new().fallback(handle).with_state(stub)
}
async fn handle(State(s): State<Stub>, req: Request) -> Json<serde_json::Value> {
    let path = req.uri().path().to_owned();
    let query = req.uri().query().unwrap_or("").to_owned();
    let body: Bytes = axum::body::to_bytes(req.into_body(), 70000).await.unwrap();
    let now = s.clock.now();
    let ok = |data: serde_json::Value| {
        Json(
            serde_json::json!({"code":200,"type":0,"data":data,"msg":"OK","time":now.timestamp_millis()}),
        )
    };
    if path.ends_with("/con") || path.ends_with("client/connect") {
        let call = ConnectCall::parse(&query, std::str::from_utf8(&body).unwrap_or("")).unwrap();
        let pw = s.creds.password(&call.device, 1);
        return ok(format!(
            "{},powerbank,{},{},{},{},{}",
            call.device,
            s.mqtt.0,
            s.mqtt.1,
            call.device,
            pw.expose(),
            now.timestamp_millis()
        )
        .into());
    }
    if path.contains("upload") {
        let call = ReportCall::parse(&query).unwrap();
        let id = s.stations.by_uuid(&call.device).unwrap();
        let Ok(uplink) = A8::default().decode(&body) else {
            return Json(serde_json::json!({"code":500}));
        };
        let raw = RawFrame {
            at: now,
            device: call.device,
            channel: Channel::Http,
            kind: "report",
            bytes: body.to_vec(),
        };
        let good = s
            .stations
            .uplink(id, Inbound { uplink, raw, at: now, live: true, earliest: now, ack: None })
            .await;
        if good.is_err() {
            return Json(serde_json::json!({"code":500}));
        }
        return ok("".into());
    }
    if path.contains("return") {
        let call = ReturnCall::parse(&query).unwrap();
        let id = s.stations.by_uuid(&call.device).unwrap();
        let uplink = devices::Uplink::Returned(devices::Returned {
            key: domain::ids::SlotKey::new(0, call.slot.unwrap_or(0)),
            sn: Some(call.sn),
            result: domain::returns::ReturnResult::Accepted,
            code: 1,
            level: call.level,
            bank_version: None,
            area: 0,
        });
        let raw = RawFrame {
            at: now,
            device: call.device,
            channel: Channel::Http,
            kind: "return",
            bytes: query.into_bytes(),
        };
        let _ = s
            .stations
            .uplink(id, Inbound { uplink, raw, at: now, live: true, earliest: now, ack: None })
            .await;
        return ok("".into());
    }
    ok("{}".into())
}

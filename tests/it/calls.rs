//! Calls over HTTP, as cabinets and riders make them, to a whole node.

use devices::a8::build::ReturnForm;
use devices::a8::http::answer::ConnectAnswer;
use devices::a8::sign::sign;
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Redirect, RedirectMethod};
use serde_json::{Value, json};

use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{AuditEntry, Fact, IntentWrite, NewIntent};
use chargeghar::store::stations::Particulars;

use crate::harness::node::TestNode;

const UUID: &str = "860000000000017";
const STRANGER: &str = "860000000000090";

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_cabinet_is_told_its_broker_on_the_paths_of_both_generations() {
    let node = TestNode::start().await;
    node.enrol(UUID, "CG-1", 8).await;
    let query = connect_query(UUID);

    let newer = call(&node, "POST", &format!("/api/rentbox/client/connect?{query}"), b"").await;
    let older = call(&node, "GET", &format!("/api/iot/client/con?{query}"), b"").await;

    for (status, body) in [newer, older] {
        assert_eq!((status, &body["code"], &body["msg"]), (200, &json!(200), &json!("OK")));
        let answer = ConnectAnswer::parse(body["data"].as_str().unwrap()).unwrap();
        let password = node.node.credentials.password(&UUID.into(), 1);
        assert_eq!((answer.client_id.as_str(), answer.username.as_str()), (UUID, UUID));
        assert_eq!(answer.password, password.expose());
        assert_eq!((answer.host.as_str(), answer.port), node.node.mqtt_addr());
    }
    let config = format!("/api/rentbox/client/config?{}", signed(&[("rentboxSN", UUID)]));
    let (status, body) = call(&node, "POST", &config, b"{\"APN\":\"\"cmnet\"\"}").await;
    assert_eq!(status, 200);
    let settings: Value = serde_json::from_str(body["data"].as_str().unwrap()).unwrap();
    assert_eq!(settings["dAreaConfig"], "0");
    let (status, _) = call(&node, "GET", "/api/rentbox/config/data", b"").await;
    assert_eq!(status, 200, "older firmware does not say who it is");
    let adverts = format!("/api/advert/rentbox/distribute/list?{}", signed(&[("uuid", UUID)]));
    assert_eq!(call(&node, "GET", &adverts, b"").await.1["data"], json!([]));
    let (_, firmware) = call(&node, "GET", "/api/iot/app/version/publish/mcu", b"").await;
    assert_eq!((&firmware["code"], &firmware["data"]), (&json!(200), &json!("")));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_nobody_enrolled_gets_nothing_and_is_listed_as_pending() {
    let node = TestNode::start().await;
    let path = format!("/api/rentbox/client/connect?{}", connect_query(STRANGER));

    for _ in 0..3 {
        let (status, body) = call(&node, "POST", &path, b"hardware=V6086").await;
        assert_eq!((status, &body["code"], &body["data"]), (500, &json!(500), &Value::Null));
    }

    node.clock.advance(std::time::Duration::from_mins(1));
    let seen = node
        .until_async("the stranger is pending", async || {
            let pending = node.node.context.store.pending(10).await.unwrap();
            pending.into_iter().next()
        })
        .await;
    assert_eq!((seen.device_uuid.as_str(), seen.attempts), (STRANGER, 3));
    assert_eq!(seen.hardware.as_deref(), Some("V6086"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_served_unless_the_station_insists() {
    let node = TestNode::start().await;
    node.enrol(UUID, "CG-1", 8).await;
    let path = format!("/api/rentbox/client/config?rentboxSN={UUID}&sign=0");
    assert_eq!(call(&node, "POST", &path, b"").await.0, 200);

    node.enrol("860000000000025", "CG-2", 8).await;
    node.database.run("update stations set strict_sign = true where serial = 'CG-2'").await;
    let id = node.node.stations.by_uuid(&"860000000000025".into()).unwrap();
    let row = node.node.context.store.station(id).await.unwrap();
    node.node.admit(row).await.unwrap();
    let path = "/api/rentbox/client/config?rentboxSN=860000000000025&sign=0";
    let (status, body) = call(&node, "POST", path, b"").await;
    assert_eq!((status, &body["code"]), (500, &json!(500)));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_report_changes_nothing_and_failures_never_stop_a_return() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(UUID, "CG-1", &["40818048"]).await;
    let before = node.database.text("select max(version) from stations").await;
    let upload = signed(&[("rentboxSN", UUID), ("signal", "CSQ:31")]);
    let path = format!("/api/rentbox/upload/data?{}", upload.replace(':', "%3A"));

    for _ in 0..100 {
        let (status, body) = call(&node, "POST", &path, &[0xA8, 0, 3, 0x10, 1, 2]).await;
        assert_eq!((status, &body["code"]), (500, &json!(500)));
    }

    assert_eq!(node.database.text("select max(version) from stations").await, before);
    let told = signed(&[("rentboxSN", UUID), ("singleSN", "40818048"), ("hole", "1")]);
    let path = format!("/api/rentbox/order/return?{told}&power=80");
    let (status, body) = call(&node, "GET", &path, b"").await;
    assert_eq!((status, &body["code"]), (200, &json!(200)));
    drop(cabinet);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_nobody_could_read_is_told_once_and_only_by_the_cabinets_own_session() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(UUID, "CG-1", &["40818048"]).await;
    let path = format!("/api/rentbox/upload/data?{}", signed(&[("rentboxSN", UUID)]));
    let checks = || cabinet.counts().command("check_all");
    node.clock.advance(std::time::Duration::from_secs(5));
    let before = checks();

    for slot in [5, 5, 6] {
        assert_eq!(call(&node, "POST", &path, &unread(slot)).await.0, 200);
    }

    node.until("the cabinet is asked", || (checks() > before).then_some(())).await;
    assert_eq!(node.database.number(UNREAD).await, 0, "anybody can make this call");

    node.clock.advance(std::time::Duration::from_secs(5));
    let before = checks();
    for slot in [5, 5, 6] {
        cabinet.send_raw(cabinet.topic("update"), unread(slot));
    }
    until_unread(&node, 2).await;
    node.until("the next report decides", || (checks() > before).then_some(())).await;

    let looked = "update incidents set state = 'resolved', resolved_at = now()";
    node.database.run(looked).await;
    cabinet.send_raw(cabinet.topic("update"), unread(5));
    until_unread(&node, 3).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lenient_station_is_read_over_mqtt_although_its_checksums_are_wrong() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(UUID, "CG-1", &["40818048"]).await;
    let mut wrong = unread(5);
    *wrong.last_mut().unwrap() ^= 0x55;

    cabinet.send_raw(cabinet.topic("update"), wrong.clone());
    cabinet.send_raw(cabinet.topic("update"), unread(6));
    until_unread(&node, 1).await;

    let store = &node.node.context.store;
    let row = store.find_station("CG-1").await.unwrap();
    let about = Particulars { lenient: true, ..row.info.about.clone() };
    let audit = AuditEntry {
        actor: "test".into(),
        action: "station.set",
        target: "CG-1".into(),
        details: json!({}),
    };
    let told = store.describe_station(row.info.id, row.version, about, audit).await.unwrap();
    node.node.stations.described(told);
    cabinet.send_raw(cabinet.topic("update"), wrong);
    until_unread(&node, 2).await;
    node.stop().await;
}

const UNREAD: &str = "select count(*) from incidents where kind = 'return_unidentified'";

/// A bank was put in and could not be read.
fn unread(slot: u8) -> Vec<u8> {
    devices::a8::build::returned(1, slot, 0, 0, 0x11, ReturnForm::Bare)
}

async fn until_unread(node: &TestNode, count: i64) {
    node.until_async("so many incidents", async || {
        (node.database.number(UNREAD).await == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_payment_is_credited_once_however_many_verify_it() {
    let node = TestNode::start().await;
    let rider = node.rider(0).await;
    let id = intent(&node, rider).await;
    let verify = || post(&node, "/api/payments/verify", json!({ "intent_id": id }));

    let (status, body) = verify().await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("payment_verification_failed")));
    let paid = json!({ "intent_id": id, "outcome": "paid" });
    assert_eq!(post(&node, "/api/sandbox/pay", paid).await.0, 200);
    let answers = futures::future::join_all((0..10).map(|_| verify())).await;

    for (status, body) in answers {
        assert_eq!((status, &body["data"]["status"]), (200, &json!("COMPLETED")), "{body}");
        assert!(body["data"]["transaction_id"].as_str().unwrap().starts_with("TXN"));
        assert_eq!(body["data"]["new_balance"], Value::Null, "for the owner only");
    }
    assert_eq!(node.wallet(rider).await, Money::rupees(500));
    let (status, body) = post(&node, "/api/payments/verify", json!({ "intent_id": "x" })).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("intent_not_found")));
    let (_, methods) = call(&node, "GET", "/api/payments/methods", b"").await;
    assert_eq!(methods["data"]["payment_methods"][0]["gateway"], "sandbox");
    node.audit().await;
    node.stop().await;
}

/// As a login's top-up leaves it.
async fn intent(node: &TestNode, rider: RiderId) -> IntentId {
    let id = IntentId(Entropy::system().uuid());
    let redirect = Redirect {
        url: String::new(),
        method: RedirectMethod::Get,
        fields: [].into(),
        instructions: None,
    };
    let mut fact = Fact::at(node.clock.now());
    fact.intent = Some(IntentWrite::Create(NewIntent {
        id,
        rider,
        gateway: Gateway::Sandbox,
        amount: Money::rupees(500),
        gateway_ref: format!("sandbox-{id}"),
        redirect: serde_json::to_value(redirect).unwrap(),
        expires_at: node.clock.now() + chrono::TimeDelta::minutes(30),
        next_check_at: None,
        errand: None,
    }));
    node.node.context.store.commit(fact).await.unwrap();
    id
}

fn connect_query(uuid: &str) -> String {
    signed(&[("simUUID", ""), ("simMobile", ""), ("uuid", uuid), ("deviceId", "0")])
}

fn signed(params: &[(&str, &str)]) -> String {
    let texts: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&sign={}", texts.join("&"), sign(params))
}

async fn call(node: &TestNode, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let url = format!("http://{}{path}", node.node.http_addr());
    let request = client().request(method.parse().unwrap(), url).body(body.to_vec());
    answer(request).await
}

async fn post(node: &TestNode, path: &str, body: Value) -> (u16, Value) {
    answer(client().post(format!("http://{}{path}", node.node.http_addr())).json(&body)).await
}

fn client() -> reqwest::Client {
    // whoever was first is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

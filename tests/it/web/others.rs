//! What belongs to one rider, asked for by another and by nobody: every route of the description
//! that takes an id, in its path or in its body. A new route with an id that is not known here
//! fails.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::walk::{Route, fitting};
use crate::harness::app::{Answer, App};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
/// The sandbox, as a way to pay.
const SANDBOX: &str = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a3009";

#[tokio::test(flavor = "multi_thread")]
async fn no_route_shows_or_moves_what_belongs_to_another_rider() {
    let node = TestNode::start().await;
    let owned = Owned::by_a_rider(&node).await;
    let other = node.app(node.rider(500).await);
    let api = node.stranger().get("/api/v1/schema").await.body;
    let requests: Vec<Request> =
        Route::all(&api).iter().flat_map(|route| owned.asked_by(route)).collect();
    assert!(requests.len() >= 20, "{} requests", requests.len());
    let before = everything(&node).await;

    for request in &requests {
        let answer = request.by(&other).await;
        let unknown = match request.rule {
            Rule::OfItsRider | Rule::ProofOfPayment => answer.status == 404,
            Rule::WayBack => answer.status < 400,
        };
        assert!(unknown, "{request:?} by another rider: {answer:?}");
        assert!(answer.body["data"].is_null(), "{request:?} by another rider: {answer:?}");
        let answer = request.by(&node.stranger()).await;
        let closed = match request.rule {
            Rule::OfItsRider => answer.status == 401,
            Rule::ProofOfPayment => answer.body["data"]["new_balance"].is_null(),
            Rule::WayBack => answer.status < 400 && answer.body.is_null(),
        };
        assert!(closed, "{request:?} by nobody: {answer:?}");
        assert_eq!(everything(&node).await, before, "{request:?}");
    }

    let mut shown = 0;
    for request in requests.iter().filter(|request| request.method == Method::GET) {
        let answer = request.by(&owned.app).await;
        shown += usize::from(answer.status == 200);
    }
    assert!(shown >= 8, "its rider sees {shown} of these");
    node.audit().await;
}

/// Who may use an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Only its rider; to others it is not there.
    OfItsRider,
    /// Another rider has no such payment. A browser without a login may bring the proof of one:
    /// its gateway is asked, and no balance is told.
    ProofOfPayment,
    /// The browser of whoever paid comes back here without a login; it says nothing but the id.
    WayBack,
}

/// One request with an id that belongs to somebody.
#[derive(Debug)]
struct Request {
    rule: Rule,
    method: Method,
    address: String,
    body: Option<Value>,
}

impl Request {
    async fn by(&self, app: &App) -> Answer {
        let request = app.request(self.method.clone(), &self.address);
        let request = self.body.iter().fold(request, RequestBuilder::json);
        let response = request.send().await.unwrap();
        // a live stream has no end
        if response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            return Answer { status, headers, body: Value::Null };
        }
        Answer::of(response).await
    }
}

/// One rider and all that a rider can have.
struct Owned {
    app: App,
    rentals: Vec<String>,
    intents: Vec<String>,
    withdrawals: Vec<String>,
    transactions: Vec<String>,
}

impl Owned {
    /// A rental that is over and one that is open, payments that are done and one that is begun,
    /// a withdrawal and a refund.
    async fn by_a_rider(node: &TestNode) -> Owned {
        let first = node.cabinet(CABINET, "CG-1", &["40818048"]).await;
        let second = node.cabinet(OTHER, "CG-2", &["40818060"]).await;
        let rider = node.rider(2_000).await;
        let app = node.app(rider);
        let over = node.rent(rider, "CG-1").await.unwrap();
        let bank = first.take(&over.bank).unwrap();
        node.clock.advance(std::time::Duration::from_mins(10));
        second.insert(bank, None).unwrap();
        node.until_status(over.id, domain::rental::Status::Completed).await;
        let open = node.rent(rider, "CG-2").await.unwrap();
        second.take(&open.bank).unwrap();

        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut intents = Vec::new();
        for _ in 0..2 {
            let top_up = json!({ "amount": "100", "payment_method_id": SANDBOX });
            let begun = app.post("/api/payments/wallet/topup-intent", &top_up).await;
            intents.push(text(&begun.data()["intent_id"]));
        }
        let paid = json!({ "intent_id": intents[0], "outcome": "paid" });
        app.post("/api/sandbox/pay", &paid).await.data();
        app.post("/api/payments/verify", &json!({ "intent_id": intents[0] })).await.data();
        let out = json!({ "amount": 200, "withdrawal_method": "esewa",
            "phone_number": "9800000000" });
        let out = app.post("/api/payments/withdrawals/request", &out).await;
        let moves = node.shown(rider, "payments/transactions").await;
        let transactions = names(&moves["transactions"], "transaction_id");
        Owned {
            app,
            rentals: vec![over.id.to_string(), open.id.to_string()],
            intents,
            withdrawals: vec![text(&out.data()["id"])],
            transactions,
        }
    }

    /// A route with each id of this rider that fits in it.
    fn asked_by(&self, route: &Route) -> Vec<Request> {
        let path = route.path.as_str();
        if path.starts_with("/api/sandbox/") {
            return vec![]; // a toy: whoever has the link plays, and it credits nothing
        }
        let rule = match path {
            "/api/payments/verify" => Rule::ProofOfPayment,
            "/api/payments/esewa/failure/{intent_id}" => Rule::WayBack,
            _ => Rule::OfItsRider,
        };
        let request = |address: String, body: Option<Value>| {
            let method = route.method.clone();
            Request { rule, method, address, body }
        };
        let of_path = self.in_path(path).iter().map(|id| {
            let body = route.fields.as_ref().map(|fields| body(fields, None));
            request(route.with_names(id), body)
        });
        let of_body = route.fields.iter().flatten().flat_map(|field| {
            let fields = route.fields.as_deref().unwrap_or_default();
            let ids = self.in_body(path, field).iter();
            ids.map(move |id| {
                request(route.address(), Some(body(fields, Some((field.as_str(), id.as_str())))))
            })
        });
        of_path.chain(of_body).collect()
    }

    fn in_path(&self, path: &str) -> &[String] {
        match path {
            path if !path.contains('{') => &[],
            // everybody sees cabinets
            "/api/stations/{serial_number}" => &[],
            path if path.starts_with("/api/rentals/{id}") => &self.rentals,
            path if path.contains("{intent_id}") => &self.intents,
            path if path.contains("{withdrawal_id}") => &self.withdrawals,
            path => panic!("whose is the id of {path}?"),
        }
    }

    fn in_body(&self, path: &str, field: &str) -> &[String] {
        match field {
            "rental_id" => &self.rentals,
            "intent_id" => &self.intents,
            "transaction_id" => &self.transactions,
            // everybody's
            "package_id" | "payment_method_id" => &[],
            field if !field.ends_with("_id") => &[],
            field => panic!("whose is the {field} of {path}?"),
        }
    }
}

/// A body that fits, with this id and no other.
fn body(fields: &[String], id: Option<(&str, &str)>) -> Value {
    let values = fields.iter().map(|name| {
        let value = match id {
            Some((field, id)) if field == name => json!(id),
            Some(_) if name.ends_with("_id") && name != "payment_method_id" => Value::Null,
            Some(_) | None if name == "reason" => json!("it was not what I wanted"),
            Some(_) | None if name == "payment_method_id" => json!(SANDBOX),
            Some(_) | None => fitting(name),
        };
        (name.clone(), value)
    });
    Value::Object(values.collect())
}

fn names(rows: &Value, field: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// Every row that a rider's request can change.
async fn everything(node: &TestNode) -> String {
    let tables = [
        "rentals",
        "rental_events",
        "banks",
        "payment_intents",
        "ledger_transfers",
        "ledger_balances",
        "withdrawals",
        "refunds",
        "incidents",
        "idempotency_keys",
    ];
    let rows = tables.map(|table| format!("select '{table} ' || t::text as row from {table} t"));
    let all = format!(
        "select string_agg(row, E'\\n' order by row) from ({}) q",
        rows.join(" union all ")
    );
    node.database.text(&all).await
}

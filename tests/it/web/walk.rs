//! Every route of the description, asked with everything that a client should not send. Each
//! answer is in the envelope, and none is an error of the server.

use futures::StreamExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::app::{App, HOUR};
use crate::harness::node::TestNode;

/// Requests in work at once.
const AT_ONCE: usize = 8;
/// More tries on a new connection.
const TRIES: usize = 3;
const UUID: &str = "0b7f9e2a-0000-4b7e-9d52-3f1f4c8a1001";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_to_a_route_the_answer_is_in_the_envelope_and_never_500() {
    let node = TestNode::with_settings(|config| {
        config.limits.requests_per_minute = 1_000_000;
        config.limits.anonymous_per_minute = 1_000_000;
        config.limits.streams_per_rider = 1_000;
        config.limits.starts_per_minute = 1_000_000;
        config.limits.otp_per_address_hour = 1_000_000;
    })
    .await;
    node.enrol("860000000000017", "CG-1", 8).await;
    let rider = node.app(node.rider(100).await);
    let api = node.stranger().get("/api/v1/schema").await.body;
    let routes = Route::all(&api);
    assert!(routes.len() > 20, "{} routes", routes.len());

    let mut cases = Vec::new();
    for route in &routes {
        let asked = route.cases();
        cases.extend(asked.into_iter().map(|case| (case, rider.clone())));
        cases.push((Case::plain(route, &route.address()), node.stranger()));
    }
    let asked = cases.len();
    let faults: Vec<String> = futures::stream::iter(cases)
        .map(|(case, app)| async move { case.fault(&app).await })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |fault| fault)
        .collect()
        .await;

    assert!(asked > 1_000, "{asked} requests");
    assert!(faults.is_empty(), "{} of {asked}:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(node.stranger().get("/healthz").await.status, 200);
    node.audit().await;
}

/// One operation of the description.
pub(super) struct Route {
    pub method: Method,
    pub path: String,
    query: Vec<String>,
    /// The fields of its body, if it takes one.
    pub fields: Option<Vec<String>>,
    /// Methods that this path does not take.
    others: Vec<Method>,
}

impl Route {
    pub fn all(api: &Value) -> Vec<Route> {
        let paths = api["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| Route::of(api, path, item)).collect()
    }

    fn of(api: &Value, path: &str, item: &Value) -> Vec<Route> {
        let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let operation = |method: &Method| item.get(method.as_str().to_lowercase());
        let others: Vec<_> =
            methods.iter().filter(|method| operation(method).is_none()).cloned().collect();
        let taken = methods.iter().filter_map(|method| Some((method, operation(method)?)));
        taken
            .map(|(method, operation)| Route {
                method: method.clone(),
                path: path.to_owned(),
                query: query(operation),
                fields: fields(api, operation),
                others: others.clone(),
            })
            .collect()
    }

    /// With something that fits in the place of each name.
    pub fn address(&self) -> String {
        self.with_names(if self.path.contains("serial") { "CG-1" } else { UUID })
    }

    pub fn with_names(&self, word: &str) -> String {
        let parts = self.path.split('/');
        let parts = parts.map(|part| if part.starts_with('{') { word } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    fn cases(&self) -> Vec<Case> {
        let address = self.address();
        let mut cases = vec![Case::plain(self, &address)];
        if self.path.contains('{') {
            let names = ["x", "%00", "%FF", "..%2F..", "%F0%9F%98%80", "-1", "'%3B--", "live"];
            cases.extend(names.map(|name| Case::plain(self, &self.with_names(name))));
            cases.push(Case::plain(self, &self.with_names(&"9".repeat(5_000))));
        }
        for name in &self.query {
            let words = [
                "",
                "x",
                "0",
                "-1",
                "1e999",
                "NaN",
                "inf",
                "99999999999999999999",
                "%00",
                "%FF",
                "1000000000",
                "-0",
                "4294967295",
                "0001-01-01",
                "9999-12-31",
                "-9999-01-01",
                "9999-12-31T23:59:59.999999%2B14:00",
                "%27%20or%201=1",
                "1,2,3,4",
                "[]",
            ];
            let far = words.map(|word| Case::plain(self, &format!("{address}?{name}={word}")));
            cases.extend(far);
            let twice = format!("{address}?{name}=1&{name}=2");
            let long = format!("{address}?{name}={}", "a".repeat(9_000));
            cases.extend([Case::plain(self, &twice), Case::plain(self, &long)]);
        }
        let headers = HEADERS.iter().map(|header| vec![*header]);
        cases.extend(headers.map(|headers| Case { headers, ..Case::plain(self, &address) }));
        cases.push(Case { headers: vec![], ..Case::plain(self, &format!("{address}/")) });
        cases.extend(self.bodies().into_iter().map(|(kind, body)| Case {
            headers: vec![("content-type", kind)],
            body,
            ..Case::plain(self, &address)
        }));
        let others = self.others.iter().cloned();
        cases.extend(others.map(|method| Case { method, ..Case::plain(self, &address) }));
        cases
    }

    /// What a body should not be. A route that takes none gets some all the same.
    fn bodies(&self) -> Vec<(&'static str, Vec<u8>)> {
        const JSON: &str = "application/json";
        let mut texts: Vec<Vec<u8>> =
            ["", "{", "[]", "null", "\"x\"", "123", "{}", "{\"a\":}", "\u{feff}{}", "{\"\":\"\"}"]
                .map(|text| text.as_bytes().to_vec())
                .into();
        texts.push("[".repeat(30_000).into_bytes());
        texts.push(format!("{{\"a\":\"{}\"}}", "x".repeat(200_000)).into_bytes());
        texts.push(b"{\"identifier\":\"\xff\xfe\"}".to_vec());
        texts.push(b"{\"identifier\":\"a\0b\"}".to_vec());
        let mut bodies: Vec<_> = texts.into_iter().map(|text| (JSON, text)).collect();
        for field in self.fields.iter().flatten() {
            bodies.extend(ODD.iter().map(|odd| (JSON, self.body_with(field, odd))));
            let long = format!("\"{}\"", "é".repeat(5_000));
            bodies.push((JSON, self.body_with(field, &long)));
            let form = "application/x-www-form-urlencoded";
            for odd in ["%FF", "%00", "", "%", "a%20b"] {
                bodies.push((form, format!("{field}={odd}").into_bytes()));
            }
        }
        bodies.push(("multipart/form-data; boundary=x", b"--x--".to_vec()));
        bodies.push(("text/plain", b"hello".to_vec()));
        bodies
    }

    /// A body whose other fields fit.
    fn body_with(&self, field: &str, odd: &str) -> Vec<u8> {
        let fields = self.fields.iter().flatten().map(|name| {
            let value = if name == field { odd.to_owned() } else { fitting(name).to_string() };
            format!("{}:{value}", json!(name))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(",")).into_bytes()
    }
}

/// Headers that make no sense.
const HEADERS: [(&str, &str); 12] = [
    ("idempotency-key", "é"),
    ("idempotency-key", " "),
    ("last-event-id", "x-y"),
    ("authorization", "Bearer"),
    ("authorization", "Basic eDp5"),
    ("x-request-id", "é"),
    ("if-none-match", "\"é\", *"),
    ("content-type", "text/é"),
    ("accept", "image/png"),
    ("x-forwarded-for", "1.2.3.4, x"),
    ("range", "bytes=9-1"),
    ("expect", "a miracle"),
];

/// Values of a field, as they stand in a body.
const ODD: [&str; 21] = [
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1e30",
    "0.001",
    "-0.0",
    "[]",
    "{}",
    "\"\"",
    "\" \"",
    "\"x\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud800\"",
    "\"NaN\"",
    "\"1e5\"",
    "\"-5.00\"",
    "99999999999999999999999999999999999999",
    "\"79228162514264337593543950335.99\"",
];

pub(super) fn fitting(field: &str) -> Value {
    match field {
        "station_sn" => json!("CG-1"),
        "package_id" => json!(HOUR),
        "payment_mode" => json!("wallet"),
        "payment_method_id" => json!("sandbox"),
        "amount" => json!("100"),
        "identifier" => json!("9800000009"),
        "otp" => json!("123456"),
        "username" => json!("somebody"),
        "verification_token" | "intent_id" => json!(UUID),
        "outcome" => json!("paid"),
        _ => Value::Null,
    }
}

fn query(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|parameter| parameter["in"] == "query");
    query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

fn fields(api: &Value, operation: &Value) -> Option<Vec<String>> {
    let content = operation["requestBody"]["content"].as_object()?;
    let schema = &content.values().next()?["schema"];
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    let fields = api["components"]["schemas"][name]["properties"].as_object()?;
    Some(fields.keys().cloned().collect())
}

/// One request.
struct Case {
    method: Method,
    address: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
}

impl Case {
    fn plain(route: &Route, address: &str) -> Case {
        let (method, address) = (route.method.clone(), address.to_owned());
        Case { method, address, headers: Vec::new(), body: Vec::new() }
    }

    fn request(&self, app: &App) -> RequestBuilder {
        let request = app.request(self.method.clone(), &self.address).body(self.body.clone());
        self.headers.iter().fold(request, |request, (name, value)| {
            let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.header(*name, value)
        })
    }

    /// A connection that the server closes after an answer, while the body of its request or
    /// the next request is on its way, breaks: HTTP lets it. Another one does not.
    async fn answer(&self, app: &App) -> reqwest::Result<reqwest::Response> {
        let mut answer = self.request(app).send().await;
        for _ in 0..TRIES {
            let Err(error) = &answer else { break };
            if !error.is_request() {
                break;
            }
            answer = self.request(app).send().await;
        }
        answer
    }

    /// What is wrong with the answer.
    async fn fault(&self, app: &App) -> Option<String> {
        let response = match self.answer(app).await {
            Ok(response) => response,
            Err(error) => return Some(self.tell(&format!("no answer: {error:?}"))),
        };
        let status = response.status().as_u16();
        // a refusal of the server's own framing, before there is a request
        if status < 400 || status == 414 || status == 431 {
            return None;
        }
        let text = response.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = body["error"]["code"].as_str().or(body["error_code"].as_str());
        let is_said = body["success"] == false
            && code.is_some_and(|code| !code.is_empty())
            && (body["error"]["message"].is_string() || body["message"].is_string());
        let is_ready = self.address == "/readyz" && status == 503;
        let is_well = is_ready || is_said && (status < 500 || status == 503);
        (!is_well).then(|| self.tell(&format!("{status} {text:.200}")))
    }

    fn tell(&self, what: &str) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let Case { method, address, headers, .. } = self;
        format!("{method} {address:.120} {headers:?} {body:.120} -> {what}")
    }
}

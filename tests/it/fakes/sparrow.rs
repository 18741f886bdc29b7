//! Sparrow SMS, version 2: a form in, JSON out, its own code in the body whatever the status.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chargeghar::config::{Config, Secret, SmsProvider};
use chargeghar::spawn::spawn;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub const TOKEN: &str = "token-of-a-story";
const FROM: &str = "ChargeGhar";

/// How the next message goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is taken, and this is its reason.
    Refuses(i64),
    /// It is taken, and nothing is said.
    TakesInSilence,
    /// Nothing is taken, and a page of some proxy comes.
    Page(u16),
}

pub struct Sparrow {
    pub url: String,
    office: Arc<Office>,
    server: AbortHandle,
}

#[derive(Default)]
struct Office {
    /// Numbers and texts.
    taken: Mutex<Vec<(String, String)>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Sparrow {
    pub async fn open() -> Sparrow {
        let office = Arc::new(Office::default());
        let router = Router::new()
            .route("/v2/sms/", post(take))
            .route("/v2/credit/", get(credit))
            .with_state(Arc::clone(&office));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2/", listener.local_addr().unwrap());
        let served = spawn("fake", async move { axum::serve(listener, router).await.unwrap() });
        Sparrow { url, office, server: served.abort_handle() }
    }

    /// Makes it the one that carries text messages.
    pub fn configure(&self, config: &mut Config) {
        config.sms.provider = SmsProvider::Sparrow;
        config.sms.sparrow_url.clone_from(&self.url);
        config.sms.sparrow_from = FROM.to_owned();
        config.sms.sparrow_token = Secret::new(TOKEN);
    }

    /// The same as variables of a process.
    pub fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("CHARGEGHAR__SMS__PROVIDER", "sparrow"),
            ("CHARGEGHAR__SMS__SPARROW_URL", &self.url),
            ("CHARGEGHAR__SMS__SPARROW_FROM", FROM),
            ("CHARGEGHAR__SMS__SPARROW_TOKEN", TOKEN),
        ]
    }

    /// The next messages go wrong, each in its own way.
    pub fn fault(&self, fault: Fault) {
        self.office.faults.lock().push_back(fault);
    }

    /// The codes that a number was sent, in order.
    pub fn codes(&self, number: &str) -> Vec<String> {
        let taken = self.office.taken.lock();
        let texts = taken.iter().filter(|(to, _)| to == number).map(|(_, text)| text);
        texts.map(|text| super::code_in(text)).collect()
    }
}

impl Drop for Sparrow {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Deserialize)]
struct Message {
    token: String,
    from: String,
    to: String,
    text: String,
}

async fn take(State(office): State<Arc<Office>>, Form(message): Form<Message>) -> Response {
    let Message { token, from, to, text } = message;
    let fault = office.faults.lock().pop_front();
    match fault {
        Some(Fault::Refuses(code)) => return refused(code),
        Some(Fault::Page(status)) => return page(status),
        Some(Fault::TakesInSilence) | None => {}
    }
    let ten = to.len() == 10 && to.bytes().all(|byte| byte.is_ascii_digit());
    match (token == TOKEN, from == FROM, ten, text.is_empty()) {
        (false, _, _, _) => return refused(1002),
        (_, false, _, _) => return refused(1008),
        (_, _, false, _) => return refused(1007),
        (_, _, _, true) => return refused(1010),
        (true, true, true, false) => office.taken.lock().push((to, text)),
    }
    if fault.is_some() {
        return pending().await;
    }
    Json(json!({
        "count": 1, "response_code": 200, "response": "1 mesages has been queued for delivery",
    }))
    .into_response()
}

#[derive(Deserialize)]
struct Asker {
    token: String,
}

async fn credit(Query(asker): Query<Asker>) -> Response {
    if asker.token != TOKEN {
        return refused(1002);
    }
    let body = json!({ "credits_available": 70, "credits_consumed": 30, "response_code": 200 });
    Json(body).into_response()
}

fn refused(code: i64) -> Response {
    let body = json!({ "response_code": code, "response": "as its list says" });
    (StatusCode::FORBIDDEN, Json(body)).into_response()
}

fn page(status: u16) -> Response {
    (StatusCode::from_u16(status).unwrap(), "<html>not its own words</html>").into_response()
}

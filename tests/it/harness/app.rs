//! A rider's app over real HTTP: what is asked, and the answer with its status and headers.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::node::SOON;

/// The package of an hour.
pub const HOUR: &str = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001";

#[derive(Clone)]
pub struct App {
    client: Client,
    base_url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl App {
    pub fn new(base_url: &str) -> App {
        // whoever was first is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        App { client, base_url: base_url.to_owned(), token: None }
    }

    pub fn bearing(&self, token: &str) -> App {
        App { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base_url));
        self.token.iter().fold(request, RequestBuilder::bearer_auth)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(body)).await
    }

    /// With an idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key);
        Answer::to(request.json(body)).await
    }

    /// Opens a live stream.
    pub async fn stream(&self, path: &str, last: Option<&str>) -> Response {
        let request = self.request(Method::GET, path);
        let request =
            last.into_iter().fold(request, |request, last| request.header("Last-Event-ID", last));
        request.send().await.unwrap()
    }

    /// The head and body of a request as they go over the wire.
    pub fn raw(&self, method: &str, path: &str, body: &str) -> String {
        self.raw_with("", method, path, body)
    }

    /// The same with an idempotency key.
    pub fn raw_keyed(&self, path: &str, key: &str, body: &str) -> String {
        self.raw_with(&format!("idempotency-key: {key}\r\n"), "POST", path, body)
    }

    fn raw_with(&self, header: &str, method: &str, path: &str, body: &str) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\n\
             {header}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn of(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.json().await.unwrap_or_default() }
    }

    /// The code of a refusal, in either shape.
    pub fn code(&self) -> &str {
        let codes = [&self.body["error"]["code"], &self.body["error_code"]];
        codes.into_iter().find_map(Value::as_str).unwrap_or_default()
    }

    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn is_replay(&self) -> bool {
        self.header("idempotency-replayed") == "true"
    }

    pub fn data(&self) -> &Value {
        assert_eq!(self.body["success"], true, "{self:?}");
        &self.body["data"]
    }
}

/// A rental of an hour with any bank of a cabinet.
pub fn start(serial: &str) -> Value {
    json!({ "station_sn": serial, "package_id": HOUR, "payment_mode": "wallet" })
}

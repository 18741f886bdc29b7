//! A rider's app: the calls it makes and what it reads of the answers. Knows no more than the
//! public API.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// Longest wait for one answer; a start waits for the bank.
const PATIENCE: Duration = Duration::from_secs(20);

/// An app with its session.
#[derive(Clone)]
pub struct Rider {
    client: Client,
    api: String,
    token: Option<String>,
    pub phone: String,
}

/// An answer that is no success.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{path}: {status} {code}: {message}")]
pub struct Refused {
    pub path: String,
    pub status: u16,
    pub code: String,
    pub message: String,
}

/// What the app keeps of a rental.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: String,
    pub code: String,
    pub status: String,
    pub bank: String,
    /// The answer is one that was given before.
    pub replayed: bool,
}

impl Rider {
    /// An app without session; `server` is like `http://127.0.0.1:8080`.
    pub fn new(server: &str, phone: String) -> anyhow::Result<Rider> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Rider { client, api: format!("{server}/api"), token: None, phone })
    }

    /// Asks for a login code; answers whether an account is there already.
    pub async fn ask_code(&self) -> anyhow::Result<bool> {
        let data = self.post("auth/otp/request", json!({ "identifier": self.phone })).await?;
        Ok(text(&data, "/purpose")? == "LOGIN")
    }

    /// Logs in with the code that came, and registers if need be.
    pub async fn log_in(&mut self, code: &str, name: &str) -> anyhow::Result<()> {
        let body = json!({ "identifier": self.phone, "otp": code });
        let verified = self.post("auth/otp/verify", body).await?;
        let body = json!({
            "identifier": self.phone,
            "verification_token": verified["verification_token"],
            "username": name,
        });
        let session = self.post("auth/complete", body).await?;
        self.token = Some(text(&session, "/tokens/access")?);
        Ok(())
    }

    /// What can be spent, such as `150.00`.
    pub async fn balance(&self) -> anyhow::Result<String> {
        amount(&self.get("users/wallet").await?, "/balance")
    }

    /// Puts money into the wallet by way of the sandbox; answers the new balance.
    pub async fn top_up(&self, rupees: u32) -> anyhow::Result<String> {
        let methods = self.get("payments/methods").await?;
        let sandbox = rows(&methods)?.iter().find(|method| method["gateway"] == "sandbox");
        let sandbox = sandbox.ok_or_else(|| anyhow!("the sandbox is not offered"))?;
        let body = json!({ "amount": rupees, "payment_method_id": sandbox["id"] });
        let intent = self.post("payments/wallet/topup-intent", body).await?;
        let intent = text(&intent, "/intent_id")?;
        let paid = json!({ "intent_id": intent, "outcome": "paid" });
        self.post("sandbox/pay", paid).await?;
        self.post("payments/verify", json!({ "intent_id": intent })).await?;
        self.balance().await
    }

    /// Stations around a place, nearest first.
    pub async fn nearby(&self, lat: f64, lng: f64, km: u8) -> anyhow::Result<Vec<Value>> {
        let path = format!("stations/nearby?lat={lat}&lng={lng}&radius={km}");
        Ok(rows(&self.get(&path).await?)?.clone())
    }

    /// Every station, as the map shows them.
    pub async fn stations(&self) -> anyhow::Result<Vec<Value>> {
        Ok(rows(&self.get("stations?page_size=50").await?)?.clone())
    }

    pub async fn station(&self, serial: &str) -> anyhow::Result<Value> {
        self.get(&format!("stations/{serial}")).await
    }

    pub async fn packages(&self) -> anyhow::Result<Vec<Value>> {
        Ok(rows(&self.get("rentals/packages").await?)?.clone())
    }

    /// Rents a bank. The same key again is the same rental.
    pub async fn rent(&self, serial: &str, package: &Value, key: &str) -> anyhow::Result<Taken> {
        let body = json!({ "station_sn": serial, "package_id": package, "payment_mode": "wallet" });
        let request = self.client.post(self.url("rentals/start")).json(&body);
        let request = request.header("idempotency-key", key);
        let (data, replayed) = self.send("rentals/start", request).await?;
        Ok(Taken {
            id: text(&data, "/rental_id")?,
            code: text(&data, "/rental_code")?,
            status: text(&data, "/status")?,
            bank: bank(&data)?,
            replayed,
        })
    }

    pub async fn rental(&self, id: &str) -> anyhow::Result<Value> {
        self.get(&format!("rentals/{id}")).await
    }

    /// The open rental, if there is one.
    pub async fn active(&self) -> anyhow::Result<Option<Value>> {
        Ok(Some(self.get("rentals/active").await?).filter(|rental| rental["id"].is_string()))
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(self.url(path));
        Ok(self.send(path, request).await?.0)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.post(self.url(path)).json(&body);
        Ok(self.send(path, request).await?.0)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.api)
    }

    /// The data of a success, and whether it was given before.
    async fn send(&self, path: &str, request: RequestBuilder) -> anyhow::Result<(Value, bool)> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.with_context(|| format!("{path}: no answer"))?;
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotency-replayed");
        let body: Value =
            response.json().await.with_context(|| format!("{path}: {status} without JSON"))?;
        if body["success"] == true {
            return Ok((body["data"].clone(), replayed));
        }
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let code = [&body["error"]["code"], &body["error_code"]].map(word).concat();
        let message = [&body["error"]["message"], &body["message"]].map(word).concat();
        Err(Refused { path: path.to_owned(), status, code, message }.into())
    }
}

/// The serial of the bank that a rental names.
pub fn bank(rental: &Value) -> anyhow::Result<String> {
    let bank = &rental["power_bank"];
    let known = ["serial_number", "serial", "sn"].iter().find_map(|name| bank[name].as_str());
    known.or_else(|| bank.as_str()).map(str::to_owned).context("the rental names no bank")
}

/// The rows of a list, bare or in a page.
fn rows(data: &Value) -> anyhow::Result<&Vec<Value>> {
    if let Some(rows) = data.as_array() {
        return Ok(rows);
    }
    let mut lists = data.as_object().into_iter().flat_map(|map| map.values());
    lists.find_map(Value::as_array).context("the answer has no list")
}

fn text(data: &Value, pointer: &str) -> anyhow::Result<String> {
    match data.pointer(pointer).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => bail!("the answer has no {pointer}: {data}"),
    }
}

/// Amounts are strings with two decimals.
fn amount(data: &Value, pointer: &str) -> anyhow::Result<String> {
    text(data, pointer)
}

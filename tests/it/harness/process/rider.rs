//! A rider's app over HTTP, against the built program.

use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{LOOK, Process, SOON, secrets};

/// The package of an hour.
const HOUR: &str = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001";

/// A rider's app over HTTP: as much of it as the stories need.
pub struct Rider {
    client: reqwest::Client,
    api: String,
    token: String,
}

impl Rider {
    /// Logs in with the code that the service prints, and tops up.
    pub async fn with_money(process: &mut Process, base_url: &str, rupees: u32) -> Rider {
        // somebody else in this program may have been first
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let mut rider = Rider { client, api: format!("{base_url}/api"), token: String::new() };
        let phone = format!("98{}", Entropy::system().digits(8));
        rider.post("auth/otp/request", &json!({ "identifier": phone })).await.unwrap();
        let sent = process.announced("otp.sent", |sent| sent["identifier"] == phone.as_str()).await;
        let code = json!({ "identifier": phone, "otp": sent["code"] });
        let verified = rider.post("auth/otp/verify", &code).await.unwrap();
        let token = &verified["verification_token"];
        let username = format!("rider{phone}");
        let session =
            json!({ "identifier": phone, "verification_token": token, "username": username });
        let session = rider.post("auth/complete", &session).await.unwrap();
        rider.token = session["tokens"]["access"].as_str().unwrap().to_owned();
        secrets::plant(&rider.token);
        rider.top_up(rupees).await;
        rider
    }

    async fn top_up(&self, rupees: u32) {
        let methods = self.get("payments/methods").await.unwrap();
        let sandbox = rows(&methods).iter().find(|method| method["gateway"] == "sandbox").unwrap();
        let wish = json!({ "amount": rupees, "payment_method_id": sandbox["id"] });
        let intent = self.post("payments/wallet/topup-intent", &wish).await.unwrap();
        let intent = &intent["intent_id"];
        let paid = json!({ "intent_id": intent, "outcome": "paid" });
        self.post("sandbox/pay", &paid).await.unwrap();
        self.post("payments/verify", &json!({ "intent_id": intent })).await.unwrap();
    }

    /// Begins to pay at a gateway; answers the id of the payment.
    #[cfg(feature = "failpoints")]
    pub async fn begin_to_pay(&self, gateway: &str, rupees: u32) -> String {
        let wish = json!({ "amount": rupees, "payment_method_id": gateway });
        let intent = self.post("payments/wallet/topup-intent", &wish).await.unwrap();
        intent["intent_id"].as_str().unwrap().to_owned()
    }

    /// Begins to pay, once for each key; answers the status.
    #[cfg(feature = "failpoints")]
    pub async fn pay_once(&self, key: &str, rupees: u32) -> u16 {
        let methods = self.get("payments/methods").await.unwrap();
        let sandbox = rows(&methods).iter().find(|method| method["gateway"] == "sandbox").unwrap();
        let wish = json!({ "amount": rupees, "payment_method_id": sandbox["id"] });
        let path = format!("{}/payments/wallet/topup-intent", self.api);
        let request = self.client.post(path).json(&wish).header("idempotency-key", key);
        request.bearer_auth(&self.token).send().await.unwrap().status().as_u16()
    }

    /// Asks what became of a payment. No answer comes from a service that dies meanwhile.
    #[cfg(feature = "failpoints")]
    pub async fn verify(&self, intent: &str) -> Result<Value, reqwest::Error> {
        self.post("payments/verify", &json!({ "intent_id": intent })).await
    }

    /// A start that the wallet cannot pay; answers the payment that is asked for.
    #[cfg(feature = "failpoints")]
    pub async fn short_of_money(&self, serial: &str) -> String {
        let wish = json!({ "station_sn": serial, "package_id": HOUR, "payment_mode": "wallet" });
        let request = self.client.post(format!("{}/rentals/start", self.api)).json(&wish);
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["data"]["intent_id"].as_str().unwrap().to_owned()
    }

    /// Wants to pay what is owed for a rental, with an empty wallet; answers the id of the payment.
    #[cfg(feature = "failpoints")]
    pub async fn short_of_dues(&self, rental: &str) -> String {
        let wish = json!({ "payment_mode": "wallet" });
        let path = format!("{}/rentals/{rental}/pay-due", self.api);
        let request = self.client.post(path).json(&wish).bearer_auth(&self.token);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        body["data"]["intent_id"].as_str().unwrap().to_owned()
    }

    /// Pays in the sandbox, and asks what became of it.
    #[cfg(feature = "failpoints")]
    pub async fn pay_and_verify(&self, intent: &str) -> Result<Value, reqwest::Error> {
        let paid = json!({ "intent_id": intent, "outcome": "paid" });
        self.post("sandbox/pay", &paid).await.unwrap();
        self.verify(intent).await
    }

    /// Asks for money out of the wallet. No answer comes from a service that dies meanwhile.
    pub async fn ask_out(&self, rupees: u32) -> Result<Value, reqwest::Error> {
        let to = json!({ "amount": rupees, "withdrawal_method": "esewa",
            "phone_number": "9800000000" });
        self.post("payments/withdrawals/request", &to).await
    }

    /// Takes a withdrawal back; the status of the answer. None comes from a service that dies
    /// meanwhile.
    #[cfg(feature = "failpoints")]
    pub async fn take_back(&self, withdrawal: &str) -> Result<u16, reqwest::Error> {
        let path = format!("{}/payments/withdrawals/{withdrawal}/cancel", self.api);
        let request = self.client.post(path).json(&json!({})).bearer_auth(&self.token);
        Ok(request.send().await?.status().as_u16())
    }

    /// Asks back what the newest transaction of a kind took; answers the reference.
    pub async fn ask_back(&self, kind: &str) -> String {
        let list = format!("payments/transactions?transaction_type={kind}");
        let list = self.get(&list).await.unwrap();
        let wish = json!({ "transaction_id": rows(&list)[0]["transaction_id"],
            "reason": "it was not what I wanted" });
        let refund = self.post("payments/refunds", &wish).await.unwrap();
        refund["refund_id"].as_str().unwrap().to_owned()
    }

    /// What can be spent, such as `150.00`.
    pub async fn balance(&self) -> String {
        self.get("users/wallet").await.unwrap()["balance"].as_str().unwrap().to_owned()
    }

    /// Rents any bank for an hour. No answer comes from a service that dies meanwhile.
    pub async fn rent(&self, serial: &str) -> Result<Value, reqwest::Error> {
        let wish = json!({ "station_sn": serial, "package_id": HOUR, "payment_mode": "wallet" });
        self.post("rentals/start", &wish).await
    }

    /// Gives a rental up.
    #[cfg(feature = "failpoints")]
    pub async fn cancel(&self, id: &str) -> Result<Value, reqwest::Error> {
        let why = json!({ "reason": "changed my mind" });
        self.post(&format!("rentals/{id}/cancel"), &why).await
    }

    /// A start that is refused: the status, the code, and when to come again, if ever.
    pub async fn refused(&self, serial: &str) -> (u16, String, Option<u64>) {
        let wish = json!({ "station_sn": serial, "package_id": HOUR, "payment_mode": "wallet" });
        let request = self.client.post(format!("{}/rentals/start", self.api)).json(&wish);
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status().as_u16();
        let again = answer.headers().get("retry-after").map(|again| again.to_str().unwrap());
        let again = again.map(|again| again.parse().unwrap());
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["success"], false, "{body}");
        (status, body["error"]["code"].as_str().unwrap().to_owned(), again)
    }

    /// The open rental, or nothing that has an id.
    pub async fn active(&self) -> Value {
        self.get("rentals/active").await.unwrap()
    }

    /// Waits until so many banks can be rented there; a map is looked at now and then.
    pub async fn until_banks(&self, serial: &str, count: u64) {
        let clock = Clock::system();
        let deadline = clock.running() + SOON;
        while self.get(&format!("stations/{serial}")).await.unwrap()["available_power_banks"]
            != count
        {
            assert!(clock.running() < deadline, "not {count} banks at {serial} in time");
            tokio::time::sleep(LOOK * 10).await;
        }
    }

    pub async fn rental(&self, id: &str) -> Value {
        self.get(&format!("rentals/{id}")).await.unwrap()
    }

    pub async fn receipt(&self, id: &str) -> Value {
        self.get(&format!("rentals/{id}/receipt")).await.unwrap()
    }

    /// The status and the bytes of an answer.
    pub async fn fetch(&self, path: &str) -> (u16, Vec<u8>) {
        let request = self.client.get(format!("{}/{path}", self.api)).bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    async fn get(&self, path: &str) -> Result<Value, reqwest::Error> {
        self.send(path, self.client.get(format!("{}/{path}", self.api))).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, reqwest::Error> {
        self.send(path, self.client.post(format!("{}/{path}", self.api)).json(body)).await
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, reqwest::Error> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        assert_eq!(body["success"], true, "{path}: {status} {body}");
        Ok(body["data"].clone())
    }
}

/// The rows of a list, bare or in a page.
fn rows(data: &Value) -> &Vec<Value> {
    let mut inner = data.as_object().into_iter().flat_map(|map| map.values());
    data.as_array().or_else(|| inner.find_map(Value::as_array)).unwrap()
}

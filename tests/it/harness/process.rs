//! The built program as a child process: started, crashed, and started again at its old place.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use parking_lot::Mutex;
use reqwest::RequestBuilder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::database::Database;
use super::edges::Edges;
use super::secrets;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chargeghar");
/// How long anything may take that is under way already; a start waits for an old lease.
pub const SOON: Duration = Duration::from_secs(40);
/// The package of an hour.
const HOUR: &str = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001";
/// Between two looks at something.
const LOOK: Duration = Duration::from_millis(20);

/// What outlives a process: its data folder, its database and its ports.
pub struct Place {
    folder: tempfile::TempDir,
    database: String,
    http: u16,
    mqtt: u16,
    broker: Vec<(&'static str, String)>,
}

impl Place {
    pub fn on(database: &Database) -> Place {
        Place::with(database, &Edges::embedded())
    }

    pub fn with(database: &Database, edges: &Edges) -> Place {
        let folder = tempfile::tempdir().unwrap();
        // both at once, so that they differ
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [http, mqtt] = listeners.map(|listener| listener.local_addr().unwrap().port());
        let broker = edges.variables();
        Place { folder, database: database.url().to_owned(), http, mqtt, broker }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// What the service keeps here.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the service here, with these further variables.
    pub fn start(&self, variables: &[(&str, &str)]) -> Process {
        let mut serve = self.command(&["serve"]);
        let mut child = serve.envs(variables.iter().copied()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Process { child, said }
    }

    /// Runs another command here to its end.
    pub async fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[]).await
    }

    /// The same with these further variables.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Done { code: output.status.code(), stdout, stderr }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("CHARGEGHAR__DATA_DIR", self.data())
            .env("CHARGEGHAR__DATABASE__URL", &self.database)
            .env("CHARGEGHAR__DATABASE__CONNECTIONS_MAX", "4")
            .env("CHARGEGHAR__HTTP__PORT", self.http.to_string())
            .env("CHARGEGHAR__MQTT__PORT", self.mqtt.to_string())
            .env("CHARGEGHAR__STATIONS__COMEBACK_S", "0")
            .envs(self.broker.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the service here and waits until it is ready.
    pub async fn ready(&self, variables: &[(&str, &str)]) -> Process {
        let mut process = self.start(variables);
        process.announced("ready", |_| true).await;
        process
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// What a command prints that succeeds: one line, one document, and nothing on stderr.
    pub fn one_document(&self) -> Value {
        assert_eq!((self.code, &*self.stderr), (Some(0), ""), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Why a command failed: code 1, nothing on stdout, and a line on stderr.
    pub fn refusal(&self) -> String {
        assert_eq!((self.code, &*self.stdout), (Some(1), ""), "{self:?}");
        let why = self.stderr.lines().last().and_then(|line| line.strip_prefix("error: "));
        why.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// A running service; killed with this value.
pub struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Waits for an announcement.
    pub async fn announced(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let said = Arc::clone(&self.said);
        let found = || {
            let lines = said.lock();
            let values = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            values.into_iter().find(|value| value["event"] == event && fits(value))
        };
        self.until(event, |_| found()).await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.until("the end of the process", |child| child.try_wait().unwrap()).await
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it as a crash of the machine would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Everything it has written so far.
    pub fn said(&self) -> String {
        self.said.lock().join("\n")
    }

    async fn until<R>(&mut self, what: &str, mut look: impl FnMut(&mut Child) -> Option<R>) -> R {
        let clock = Clock::system();
        let deadline = clock.running() + SOON;
        loop {
            if let Some(found) = look(&mut self.child) {
                return found;
            }
            assert!(clock.running() < deadline, "not in time: {what}\n{}", self.said());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the process said:\n{}", self.said());
        } else {
            assert_eq!(secrets::said_in(&self.said()), Vec::<String>::new(), "{}", self.said());
        }
    }
}

/// Keeps what is written, so that the writer never waits.
fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<Vec<String>>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.lock().push(line);
        }
    });
}

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

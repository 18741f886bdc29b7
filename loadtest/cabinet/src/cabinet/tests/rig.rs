//! A broker, an HTTP server that answers as the service does, and the service's MQTT session.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Account, Broker, Role, Settings};
use devices::a8::A8;
use devices::{Codec, Uplink};
use domain::ids::DeviceUuid;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Long enough for a busy machine; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB";
const LINK: &str = "chargeghar-link";

pub struct Rig {
    pub broker: Broker,
    service: AsyncClient,
    messages: mpsc::UnboundedReceiver<Publish>,
    calls: mpsc::UnboundedReceiver<String>,
    /// Read while something else was waited for.
    early: Vec<Publish>,
    site: Arc<Site>,
    _tasks: JoinSet<()>,
}

/// What the HTTP server knows.
struct Site {
    addr: SocketAddr,
    broker_port: u16,
    enrolled: Mutex<BTreeSet<String>>,
    callers: Mutex<BTreeMap<IpAddr, u32>>,
}

impl Rig {
    pub async fn start() -> Rig {
        let broker = Broker::start(Settings::default()).await.unwrap();
        broker.put(LINK, account(LINK, Role::Service)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Arc::new(Site {
            addr: listener.local_addr().unwrap(),
            broker_port: broker.local_addr().port(),
            enrolled: Mutex::default(),
            callers: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        let (call, calls) = mpsc::unbounded_channel();
        tasks.spawn(accept(listener, Arc::clone(&site), call));
        let (service, messages) = link(&broker, &mut tasks).await;
        Rig { broker, service, messages, calls, early: Vec::new(), site, _tasks: tasks }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.site.addr)
    }

    /// Lets a cabinet in.
    pub fn enrol(&self, uuid: &DeviceUuid) {
        self.broker.put(uuid.as_str(), account(uuid.as_str(), Role::Cabinet)).unwrap();
        self.site.enrolled.lock().unwrap().insert(uuid.to_string());
    }

    /// Throws a cabinet out of the broker alone.
    pub async fn forget(&self, uuid: &str) {
        self.broker.remove(uuid).await;
    }

    /// Addresses that called.
    pub fn callers(&self) -> Vec<IpAddr> {
        self.site.callers.lock().unwrap().keys().copied().collect()
    }

    pub async fn command(&self, uuid: &str, text: &str) {
        let topic = format!("/powerbank/{uuid}/user/get");
        self.service.publish(topic, QoS::AtMostOnce, false, text).await.unwrap();
    }

    pub async fn eject(&self, uuid: &str, sn: &str) {
        self.command(uuid, &format!(r#"{{"cmd":"popup_sn","data":"{sn}"}}"#)).await;
    }

    /// The next frame of a cabinet.
    pub async fn uplink(&mut self, uuid: &str) -> Uplink {
        let of = format!("/powerbank/{uuid}/");
        if let Some(at) = self.early.iter().position(|message| message.topic.starts_with(&of)) {
            return decode(&self.early.remove(at));
        }
        loop {
            let message = timeout(PATIENCE, self.messages.recv()).await.expect("no frame in time");
            let message = message.expect("the service's session lives");
            if message.topic.starts_with(&of) {
                return decode(&message);
            }
            self.early.push(message);
        }
    }

    /// Waits for a call of this path; says its whole target.
    pub async fn http_call(&mut self, path: &str) -> String {
        loop {
            let call = timeout(PATIENCE, self.calls.recv()).await.expect("no call in time");
            let call = call.expect("the server lives");
            if call.starts_with(path) {
                return call;
            }
        }
    }

    /// Waits until the broker has noticed that a cabinet is gone.
    pub async fn until_gone(&self, uuid: &str) {
        let gone = async {
            let mut events = self.broker.events();
            while self.broker.is_connected(uuid) {
                events.recv().await.unwrap();
            }
        };
        timeout(PATIENCE, gone).await.expect("the broker did not notice");
    }
}

fn decode(message: &Publish) -> Uplink {
    A8::default().decode(&message.payload).unwrap()
}

fn account(client_id: &str, role: Role) -> Account {
    Account { username: client_id.to_owned(), password: PASSWORD.to_owned(), role }
}

async fn link(
    broker: &Broker,
    tasks: &mut JoinSet<()>,
) -> (AsyncClient, mpsc::UnboundedReceiver<Publish>) {
    let addr = broker.local_addr();
    let mut options = MqttOptions::new(LINK, addr.ip().to_string(), addr.port());
    options.set_credentials(LINK, PASSWORD);
    options.set_max_packet_size(70_000, 70_000);
    let (client, mut events) = AsyncClient::new(options, 100);
    for channel in ["update", "heart"] {
        let filter = format!("/powerbank/+/user/{channel}");
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    }
    subscribed(&mut events, 2).await;
    let (sender, messages) = mpsc::unbounded_channel();
    tasks.spawn(async move {
        while let Ok(event) = events.poll().await {
            if let Event::Incoming(Packet::Publish(message)) = event {
                let _ = sender.send(message);
            }
        }
    });
    (client, messages)
}

async fn subscribed(events: &mut EventLoop, mut left: u32) {
    while left > 0 {
        let event = timeout(PATIENCE, events.poll()).await.expect("the broker answers").unwrap();
        left -= u32::from(matches!(event, Event::Incoming(Packet::SubAck(_))));
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, call: mpsc::UnboundedSender<String>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        *site.callers.lock().unwrap().entry(peer.ip()).or_default() += 1;
        connections.spawn(serve(stream, Arc::clone(&site), call.clone()));
    }
}

/// Answers calls until the other side hangs up.
async fn serve(mut stream: TcpStream, site: Arc<Site>, call: mpsc::UnboundedSender<String>) {
    let mut bytes = Vec::new();
    loop {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                return;
            }
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let whole = end + 4 + body_length(&head);
        while bytes.len() < whole {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                return;
            }
        }
        bytes.drain(..whole);
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = site.answer(&target);
        let _ = call.send(target);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn body_length(head: &str) -> usize {
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(0, |length| length.trim().parse().unwrap())
}

impl Site {
    fn answer(&self, target: &str) -> String {
        let (status, data) = if target.starts_with("/api/rentbox/client/connect") {
            self.connect(target)
        } else if target.starts_with("/api/rentbox/client/config") {
            ("200 OK", r#""{\"dAreaConfig\":\"0\"}""#.to_owned())
        } else {
            ("200 OK", "\"\"".to_owned())
        };
        let code = &status[..3];
        let body = format!(r#"{{"code":{code},"type":0,"data":{data},"msg":"","time":1}}"#);
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn connect(&self, target: &str) -> (&'static str, String) {
        let uuid = target.split(['?', '&']).find_map(|part| part.strip_prefix("uuid="));
        let uuid = uuid.unwrap_or_default();
        if !self.enrolled.lock().unwrap().contains(uuid) {
            return ("500 Internal Server Error", "null".to_owned());
        }
        let port = self.broker_port;
        let data = format!("\"{uuid},powerbank,127.0.0.1,{port},{uuid},{PASSWORD},1700000000000\"");
        ("200 OK", data)
    }
}

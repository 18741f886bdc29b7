//! The broker over real sockets, with rumqttc as the client: brokers on port 0, every wait with a
//! deadline, and no silence taken for proof: what must not arrive is followed by what must.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, MqttOptions, Outgoing, Packet, Publish,
    QoS, SubscribeReasonCode,
};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use super::*;

mod access;
mod delivery;
mod sessions;

const PACKET_MAX: usize = 65_535 + 512;
const PATIENCE: Duration = Duration::from_secs(20);
const PASSWORD: &str = "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB";
const LINK: &str = "chargeghar-link";

/// A broker with the account of the service and two cabinets, `866` and `867`.
async fn broker() -> Broker {
    broker_with(Settings::default()).await
}

async fn broker_with(settings: Settings) -> Broker {
    let broker = Broker::start(settings).await.unwrap();
    for (client_id, role) in [("866", Role::Cabinet), ("867", Role::Cabinet), (LINK, Role::Service)]
    {
        broker.put(client_id, account(client_id, role)).unwrap();
    }
    broker
}

fn account(client_id: &str, role: Role) -> Account {
    Account { username: client_id.into(), password: PASSWORD.into(), role }
}

fn options(broker: &Broker, client_id: &str) -> MqttOptions {
    let addr = broker.local_addr();
    let mut options = MqttOptions::new(client_id, addr.ip().to_string(), addr.port());
    options.set_credentials(client_id, PASSWORD);
    options.set_keep_alive(Duration::from_mins(1));
    options.set_inflight(500);
    options.set_max_packet_size(PACKET_MAX, PACKET_MAX); // rumqttc's own limit is 10 kB
    options
}

/// A connected client whose incoming packets wait in a channel. Ends with its first error; cut
/// when dropped.
struct Client {
    mqtt: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    task: JoinSet<ConnectionError>,
    session_present: bool,
}

impl Client {
    async fn connect(broker: &Broker, client_id: &str) -> Client {
        Client::connect_as(options(broker, client_id)).await.unwrap()
    }

    async fn connect_as(options: MqttOptions) -> Result<Client, ConnectionError> {
        let (mqtt, mut events) = AsyncClient::new(options, 1_000);
        let (sender, mut packets) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => drop(sender.send(packet)),
                    Ok(Event::Outgoing(Outgoing::Disconnect)) => {
                        return ConnectionError::RequestsDone;
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => return error,
                }
            }
        });
        match timeout(PATIENCE, packets.recv()).await.expect("no answer to CONNECT") {
            Some(Packet::ConnAck(ack)) => {
                let session_present = ack.session_present;
                Ok(Client { mqtt, packets, task, session_present })
            }
            Some(other) => panic!("{other:?} in answer to CONNECT"),
            None => Err(task.join_next().await.unwrap().unwrap()),
        }
    }

    async fn publish(&self, topic: &str, payload: &str) {
        self.mqtt.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
    }

    /// Whether the broker granted it.
    async fn subscribe(&mut self, filter: &str, qos: QoS) -> bool {
        self.mqtt.subscribe(filter, qos).await.unwrap();
        loop {
            if let Packet::SubAck(ack) = self.packet().await {
                return matches!(ack.return_codes[..], [SubscribeReasonCode::Success(_)]);
            }
        }
    }

    async fn packet(&mut self) -> Packet {
        let packet = timeout(PATIENCE, self.packets.recv()).await.expect("nothing came in time");
        packet.expect("the connection ended")
    }

    async fn message(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.packet().await {
                return publish;
            }
        }
    }

    async fn payload(&mut self) -> String {
        String::from_utf8(self.message().await.payload.to_vec()).unwrap()
    }

    async fn payloads(&mut self, count: usize) -> Vec<String> {
        let mut payloads = Vec::new();
        while payloads.len() < count {
            payloads.push(self.payload().await);
        }
        payloads
    }

    /// Waits for as many acknowledgements of own publishes.
    async fn acknowledged(&mut self, count: usize) {
        let mut seen = 0;
        while seen < count {
            if let Packet::PubAck(_) = self.packet().await {
                seen += 1;
            }
        }
    }

    /// Says DISCONNECT, then closes.
    async fn leave(self) {
        self.mqtt.disconnect().await.unwrap();
        self.ended().await;
    }

    /// Cuts the connection without a DISCONNECT.
    async fn vanish(mut self) {
        self.task.shutdown().await;
    }

    async fn ended(mut self) -> ConnectionError {
        let end = timeout(PATIENCE, self.task.join_next()).await;
        end.expect("the connection did not end").unwrap().unwrap()
    }
}

/// A service session with both subscriptions of the link.
async fn link(broker: &Broker) -> Client {
    let mut link = Client::connect(broker, LINK).await;
    assert!(link.subscribe("/powerbank/+/user/update", QoS::AtLeastOnce).await);
    assert!(link.subscribe("/powerbank/+/user/heart", QoS::AtMostOnce).await);
    link
}

/// A persistent session of the service with manual acknowledgements.
fn persistent(broker: &Broker) -> MqttOptions {
    let mut options = options(broker, LINK);
    options.set_clean_session(false).set_manual_acks(true);
    options
}

async fn event(events: &mut broadcast::Receiver<SessionEvent>) -> SessionEvent {
    timeout(PATIENCE, events.recv()).await.expect("no event in time").unwrap()
}

fn update(client_id: &str) -> String {
    format!("/powerbank/{client_id}/user/update")
}

fn heart(client_id: &str) -> String {
    format!("/powerbank/{client_id}/user/heart")
}

fn get(client_id: &str) -> String {
    format!("/powerbank/{client_id}/user/get")
}

fn refusal(result: Result<Client, ConnectionError>) -> ConnectReturnCode {
    let error = result.err().expect("the connection was accepted");
    let ConnectionError::ConnectionRefused(code) = error else { panic!("{error:?}") };
    code
}

/// MQTT 3.1.1, clean session, user name and password.
fn connect_packet(client_id: &str) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 60];
    for field in [client_id, client_id, PASSWORD] {
        body.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        body.extend(field.as_bytes());
    }
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    packet.append(&mut body);
    packet
}

/// One filter, quality of service 1.
fn subscribe_packet(filter: &str) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(u16::try_from(filter.len()).unwrap().to_be_bytes());
    body.extend(filter.as_bytes());
    body.push(1);
    let mut packet = vec![0x82, u8::try_from(body.len()).unwrap()];
    packet.append(&mut body);
    packet
}

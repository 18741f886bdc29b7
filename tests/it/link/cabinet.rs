//! A cabinet's connection to the broker, beside the cable.

use chargeghar::spawn::spawn;
use rumqttc::{
    AsyncClient, ConnectionError, Event, MqttOptions, Outgoing, Packet, QoS, SubscribeReasonCode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::rig::{PATIENCE, topic};

/// A cabinet's connection.
pub struct Cabinet {
    uuid: String,
    client: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    task: JoinHandle<ConnectionError>,
}

impl Cabinet {
    pub async fn connect(uuid: &str, options: MqttOptions) -> Result<Cabinet, ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, 2_000);
        let (heard, mut packets) = mpsc::unbounded_channel();
        let task = spawn("test.cabinet", async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => drop(heard.send(packet)),
                    Ok(Event::Outgoing(Outgoing::Disconnect)) => {
                        return ConnectionError::RequestsDone;
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => return error,
                }
            }
        });
        match timeout(PATIENCE, packets.recv()).await.expect("no answer to CONNECT") {
            Some(Packet::ConnAck(_)) => Ok(Cabinet { uuid: uuid.into(), client, packets, task }),
            Some(other) => panic!("{other:?} in answer to CONNECT"),
            None => Err(task.await.unwrap()),
        }
    }

    /// Whether the broker granted it.
    pub async fn subscribe(&mut self, filter: &str) -> bool {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        loop {
            if let Packet::SubAck(answer) = self.packet().await {
                return matches!(answer.return_codes[..], [SubscribeReasonCode::Success(_)]);
            }
        }
    }

    /// At least once; waits for the broker's receipt.
    pub async fn update(&mut self, payload: &str) {
        self.send_update(payload).await;
        self.received(1).await;
    }

    pub async fn send_update(&self, payload: &str) {
        self.publish(&topic(&self.uuid, "update"), QoS::AtLeastOnce, payload.as_bytes()).await;
    }

    /// Waits until the broker has so many more of our messages.
    pub async fn received(&mut self, count: usize) {
        let mut seen = 0;
        while seen < count {
            if let Packet::PubAck(_) = self.packet().await {
                seen += 1;
            }
        }
    }

    pub async fn beat(&self, payload: &str) {
        self.publish(&topic(&self.uuid, "heart"), QoS::AtMostOnce, payload.as_bytes()).await;
    }

    pub async fn publish(&self, topic: &str, qos: QoS, payload: &[u8]) {
        self.client.publish(topic, qos, false, payload).await.unwrap();
    }

    /// The next message to this cabinet: its topic's last word, and what it says.
    pub async fn message(&mut self) -> (String, String) {
        loop {
            if let Packet::Publish(publish) = self.packet().await {
                let word = publish.topic.rsplit('/').next().unwrap().to_owned();
                return (word, String::from_utf8(publish.payload.to_vec()).unwrap());
            }
        }
    }

    pub async fn packet(&mut self) -> Packet {
        let packet = timeout(PATIENCE, self.packets.recv()).await.expect("nothing came in time");
        packet.expect("the connection ended")
    }

    pub async fn leave(self) {
        self.client.disconnect().await.unwrap();
        self.ended().await;
    }

    pub async fn ended(self) {
        timeout(PATIENCE, self.task).await.expect("the connection did not end").unwrap();
    }
}

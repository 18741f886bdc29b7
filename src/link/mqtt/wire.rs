//! One connection to the broker, from its first byte to its last: the only user of rumqttc.
//!
//! A connection is never made again. That client keeps what it could not send and sends it
//! after a reconnect; an eject sent then would open a cabinet for nobody. So each connection
//! has a client of its own, and what it did not send is gone with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ClientError, ConnectionError, Event, EventLoop, MqttOptions, Outgoing, Packet,
    Publish, QoS, StateError, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use rustls::ClientConfig;

use crate::config::Secret;

/// Requests that wait for the socket: acknowledgements of everything that may be open, and
/// the few commands that may be on their way.
const REQUESTS_MAX: usize = 70_000;

/// Largest packet that is read. A payload may be 65,535 bytes; what is a little larger is
/// read, counted and acknowledged, and what is larger than this ends the session.
const READ_MAX: usize = 1024 * 1024;
const WRITE_MAX: usize = 8 * 1024 * 1024;

/// Longest time for connecting, and for one write.
const NETWORK_MAX: Duration = Duration::from_secs(5);

/// Where a broker is, and who we are there.
#[derive(Clone)]
pub struct Address {
    pub host: String,
    pub port: u16,
    pub tls: Option<Arc<ClientConfig>>,
    /// Empty: no user name and password are sent.
    pub username: String,
    pub password: Secret,
    pub keep_alive: Duration,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// What the broker is to remember when the connection ends, and what it remembered of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// Nothing.
    Clean,
    /// Subscriptions, and what was not acknowledged.
    Kept,
}

/// The receiving half: to be polled by one task, and never dropped inside `next` while the
/// connection is to live on.
pub(super) struct Wire {
    events: EventLoop,
}

/// The sending half; clones share the connection. Nothing here waits.
#[derive(Clone)]
pub(super) struct Sender {
    client: AsyncClient,
}

#[derive(Debug)]
pub(super) enum Received {
    Message(Message),
    /// The answer to a subscription: whether all of it was granted.
    Subscribed(bool),
    /// A message at most once has been written.
    Written,
    /// Anything else from the broker: it lives.
    Alive,
    /// Something else of ours has been written.
    Sent,
    /// Our goodbye has been written: the connection is to be dropped.
    SaidGoodbye,
}

#[derive(Debug)]
pub(super) struct Message {
    pub topic: String,
    pub payload: Bytes,
    /// To be acknowledged, unless it is 0.
    pub packet_id: u16,
    pub retained: bool,
}

/// Why a connection ended, or was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    /// The broker sent what cannot be read, and would send it again.
    #[error("the broker sent something unreadable: {0}")]
    Unreadable(String),
    #[error("no connection to the broker: {0}")]
    Lost(String),
}

/// The connection does not take more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choked;

impl Wire {
    /// Connects; answers what the broker remembered of us.
    pub async fn connect(
        address: &Address,
        client_id: &str,
        session: Session,
    ) -> Result<(Wire, Sender, Session), Error> {
        let (client, mut events) =
            AsyncClient::new(options(address, client_id, session), REQUESTS_MAX);
        events.network_options.set_tcp_nodelay(true);
        events.network_options.set_connection_timeout(NETWORK_MAX.as_secs());
        match Box::pin(events.poll()).await? {
            Event::Incoming(Packet::ConnAck(answer)) => {
                let known = if answer.session_present { Session::Kept } else { Session::Clean };
                Ok((Wire { events }, Sender { client }, known))
            }
            Event::Incoming(_) | Event::Outgoing(_) => {
                Err(Error::Lost("something else instead of an answer".into()))
            }
        }
    }

    /// What happens next. An error is the end of the connection.
    pub async fn next(&mut self) -> Result<Received, Error> {
        Ok(match Box::pin(self.events.poll()).await? {
            Event::Incoming(Packet::Publish(publish)) => Received::Message(Message::from(publish)),
            Event::Incoming(Packet::SubAck(answer)) => {
                let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                Received::Subscribed(answer.return_codes.iter().all(granted))
            }
            Event::Incoming(_) => Received::Alive,
            Event::Outgoing(Outgoing::Publish(0)) => Received::Written,
            Event::Outgoing(Outgoing::Disconnect) => Received::SaidGoodbye,
            Event::Outgoing(_) => Received::Sent,
        })
    }

    /// Waits until our goodbye is written, or cannot be.
    pub async fn said_goodbye(&mut self) {
        while !matches!(self.next().await, Ok(Received::SaidGoodbye) | Err(_)) {}
    }
}

impl Sender {
    /// One whose connection writes nothing: what it is given stays with the second half.
    #[cfg(test)]
    pub fn unwritten() -> (Sender, EventLoop) {
        let options = MqttOptions::new("unwritten", "127.0.0.1", 1);
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        (Sender { client }, events)
    }

    pub fn subscribe_at_most_once(&self, filters: &[String]) -> Result<(), Choked> {
        self.subscribe(filters, QoS::AtMostOnce)
    }

    pub fn subscribe_at_least_once(&self, filters: &[String]) -> Result<(), Choked> {
        self.subscribe(filters, QoS::AtLeastOnce)
    }

    /// Never retained.
    pub fn publish_at_most_once(&self, topic: String, payload: Bytes) -> Result<(), Choked> {
        Ok(self.client.try_publish(topic, QoS::AtMostOnce, false, payload)?)
    }

    /// Never retained.
    pub fn publish_at_least_once(&self, topic: &str, payload: Bytes) -> Result<(), Choked> {
        Ok(self.client.try_publish(topic, QoS::AtLeastOnce, false, payload)?)
    }

    pub fn acknowledge(&self, packet_id: u16) -> Result<(), Choked> {
        let mut received = Publish::new("", QoS::AtLeastOnce, Vec::new());
        received.pkid = packet_id;
        Ok(self.client.try_ack(&received)?)
    }

    /// Says goodbye; `Wire::next` tells when it is written.
    pub fn disconnect(&self) -> Result<(), Choked> {
        Ok(self.client.try_disconnect()?)
    }

    fn subscribe(&self, filters: &[String], qos: QoS) -> Result<(), Choked> {
        let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), qos));
        Ok(self.client.try_subscribe_many(filters)?)
    }
}

fn options(address: &Address, client_id: &str, session: Session) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, &address.host, address.port);
    options
        .set_keep_alive(address.keep_alive.max(Duration::from_secs(1)))
        .set_clean_session(session == Session::Clean)
        .set_manual_acks(true)
        .set_max_packet_size(READ_MAX, WRITE_MAX);
    if let Some(tls) = &address.tls {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())));
    }
    if !address.username.is_empty() {
        options.set_credentials(&address.username, address.password.expose());
    }
    options
}

impl From<Publish> for Message {
    fn from(publish: Publish) -> Message {
        let Publish { topic, payload, pkid: packet_id, retain: retained, .. } = publish;
        Message { topic, payload, packet_id, retained }
    }
}

impl From<ClientError> for Choked {
    fn from(_: ClientError) -> Choked {
        Choked
    }
}

impl From<ConnectionError> for Error {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is one: the connection is gone")]
    fn from(error: ConnectionError) -> Error {
        match error {
            ConnectionError::ConnectionRefused(code) => Error::Refused(format!("{code:?}")),
            ConnectionError::MqttState(StateError::Deserialization(error)) => match error {
                rumqttc::Error::Io(error) => Error::Lost(error.to_string()),
                rumqttc::Error::OutgoingPacketTooLarge { .. } => Error::Lost(error.to_string()),
                unreadable => Error::Unreadable(unreadable.to_string()),
            },
            other => Error::Lost(other.to_string()),
        }
    }
}

impl From<Choked> for Error {
    fn from(_: Choked) -> Error {
        Error::Lost("the broker takes nothing more".into())
    }
}

impl Error {
    pub fn no_rights() -> Error {
        Error::Refused("it does not let us subscribe".into())
    }
}

//! One MQTT 3.1.1 session of a cabinet: dials, subscribes, publishes, keeps alive.
//!
//! The packets are those of `rumqttc`; its event loop is not used because it cannot choose a
//! source address and holds 25 KB per connection, which matters with thousands of cabinets. A
//! publish is written or it is gone: nothing is ever sent again.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, Subscribe,
    SubscribeFilter, SubscribeReasonCode,
};
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until, timeout};

use crate::clock::instant;
use crate::machine::{Dial, Downfall};
use crate::spec::Qos;

/// Largest packet either way: the longest frame there can be, and its topic.
const PACKET_MAX: usize = 70_000;
/// Bytes that may wait to be written before the connection counts as dead.
const BACKLOG_MAX: usize = 1 << 20;
const READ_CHUNK: usize = 1024;

/// How a session is to be.
#[derive(Clone, Debug)]
pub struct Habits {
    pub source_addr: Option<IpAddr>,
    pub keep_alive: Duration,
    /// Limit for the whole hand-shake.
    pub timeout: Duration,
    pub clean_session: bool,
    pub qos: Qos,
}

/// A session whose subscriptions were answered.
pub struct Session {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    /// Came before the subscriptions were answered.
    early: VecDeque<Publish>,
    qos: QoS,
    next_id: u16,
    keep_alive: Duration,
    ping_at: Instant,
    awaits_pong: bool,
}

/// A fresh session and what the broker said of it.
pub struct Opened {
    pub session: Session,
    pub session_present: bool,
    /// Topics it may not listen to.
    pub refused: Vec<String>,
}

/// Dials, connects and subscribes.
pub async fn open(dial: Dial, habits: Habits) -> Result<Opened, Downfall> {
    let handshake = timeout(habits.timeout, Session::handshake(dial, habits)).await;
    handshake.unwrap_or_else(|_| Err(Downfall::Lost("no answer from the broker".to_owned())))
}

impl Session {
    async fn handshake(dial: Dial, habits: Habits) -> Result<Opened, Downfall> {
        let stream = reach(&dial.host, dial.port, habits.source_addr).await.map_err(lost)?;
        let mut session = Session {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            early: VecDeque::new(),
            qos: quality(habits.qos),
            next_id: 0,
            keep_alive: habits.keep_alive,
            ping_at: instant() + habits.keep_alive,
            awaits_pong: false,
        };
        let mut connect = Connect::new(dial.client_id);
        connect.keep_alive = u16::try_from(habits.keep_alive.as_secs()).unwrap_or(u16::MAX);
        connect.clean_session = habits.clean_session;
        connect.set_login(dial.username, dial.password);
        session.queue(&Packet::Connect(connect))?;
        let connack = session.connack().await?;

        let id = session.id();
        let filters = dial.topics.iter().map(|topic| filter(topic));
        let mut subscribe = Subscribe::new_many(filters);
        subscribe.pkid = id;
        session.queue(&Packet::Subscribe(subscribe))?;
        let suback = session.suback().await?;

        let answers = dial.topics.into_iter().zip(suback.return_codes);
        let refused = answers.filter(|(_, code)| *code == SubscribeReasonCode::Failure);
        let refused = refused.map(|(topic, _)| topic).collect();
        Ok(Opened { session, session_present: connack.session_present, refused })
    }

    /// Writes a message, now or as soon as the network takes it.
    pub fn publish(&mut self, topic: &str, payload: Bytes) -> Result<(), Downfall> {
        let mut publish = Publish::from_bytes(topic, self.qos, payload);
        if self.qos != QoS::AtMostOnce {
            publish.pkid = self.id();
        }
        self.queue(&Packet::Publish(publish))
    }

    /// The next message. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Result<Publish, Downfall> {
        loop {
            if let Some(publish) = self.early.pop_front() {
                return Ok(publish);
            }
            if let Packet::Publish(publish) = self.packet().await? {
                return Ok(publish);
            }
        }
    }

    /// Says good-bye, as far as the network takes it at once.
    pub fn close(mut self) {
        let _ = self.queue(&Packet::Disconnect);
    }

    async fn connack(&mut self) -> Result<ConnAck, Downfall> {
        let packet = self.packet().await?;
        let Packet::ConnAck(ack) = packet else {
            return Err(Downfall::Lost(format!(
                "unexpected packet instead of CONNACK: {packet:?}"
            )));
        };
        match code(ack.code) {
            0 => Ok(ack),
            refused => Err(Downfall::Refused(refused)),
        }
    }

    async fn suback(&mut self) -> Result<SubAck, Downfall> {
        loop {
            let packet = self.packet().await?;
            if let Packet::SubAck(ack) = packet {
                return Ok(ack);
            }
            if let Packet::Publish(publish) = packet {
                self.early.push_back(publish);
            }
        }
    }

    /// Reads and writes until a packet is whole. What it has to answer is answered.
    async fn packet(&mut self) -> Result<Packet, Downfall> {
        loop {
            if let Some(packet) = self.parse()? {
                self.answer(&packet)?;
                return Ok(packet);
            }
            let interest = if self.output.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            tokio::select! {
                biased;
                ready = self.stream.ready(interest) => {
                    let ready = ready.map_err(lost)?;
                    if ready.is_writable() {
                        self.write()?;
                    }
                    if ready.is_readable() {
                        self.read()?;
                    }
                }
                () = sleep_until(self.ping_at) => self.ping()?,
            }
        }
    }

    fn answer(&mut self, packet: &Packet) -> Result<(), Downfall> {
        if *packet == Packet::PingResp {
            self.awaits_pong = false;
        }
        if let Packet::Publish(publish) = packet
            && publish.qos == QoS::AtLeastOnce
        {
            self.queue(&Packet::PubAck(PubAck::new(publish.pkid)))?;
        }
        Ok(())
    }

    fn parse(&mut self) -> Result<Option<Packet>, Downfall> {
        match Packet::read(&mut self.input, PACKET_MAX) {
            Ok(packet) => Ok(Some(packet)),
            Err(rumqttc::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(Downfall::Lost(format!("unreadable packet: {error}"))),
        }
    }

    fn read(&mut self) -> Result<(), Downfall> {
        self.input.reserve(READ_CHUNK);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(0) => Err(Downfall::Lost("closed by the broker".to_owned())),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(lost(error)),
        }
    }

    fn queue(&mut self, packet: &Packet) -> Result<(), Downfall> {
        let written = packet.write(&mut self.output, PACKET_MAX);
        written.map_err(|error| Downfall::Lost(format!("unwritable packet: {error}")))?;
        if self.output.len() > BACKLOG_MAX {
            return Err(Downfall::Lost("the broker does not read".to_owned()));
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Downfall> {
        while !self.output.is_empty() {
            match self.stream.try_write(&self.output) {
                Ok(count) => self.output.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(lost(error)),
            }
        }
        if self.output.is_empty() && self.output.capacity() > READ_CHUNK {
            self.output = BytesMut::new();
        }
        Ok(())
    }

    fn ping(&mut self) -> Result<(), Downfall> {
        if self.awaits_pong {
            return Err(Downfall::Lost("no answer to a ping".to_owned()));
        }
        self.awaits_pong = true;
        self.ping_at = instant() + self.keep_alive;
        self.queue(&Packet::PingReq)
    }

    fn id(&mut self) -> u16 {
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.next_id
    }
}

async fn reach(host: &str, port: u16, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the broker has no address");
    for address in lookup_host((host, port)).await? {
        if source.is_some_and(|source| source.is_ipv4() != address.is_ipv4()) {
            continue;
        }
        match connect_from(address, source).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_from(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn filter(topic: &str) -> SubscribeFilter {
    SubscribeFilter::new(topic.to_owned(), QoS::AtLeastOnce)
}

fn quality(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
    }
}

fn code(code: ConnectReturnCode) -> u8 {
    match code {
        ConnectReturnCode::Success => 0,
        ConnectReturnCode::RefusedProtocolVersion => 1,
        ConnectReturnCode::BadClientId => 2,
        ConnectReturnCode::ServiceUnavailable => 3,
        ConnectReturnCode::BadUserNamePassword => 4,
        ConnectReturnCode::NotAuthorized => 5,
    }
}

fn lost(error: io::Error) -> Downfall {
    Downfall::Lost(error.to_string())
}

//! Many cabinets that do nothing but publish, as fast as the broker takes it: one connection
//! each, a few frames under way on each of them. Reads acknowledgements and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use cabinet::numbered::{banks, uuid};
use devices::a8::build::{self, BoardGroup, BoardRow, SlotRow};
use devices::{Layout, Signal};
use futures::future::try_join_all;
use rumqttc::{Connect, Packet, Publish, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fixture::SLOTS;

/// Frames under way on one connection.
const WINDOW: u32 = 10;
const PACKET_MAX: usize = 70_000;
/// Longest silence of the broker.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const PUBACK: usize = 4;

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    Heartbeat,
    /// Of all slots, with levels that are others each time.
    Report,
}

/// Where a cabinet connects, and as whom.
#[derive(Clone, Debug)]
pub struct Account {
    pub address: SocketAddr,
    pub uuid: String,
    pub password: String,
}

/// Connections that are open and quiet.
pub struct Publishers(Vec<One>);

struct One {
    stream: TcpStream,
    uuid: String,
    /// Alternating, so that each report has news.
    reports: [Bytes; 2],
    heartbeat: Bytes,
    sent: u32,
}

impl Publishers {
    pub async fn connect(accounts: Vec<Account>, banks: u16) -> anyhow::Result<Publishers> {
        let mut all = Vec::new();
        for (number, account) in (1..).zip(accounts) {
            all.push(One::connect(account, number, banks).await?);
        }
        Ok(Publishers(all))
    }

    /// Publishes so many on each connection; done when all are acknowledged by the broker.
    pub async fn publish(&mut self, frame: Frame, each: u32) -> anyhow::Result<()> {
        let each = Arc::new(each);
        let all = std::mem::take(&mut self.0).into_iter().map(|mut one| {
            let each = Arc::clone(&each);
            tokio::spawn(async move { one.publish(frame, *each).await.map(|()| one) })
        });
        for one in try_join_all(all).await? {
            self.0.push(one?);
        }
        Ok(())
    }
}

impl One {
    async fn connect(account: Account, number: u32, stocked: u16) -> anyhow::Result<One> {
        let Account { address, uuid, password } = account;
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut connect = Connect::new(uuid.clone());
        connect.keep_alive = 600;
        connect.set_login(uuid.clone(), password);
        let mut bytes = BytesMut::new();
        Packet::Connect(connect).write(&mut bytes, PACKET_MAX)?;
        stream.write_all(&bytes).await?;
        let mut answer = [0; 4];
        timeout(SILENCE_MAX, stream.read_exact(&mut answer)).await??;
        if answer[3] != 0 {
            bail!("the broker refused {uuid}: {}", answer[3]);
        }
        let reports = [61, 62].map(|level| report(number, stocked, level));
        let heartbeat = build::heartbeat(1, Signal::Csq(27), 0).into();
        Ok(One { stream, uuid, reports, heartbeat, sent: 0 })
    }

    async fn publish(&mut self, frame: Frame, count: u32) -> anyhow::Result<()> {
        let mut left = count;
        let mut bytes = BytesMut::new();
        while left > 0 {
            let now = left.min(WINDOW);
            bytes.clear();
            for _ in 0..now {
                self.packet(frame).write(&mut bytes, PACKET_MAX)?;
            }
            self.stream.write_all(&bytes).await?;
            let mut acks = [0; PUBACK * WINDOW as usize];
            let acks = &mut acks[..PUBACK * usize::try_from(now)?];
            let read = timeout(SILENCE_MAX, self.stream.read_exact(acks)).await;
            read.context("the broker does not acknowledge")??;
            left -= now;
        }
        Ok(())
    }

    fn packet(&mut self, frame: Frame) -> Packet {
        self.sent = self.sent.wrapping_add(1);
        let (channel, payload) = match frame {
            Frame::Heartbeat => ("heart", &self.heartbeat),
            Frame::Report => ("update", &self.reports[usize::from(self.sent.is_multiple_of(2))]),
        };
        let topic = format!("/powerbank/{}/user/{channel}", self.uuid);
        let mut publish = Publish::from_bytes(topic, QoS::AtLeastOnce, payload.clone());
        publish.pkid = u16::try_from(self.sent % 60_000).unwrap_or(0) + 1;
        Packet::Publish(publish)
    }
}

/// The cabinet's 8 slots, the first of them with its banks.
fn report(number: u32, stocked: u16, level: u8) -> Bytes {
    let filled = (1..).zip(banks(number, stocked));
    let mut slots: Vec<SlotRow> =
        filled.map(|(slot, sn)| SlotRow::with_bank(slot, sn, level)).collect();
    let next = u8::try_from(slots.len() + 1).unwrap_or(u8::MAX);
    slots.extend((next..=u8::try_from(SLOTS).unwrap_or(u8::MAX)).map(SlotRow::empty));
    build::report(Layout::Counted, &[BoardGroup { board: BoardRow::fitted(1), slots }]).into()
}

/// The accounts that `bare_broker` has.
pub fn bare(address: SocketAddr, count: u32) -> Vec<Account> {
    let account = |n| Account { address, uuid: uuid(n), password: "bare".to_owned() };
    (1..=count).map(account).collect()
}

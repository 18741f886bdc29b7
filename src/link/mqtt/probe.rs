//! What a broker does with messages for somebody who is away, found out by trying.
//!
//! A cabinet that comes back must not receive an eject from before. Such messages are sent at
//! most once; a broker that keeps them all the same cannot be used.

use std::time::Duration;

use bytes::Bytes;

use super::Settings;
use super::wire::{Address, Error, Received, Sender, Session, Wire};
use crate::clock::Clock;
use crate::entropy::Entropy;

#[cfg(test)]
mod tests;

const ONCE: &[u8] = b"at most once";
const LAST: &[u8] = b"at least once";
/// How long a broker may take to tell its version; not all do.
const VERSION_WITHIN: Duration = Duration::from_millis(500);
const VERSIONS: &[&str] = &["$SYS/broker/version", "$SYS/brokers/+/version"];

/// What was found out about a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In the broker's own words, if it tells.
    pub version: Option<String>,
    /// Whether it keeps messages at most once for a session that is away. Nothing, with the
    /// reason, where that could not be tried.
    pub keeps_at_most_once: Result<bool, String>,
}

/// Connects, asks and tries, within `bound`.
pub async fn probe(
    settings: &Settings,
    entropy: &Entropy,
    bound: Duration,
) -> Result<Found, String> {
    let clock = Clock::system();
    let client = format!("{}-doctor-{}", settings.client_id, entropy.base62(8));
    let probe =
        Probe { address: &settings.address, topic: format!("/chargeghar/{client}"), client };
    let found = clock.within(bound, Box::pin(probe.run(&clock))).await;
    found.unwrap_or_else(|| Err(format!("no answer within {} ms", bound.as_millis())))
}

struct Probe<'a> {
    address: &'a Address,
    client: String,
    topic: String,
}

impl Probe<'_> {
    async fn run(&self, clock: &Clock) -> Result<Found, String> {
        let (mut wire, sender) = self.connect("", Session::Clean).await.map_err(text)?;
        let version = clock.within(VERSION_WITHIN, version(&mut wire, &sender)).await.flatten();
        let keeps_at_most_once = self.keeps_at_most_once(&mut wire, &sender).await;
        Ok(Found { version, keeps_at_most_once: keeps_at_most_once.map_err(text) })
    }

    /// Leaves a session behind, sends to it while it is away, and looks what has come.
    async fn keeps_at_most_once(&self, wire: &mut Wire, sender: &Sender) -> Result<bool, Error> {
        let (mut away, there) = self.connect("-away", Session::Kept).await?;
        there.subscribe_at_least_once(std::slice::from_ref(&self.topic))?;
        while !subscribed(away.next().await?)? {}
        leave(away, &there).await;

        sender.publish_at_most_once(self.topic.clone(), Bytes::from_static(ONCE))?;
        sender.publish_at_least_once(&self.topic, Bytes::from_static(LAST))?;
        while !matches!(wire.next().await?, Received::Alive) {}

        let (mut back, there) = self.connect("-away", Session::Kept).await?;
        let mut keeps = false;
        loop {
            match back.next().await? {
                Received::Message(message) if message.payload == LAST => break,
                Received::Message(message) => keeps |= message.payload == ONCE,
                Received::Subscribed(_)
                | Received::Written
                | Received::Alive
                | Received::Sent
                | Received::SaidGoodbye => {}
            }
        }
        leave(back, &there).await;
        let (gone, there) = self.connect("-away", Session::Clean).await?;
        leave(gone, &there).await;
        Ok(keeps)
    }

    async fn connect(&self, who: &str, session: Session) -> Result<(Wire, Sender), Error> {
        let client = format!("{}{who}", self.client);
        let (wire, sender, _) = Wire::connect(self.address, &client, session).await?;
        Ok((wire, sender))
    }
}

async fn version(wire: &mut Wire, sender: &Sender) -> Option<String> {
    let topics: Vec<String> = VERSIONS.iter().map(|topic| (*topic).to_owned()).collect();
    sender.subscribe_at_most_once(&topics).ok()?;
    loop {
        if let Received::Message(message) = wire.next().await.ok()? {
            return Some(String::from_utf8_lossy(&message.payload).into_owned());
        }
    }
}

fn subscribed(received: Received) -> Result<bool, Error> {
    match received {
        Received::Subscribed(true) => Ok(true),
        Received::Subscribed(false) => Err(Error::no_rights()),
        Received::Message(_)
        | Received::Written
        | Received::Alive
        | Received::Sent
        | Received::SaidGoodbye => Ok(false),
    }
}

/// Says goodbye.
async fn leave(mut wire: Wire, sender: &Sender) {
    if sender.disconnect().is_ok() {
        wire.said_goodbye().await;
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

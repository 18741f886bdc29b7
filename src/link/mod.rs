//! The link to the cabinets: what they say comes in as events, commands go out by `publish`.
//!
//! The broker is behind a trait, so that the whole service also runs without one. Nothing here
//! decodes a payload or knows what a command means.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::ids::DeviceUuid;

pub use ack::{Ack, Outcome};
pub use inbox::Events;

mod ack;
mod inbox;
mod line;
pub mod memory;
pub mod mqtt;
mod watermark;

/// News from the broker, in the order it came.
#[derive(Debug)]
pub enum LinkEvent {
    /// Subscribed: updates arrive, commands can be published. Always the opposite of the last
    /// `Up` or `Down`; the first one is `Up`. What the broker held for us may come before it.
    Up,
    /// Nothing arrives and nothing can be published. Says nothing about any cabinet.
    Down,
    /// A cabinet can be spoken to, or not. Only from a link that `tells_sessions`.
    Session { uuid: DeviceUuid, connected: bool },
    /// A frame of a cabinet.
    Message(Incoming),
}

/// Bytes a cabinet sent. The topic is the identity; the broker's access list guards it.
#[derive(Debug)]
pub struct Incoming {
    pub uuid: DeviceUuid,
    pub kind: TopicKind,
    pub payload: Bytes,
    /// When the frame arrived here. A repetition from here keeps it, and `live` too; one from
    /// the broker does not.
    pub at: DateTime<Utc>,
    /// Whether it was sent just now. If not it is backlog: it waited at the broker.
    pub live: bool,
    /// The frame was sent after this and before `at`. Equal to `at` if it is live.
    pub earliest: DateTime<Utc>,
    /// To be confirmed when whatever the frame caused is committed. None for heartbeats.
    pub ack: Option<Ack>,
}

/// What a frame is about, by its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// Answers and events. At least once; acknowledged after the commit.
    Update,
    /// Heartbeats. At most once, dropped first when too much arrives.
    Heart,
}

/// A command to a cabinet: sent at most once, never kept for one that is away, never sent after
/// a lost connection was made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    pub uuid: DeviceUuid,
    /// The command's word, for metrics: `popup_sn`, `check`, ….
    pub command: &'static str,
    pub payload: Bytes,
    /// Not handed to the connection at or after this.
    pub deadline: DateTime<Utc>,
}

/// Why a command was certainly not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("there is no connection to the broker")]
    Down,
    #[error("the command is too late")]
    TooLate,
    #[error("too many commands are waiting")]
    Full,
}

/// Speaks to the cabinets.
#[async_trait]
pub trait Link: Send + Sync {
    /// `Ok`: handed to a connection that is up. From there it may still be lost, so only the
    /// cabinet's answer proves anything. `Err`: it was not sent and will not be. May be dropped;
    /// then the command was sent or not.
    async fn publish(&self, publish: Publish) -> Result<(), PublishError>;

    /// Whether commands can be published and their answers would arrive.
    fn is_up(&self) -> bool;

    /// Whether `LinkEvent::Session` comes. If not, what is known of a cabinet's presence comes
    /// from its frames alone.
    fn tells_sessions(&self) -> bool;

    /// Everything cabinets sent before this has arrived here. Not for the next process to begin
    /// with: what arrived and was not acknowledged comes to it again.
    fn complete_until(&self) -> DateTime<Utc>;

    /// Says goodbye to the broker. `Down` and the end of events follow.
    async fn close(&self);
}

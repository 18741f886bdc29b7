//! What a start asks of a station, and what it gets: a bank and the lane, or a word why not.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::ids::{CommandId, RentalId, SlotKey, Sn};
use ractor::RpcReplyPort;

use crate::actors::go_ahead::GoAhead;

/// A start's wish for a bank.
pub struct Reserve {
    pub command: CommandId,
    pub wanted: Option<Sn>,
    pub reply: RpcReplyPort<Result<Reserved, ReserveRefusal>>,
}

/// A bank that is set aside, and the lane with it.
#[derive(Clone, Debug)]
pub struct Reserved {
    pub key: SlotKey,
    pub sn: Sn,
    /// Percent.
    pub level: u8,
    /// The eject is published until then, or not at all.
    pub publish_before: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveRefusal {
    Maintenance,
    Offline,
    /// No bank here can be rented.
    NoBank,
    /// The wanted bank is not here.
    NotHere,
    /// The lane is taken for longer than a start may wait.
    Busy {
        retry_after: Duration,
    },
}

/// The rental is stored: eject its bank.
#[derive(Clone, Debug)]
pub struct PublishEject {
    pub command: CommandId,
    pub rental: RentalId,
    pub sn: Sn,
    pub key: SlotKey,
    pub publish_before: DateTime<Utc>,
    pub go_ahead: GoAhead,
}

//! What a machine wants done outside: calls, a session, frames.

use bytes::Bytes;

use crate::calls::HttpCall;

/// Something for the outside to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// One call after the other; the answer comes back by `answered`.
    Call(HttpCall),
    /// Forget calls that were not answered.
    DropCalls,
    /// Answered by `session_up` or `session_down`.
    Dial(Box<Dial>),
    HangUp(HangUp),
    Publish {
        topic: String,
        payload: Bytes,
    },
}

/// How to reach the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Dial {
    pub host: String,
    pub port: u16,
    pub client_id: String,
    pub username: String,
    pub password: String,
    /// Both of its own: commands and heartbeats.
    pub topics: [String; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// The connection is closed without a word.
    Closed,
    /// The connection stays open and silent.
    HalfOpen,
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Dial { host, port, client_id, username, .. } = self;
        write!(f, "Dial({client_id} as {username} to {host}:{port})")
    }
}

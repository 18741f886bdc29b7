//! Who is connected, and the news of it. Map and news change under one lock, so a listener that
//! starts with `watch` misses nothing and hears nothing twice. Never touches a connection.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use rmqtt::types::Id;
use tokio::sync::broadcast;

/// Events kept for a listener that is behind. One that falls further behind is told so
/// (`RecvError::Lagged`) and starts again from `Broker::watch`.
const EVENTS_MAX: usize = 16_384;

/// News about a session. For one client id: `TakenOver`? `Connected` `Listening`* `Disconnected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The credentials were accepted. Sent just before the CONNACK leaves, hence before any
    /// subscription of a new session.
    Connected { client_id: String, peer: SocketAddr },
    /// A cabinet is subscribed to its command topic: what is published from here on reaches it.
    Listening { client_id: String },
    /// The connection is closed and no other has taken its place.
    Disconnected { client_id: String },
    /// A second connection with this client id has ended the first; its `Connected` follows. From
    /// the same address this is a device that reconnects; from another it may be an intruder.
    TakenOver { client_id: String, previous: SocketAddr, peer: SocketAddr },
}

pub(crate) struct Presence {
    live: Mutex<BTreeMap<String, Live>>,
    events: broadcast::Sender<SessionEvent>,
}

struct Live {
    id: Id,
    is_listening: bool,
}

impl Presence {
    pub fn new() -> Presence {
        Presence { live: Mutex::default(), events: broadcast::Sender::new(EVENTS_MAX) }
    }

    /// Returns whether a live connection was replaced.
    pub fn connected(&self, id: &Id) -> bool {
        let client_id = id.client_id.to_string();
        let peer = address(id);
        let mut live = self.live.lock();
        let replaced = live.insert(client_id.clone(), Live { id: id.clone(), is_listening: false });
        if let Some(replaced) = &replaced {
            let previous = address(&replaced.id);
            let client_id = client_id.clone();
            self.tell(SessionEvent::TakenOver { client_id, previous, peer });
        }
        self.tell(SessionEvent::Connected { client_id, peer });
        replaced.is_some()
    }

    /// A connection that was replaced, and whose place is taken, leaves silently.
    pub fn disconnected(&self, id: &Id) {
        let client_id: &str = &id.client_id;
        let mut live = self.live.lock();
        if live.get(client_id).is_some_and(|session| session.id == *id) {
            live.remove(client_id);
            self.tell(SessionEvent::Disconnected { client_id: client_id.to_owned() });
        }
    }

    /// A client subscribed to its commands.
    pub fn listens(&self, id: &Id) {
        let client_id: &str = &id.client_id;
        let mut live = self.live.lock();
        let session = live.get_mut(client_id).filter(|session| session.id == *id);
        if let Some(session) = session {
            session.is_listening = true;
            self.tell(SessionEvent::Listening { client_id: client_id.to_owned() });
        }
    }

    /// A client takes no commands any more.
    pub fn turned_away(&self, id: &Id) {
        let client_id: &str = &id.client_id;
        let mut live = self.live.lock();
        if let Some(session) = live.get_mut(client_id).filter(|session| session.id == *id) {
            session.is_listening = false;
        }
    }

    pub fn is_listening(&self, client_id: &str) -> bool {
        self.live.lock().get(client_id).is_some_and(|session| session.is_listening)
    }

    pub fn is_connected(&self, client_id: &str) -> bool {
        self.live.lock().contains_key(client_id)
    }

    pub fn is_empty(&self) -> bool {
        self.live.lock().is_empty()
    }

    pub fn sessions(&self) -> Vec<String> {
        self.live.lock().keys().cloned().collect()
    }

    pub fn connections(&self) -> Vec<Id> {
        self.live.lock().values().map(|session| session.id.clone()).collect()
    }

    pub fn events(&self) -> broadcast::Receiver<SessionEvent> {
        self.events.subscribe()
    }

    pub fn watch(&self) -> (Vec<String>, broadcast::Receiver<SessionEvent>) {
        let live = self.live.lock();
        (live.keys().cloned().collect(), self.events.subscribe())
    }

    fn tell(&self, event: SessionEvent) {
        let _ = self.events.send(event); // nobody listens: no concern of ours
    }
}

fn address(id: &Id) -> SocketAddr {
    id.remote_addr.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
}

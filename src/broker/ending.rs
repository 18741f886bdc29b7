//! How sessions end when the broker says so: one client removed, all at the end of the broker, and
//! those whose connection ended without a word. Every wait is bounded.

use std::sync::Arc;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::types::{ClientId, Id, Message};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::Core;
use crate::accounts::Role;
use crate::presence::SessionEvent;

/// How long removal and shutdown wait for connections to end.
const END_MAX: Duration = Duration::from_secs(6);

/// How often connections are looked at that ended without a word.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

pub(crate) fn id_of(client_id: &str) -> Id {
    Id::from(0, ClientId::from(client_id))
}

/// Ends one session and waits until it is gone.
pub(crate) async fn evict(context: &ServerContext, core: &Core, client_id: &str) {
    let mut events = core.presence.events();
    let ending = async {
        order_to_leave(context, client_id).await;
        until(&mut events, || !core.presence.is_connected(client_id)).await;
    };
    if timeout(END_MAX, ending).await.is_err() {
        warn!(client.id = client_id, "a session did not end in time");
    }
}

/// A handshake of the same client holds its lock for a moment: try again.
async fn order_to_leave(context: &ServerContext, client_id: &str) {
    let mut retry = interval(Duration::from_millis(10));
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        retry.tick().await;
        let entry = context.extends.shared().await.entry(id_of(client_id));
        if let Ok(mut entry) = entry.try_lock().await {
            if let Err(error) = entry.kick(true, true, true).await {
                warn!(client.id = client_id, error = format!("{error:#}"), "cannot end a session");
            }
            return;
        }
    }
}

/// Orders all sessions to end at once, then waits for them.
pub(crate) async fn end_all(context: &ServerContext, core: &Core) {
    let mut events = core.presence.events();
    let mut ends = Vec::new();
    for entry in context.extends.shared().await.iter() {
        let (done, ended) = oneshot::channel();
        if let Some(tx) = entry.tx()
            && tx.unbounded_send(Message::Kick(done, entry.id(), true, true)).is_ok()
        {
            ends.push(ended);
        }
    }
    let ending = async {
        for ended in ends {
            let _ = ended.await; // gone already: what counts is asked below
        }
        until(&mut events, || core.presence.is_empty()).await;
    };
    if timeout(END_MAX, ending).await.is_err() {
        warn!(sessions = core.presence.sessions().len(), "sessions did not end in time");
    }
}

/// Looks again after every event; a lag of the receiver is as good as an event.
async fn until(events: &mut broadcast::Receiver<SessionEvent>, is_done: impl Fn() -> bool) {
    while !is_done() {
        let _ = events.recv().await;
    }
}

/// rmqtt says nothing when a client leaves between its CONNECT and its CONNACK. Such sessions are
/// found here, and those whose account went while they were being set up.
pub(crate) async fn sweep(context: ServerContext, core: Arc<Core>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for id in core.presence.connections() {
            let mut entry = context.extends.shared().await.entry(id.clone());
            let role = core.accounts.role(&id.client_id);
            if entry.tx().is_none_or(|tx| tx.is_closed()) {
                core.presence.disconnected(&id);
                if role != Some(Role::Service) {
                    let _ = entry.remove_with(&id).await; // somebody else removed it
                }
            } else if role.is_none() {
                evict(&context, &core, &id.client_id).await;
            }
        }
    }
}

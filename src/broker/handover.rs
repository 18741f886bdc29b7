//! How a session passes from one connection to the next. A cabinet's never does: nothing queued for
//! an old connection reaches a new one. The service's does, whole and in order: what was not
//! acknowledged, then what was queued, then what came meanwhile, all before anything newer.
//!
//! rmqtt alone sends unacknowledged messages again in reverse, lets newer ones overtake them, and
//! loses what arrives between the two connections. Never decides who may connect.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rmqtt::Result;
use rmqtt::session::{OfflineInfo, Session};
use rmqtt::shared::{DefaultShared, Entry, LockEntry, Shared};
use rmqtt::types::{
    ClientId, ForwardedCount, ForwardedRecipients, From, Id, IsAdmin, Message, MsgID,
    OfflineSession, Publish, Reason, SessionStatus, SubRelations, SubRelationsMap,
    SubsSearchParams, SubsSearchResult, Subscribe, SubscribeReturn, Subscriptions, To, Tx,
    Unsubscribe,
};
use tokio::sync::{RwLock, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::Core;
use crate::counters::count;

/// How long the old connection may take to let go. Longer than a write may take (`SEND_MAX`), so
/// that a connection that hangs in a write has ended by then.
const LET_GO_MAX: Duration = Duration::from_secs(5);

type Messages = Vec<(From, Publish)>;
type Undelivered = (To, From, Publish, Reason);

#[derive(Clone)]
pub(crate) struct Handover {
    inner: DefaultShared,
    core: Arc<Core>,
    /// Messages for a service session that is between two connections, by client id.
    meanwhile: Arc<Mutex<HashMap<ClientId, Messages>>>,
    /// Read while a message goes its way, written while a session changes its place: so a message
    /// is put before that change or after it, never into a channel that nobody reads any more, nor
    /// past one that is older. Both take microseconds and wait for nothing but each other.
    routing: Arc<RwLock<()>>,
}

/// What one connection leaves to the next: MQTT 3.1.1, section 4.1.
#[derive(Default)]
struct SessionState {
    subscriptions: Subscriptions,
    /// Sent and not acknowledged, then queued, in the order they came.
    messages: Messages,
    packet_id_max: Option<u16>,
}

/// One client id during a handshake, as rmqtt does it: `try_lock`, `kick`, `set`.
struct Handshake {
    shared: Handover,
    entry: Box<dyn Entry>,
    /// Filled by `kick`, emptied by `set`.
    state: Option<SessionState>,
}

impl Handover {
    pub fn new(inner: DefaultShared, core: Arc<Core>) -> Handover {
        Handover { inner, core, meanwhile: Arc::default(), routing: Arc::default() }
    }

    fn handshake(&self, entry: Box<dyn Entry>) -> Box<dyn Entry> {
        Box::new(Handshake { shared: self.clone(), entry, state: None })
    }

    /// Keeps a message for a service session that has no connection; else gives it back. Only
    /// while `routing` is read.
    async fn keep(&self, undelivered: Undelivered) -> Option<Undelivered> {
        let (to, from, publish, reason) = undelivered;
        if !self.core.accounts.is_service(&to.client_id) {
            return Some((to, from, publish, reason));
        }
        if let Some(kept) = self.meanwhile.lock().get_mut(&to.client_id)
            && kept.len() < self.core.settings.service_queue_len
        {
            kept.push((from, publish));
            return None;
        }
        let entry = self.inner.entry(to.clone());
        let is_connected = entry.tx().is_some_and(|tx| !tx.is_closed());
        let again = match entry.session() {
            Some(_) if is_connected => entry.publish(from, publish).await,
            Some(session) => session
                .deliver_queue()
                .push((from, publish))
                .map_err(|(from, publish)| (from, publish, Reason::MessageQueueFull)),
            None => Err((from, publish, reason)),
        };
        again.err().map(|(from, publish, reason)| (to, from, publish, reason))
    }
}

impl SessionState {
    async fn of(session: &Session) -> Result<SessionState> {
        let mut state = SessionState::default();
        for sent in session.out_inflight().write().await.to_inflight_messages() {
            let mut publish = sent.publish;
            state.packet_id_max = state.packet_id_max.max(publish.packet_id.map(u16::from));
            publish.dup = true;
            state.messages.push((sent.from, publish));
        }
        while let Some(queued) = session.deliver_queue().pop() {
            state.messages.push(queued);
        }
        state.subscriptions = session.subscriptions_drain().await?;
        Ok(state)
    }

    /// Straight into the queue of the session, not through its channel: the queue is delivered
    /// first, and stays with the session if the connection fails before its CONNACK.
    async fn pass_to(self, session: &Session) -> Result<usize> {
        if let Some(packet_id) = self.packet_id_max {
            session.out_inflight().read().await.advance_next_id(packet_id);
        }
        let router = session.scx.extends.router().await;
        for (filter, options) in &self.subscriptions {
            router.add(filter, session.id.clone(), options.clone()).await?;
        }
        session.subscriptions_extend(self.subscriptions).await?;
        Ok(queue(session, self.messages))
    }
}

/// Returns how many found no room.
fn queue(session: &Session, messages: Messages) -> usize {
    let queue = session.deliver_queue();
    messages.into_iter().filter_map(|message| queue.push(message).err()).count()
}

/// Asks a connection to end and waits for it.
async fn let_go(tx: &Tx, by: Id) {
    let (done, let_go) = oneshot::channel();
    if tx.unbounded_send(Message::Kick(done, by, false, false)).is_ok() {
        let _ = timeout(LET_GO_MAX, let_go).await; // the session is taken from it in any case
        end_hung(tx, false);
    }
}

/// A connection ignores the request of somebody who no longer waits, but not this.
fn end_hung(tx: &Tx, admin: IsAdmin) {
    let _ = tx.unbounded_send(Message::Closed(Reason::ConnectKicked(admin))); // gone: as well
}

impl Handshake {
    /// The old connection leaves the map before it is asked to end: so nothing is put behind that
    /// order, where nobody would read it.
    async fn inherit(&mut self) -> Result<Option<(Id, i64)>> {
        let id = self.entry.id();
        let mut old = LockEntry::new(id.clone(), self.shared.inner.clone(), None);
        let changing = self.shared.routing.write().await;
        self.shared.meanwhile.lock().insert(id.client_id.clone(), Vec::new());
        let removed = old._remove(false).await;
        drop(changing);
        self.state = Some(SessionState::default()); // from here on `drop` has something to undo
        let Some((session, tx)) = removed else { return Ok(None) };
        let_go(&tx, id).await;
        self.state = Some(SessionState::of(&session).await?);
        Ok(Some((session.id.clone(), session.created_at().await?)))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            let client_id = self.entry.id().client_id.clone();
            let meanwhile = self.shared.meanwhile.lock().remove(&client_id).unwrap_or_default();
            let messages = state.messages.len() + meanwhile.len();
            warn!(client.id = %client_id, messages, "a session was lost between two connections");
        }
    }
}

#[async_trait]
impl Entry for Handshake {
    async fn try_lock(&self) -> Result<Box<dyn Entry>> {
        Ok(self.shared.handshake(self.entry.try_lock().await?))
    }

    async fn kick(&mut self, clean: bool, forget: bool, admin: IsAdmin) -> Result<OfflineSession> {
        let is_service = self.shared.core.accounts.is_service(&self.entry.id().client_id);
        if !is_service || clean || forget || admin {
            let old = self.entry.tx();
            let end = self.entry.kick(true, true, admin).await;
            if let Some(tx) = old {
                end_hung(&tx, admin);
            }
            return end;
        }
        Ok(match self.inherit().await? {
            None => OfflineSession::NotExist,
            Some((id, created_at)) => OfflineSession::Exist(Some(OfflineInfo {
                id,
                subscriptions: Subscriptions::default(),
                offline_messages: std::collections::VecDeque::default(),
                inflight_messages: Vec::default(),
                created_at,
            })),
        })
    }

    async fn set(&mut self, session: Session, tx: Tx) -> Result<()> {
        let Some(state) = self.state.as_mut().map(std::mem::take) else {
            return self.entry.set(session, tx).await;
        };
        let client_id = session.id.client_id.clone();
        let mut lost = state.pass_to(&session).await?;
        let changing = self.shared.routing.write().await;
        let meanwhile = self.shared.meanwhile.lock().remove(&client_id).unwrap_or_default();
        lost += queue(&session, meanwhile);
        self.entry.set(session, tx).await?;
        drop(changing);
        self.state = None;
        for _ in 0..lost {
            count(&self.shared.core.tally.dropped_queue_full);
        }
        Ok(())
    }

    fn id(&self) -> Id {
        self.entry.id()
    }

    fn id_same(&self) -> Option<bool> {
        self.entry.id_same()
    }

    async fn remove(&mut self) -> Result<Option<(Session, Tx)>> {
        self.entry.remove().await
    }

    async fn remove_with(&mut self, id: &Id) -> Result<Option<(Session, Tx)>> {
        self.entry.remove_with(id).await
    }

    async fn online(&self) -> bool {
        self.entry.online().await
    }

    async fn is_connected(&self) -> bool {
        self.entry.is_connected().await
    }

    fn session(&self) -> Option<Session> {
        self.entry.session()
    }

    fn exist(&self) -> bool {
        self.entry.exist()
    }

    fn tx(&self) -> Option<Tx> {
        self.entry.tx()
    }

    async fn subscribe(&self, subscribe: &Subscribe) -> Result<SubscribeReturn> {
        self.entry.subscribe(subscribe).await
    }

    async fn unsubscribe(&self, unsubscribe: &Unsubscribe) -> Result<bool> {
        self.entry.unsubscribe(unsubscribe).await
    }

    async fn publish(
        &self,
        from: From,
        publish: Publish,
    ) -> std::result::Result<(), (From, Publish, Reason)> {
        self.entry.publish(from, publish).await
    }

    async fn subscriptions(&self) -> Option<Vec<SubsSearchResult>> {
        self.entry.subscriptions().await
    }
}

#[async_trait]
impl Shared for Handover {
    fn entry(&self, id: Id) -> Box<dyn Entry> {
        self.handshake(self.inner.entry(id))
    }

    async fn forwards(
        &self,
        message: Option<MsgID>,
        from: From,
        publish: Publish,
    ) -> std::result::Result<ForwardedCount, (ForwardedCount, Vec<Undelivered>)> {
        let _routing = self.routing.read().await;
        let (mut delivered, undelivered) = match self.inner.forwards(message, from, publish).await {
            Ok(delivered) => return Ok(delivered),
            Err(both) => both,
        };
        let mut lost = Vec::new();
        for one in undelivered {
            match self.keep(one).await {
                None => delivered += 1,
                Some(one) => lost.push(one),
            }
        }
        if lost.is_empty() { Ok(delivered) } else { Err((delivered, lost)) }
    }

    async fn forwards_and_get_shareds(
        &self,
        from: From,
        publish: Publish,
    ) -> std::result::Result<
        (SubRelationsMap, ForwardedRecipients),
        (ForwardedRecipients, Vec<Undelivered>),
    > {
        self.inner.forwards_and_get_shareds(from, publish).await
    }

    async fn forwards_to(
        &self,
        from: From,
        publish: &Publish,
        relations: SubRelations,
        message: Option<MsgID>,
    ) -> std::result::Result<ForwardedRecipients, (ForwardedRecipients, Vec<Undelivered>)> {
        self.inner.forwards_to(from, publish, relations, message).await
    }

    fn exist(&self, client_id: &str) -> bool {
        self.inner.exist(client_id)
    }

    fn iter(&self) -> Box<dyn Iterator<Item = Box<dyn Entry>> + Sync + Send + '_> {
        self.inner.iter()
    }

    fn random_session(&self) -> Option<Session> {
        self.inner.random_session()
    }

    async fn session_status(&self, client_id: &str) -> Option<SessionStatus> {
        self.inner.session_status(client_id).await
    }

    async fn client_states_count(&self) -> usize {
        self.inner.client_states_count().await
    }

    fn sessions_count(&self) -> usize {
        self.inner.sessions_count()
    }

    async fn query_subscriptions(&self, query: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.inner.query_subscriptions(query).await
    }

    async fn subscriptions_count(&self) -> usize {
        self.inner.subscriptions_count().await
    }
}

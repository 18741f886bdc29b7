//! A bound for ractor's mailboxes, which have none of their own: a message that finds the
//! mailbox full is refused and counted, and the sender goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ractor::{ActorRef, Message};

use crate::metrics;

#[cfg(test)]
mod tests;

/// The door to one actor.
pub struct Mailbox<M: Message> {
    actor: ActorRef<M>,
    depth: Depth,
    max: usize,
    kind: &'static str,
}

impl<M: Message> Clone for Mailbox<M> {
    fn clone(&self) -> Mailbox<M> {
        let (actor, depth) = (self.actor.clone(), self.depth.clone());
        Mailbox { actor, depth, max: self.max, kind: self.kind }
    }
}

impl<M: Message> std::fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox")
            .field("kind", &self.kind)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// How many messages wait. The actor takes one off for each message it begins with.
#[derive(Clone, Debug, Default)]
pub struct Depth(Arc<AtomicUsize>);

impl Depth {
    pub fn taken(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A message that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the mailbox is full")]
    Full,
    #[error("the actor is gone")]
    Gone,
}

impl<M: Message> Mailbox<M> {
    /// `kind` names the actor in metrics; `max` is how many messages may wait.
    pub fn new(actor: ActorRef<M>, depth: Depth, max: usize, kind: &'static str) -> Mailbox<M> {
        Mailbox { actor, depth, max, kind }
    }

    pub fn cast(&self, message: M) -> Result<(), Refused> {
        self.offer(message).map_err(|(refused, _)| refused)
    }

    /// The same; what was refused because the mailbox is full is given back.
    pub fn offer(&self, message: M) -> Result<(), (Refused, Option<M>)> {
        if self.depth.0.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.depth.taken();
            metrics::ACTOR_REFUSED.inc([self.kind]);
            return Err((Refused::Full, Some(message)));
        }
        self.actor.cast(message).map_err(|_| {
            self.depth.taken();
            (Refused::Gone, None)
        })
    }

    /// An actor's own business, of which only so much can be under way: its alarm, the end of
    /// work it began. Taken even when the mailbox is full, as nobody would say it again.
    pub fn insist(&self, message: M) {
        self.depth.0.fetch_add(1, Ordering::Relaxed);
        if self.actor.cast(message).is_err() {
            self.depth.taken(); // an actor that is gone has no business
        }
    }

    /// Half of what may wait waits: the rest is for what must not be shed.
    pub fn is_crowded(&self) -> bool {
        self.depth.count() * 2 >= self.max
    }

    /// Messages that wait.
    pub fn waiting(&self) -> u64 {
        u64::try_from(self.depth.count()).unwrap_or(u64::MAX)
    }

    /// Asks and waits, at most for `patience`.
    pub async fn call<R: Send + 'static>(
        &self,
        ask: impl FnOnce(ractor::RpcReplyPort<R>) -> M,
        patience: std::time::Duration,
    ) -> Option<R> {
        let (send, receive) = tokio::sync::oneshot::channel();
        self.cast(ask(send.into())).ok()?;
        tokio::time::timeout(patience, receive).await.ok()?.ok()
    }

    pub fn actor(&self) -> &ActorRef<M> {
        &self.actor
    }
}

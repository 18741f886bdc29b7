//! A supervisor for children of one kind: a child that dies is started again with its own
//! back-off, a child that dies too often is set aside alone. It never dies with a child.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use chrono::TimeDelta;
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent,
};

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::metrics;
use crate::spawn::restart::{Budget, Verdict};
use crate::spawn::{Tasks, spawn};

#[cfg(test)]
mod tests;

/// How children of one kind are made.
pub trait Spawner: Send + Sync + 'static {
    type Key: Ord + Hash + Copy + Debug + Display + Send + Sync + 'static;
    const KIND: &'static str;

    /// Starts the child from what is known in memory; it must not wait for the database.
    /// `None` when there is nothing left to run.
    fn start(
        &self,
        key: Self::Key,
        supervisor: ActorCell,
    ) -> impl Future<Output = Result<Option<ActorCell>, ActorProcessingErr>> + Send;

    /// Reads again what the child begins with: what a failed one believed may be wrong. Not
    /// called by the supervisor's own loop, and may take as long as the database is away.
    fn reload(&self, key: Self::Key) -> impl Future<Output = ()> + Send;

    /// The child is set aside for a while.
    fn isolated(&self, key: Self::Key);
}

pub struct Supervisor<N>(PhantomData<N>);

impl<N> Default for Supervisor<N> {
    fn default() -> Supervisor<N> {
        Supervisor(PhantomData)
    }
}

pub enum Msg<K> {
    /// Starts a child, unless it runs already; answers whether it runs.
    Start(K, Option<RpcReplyPort<bool>>),
}

pub struct Args<N> {
    pub spawner: Arc<N>,
    pub clock: Clock,
    pub entropy: Entropy,
}

/// The supervisors of one kind, each with its share of the children. Clones share them.
pub struct Shards<N: Spawner>(Arc<Vec<ActorRef<Msg<N::Key>>>>);

impl<N: Spawner> Shards<N> {
    /// Starts `count` supervisors, 1 at least. One that ends takes its children with it, so
    /// `tasks` need each.
    pub async fn raise(
        count: usize,
        args: impl Fn() -> Args<N>,
        tasks: &Tasks,
    ) -> Result<Shards<N>, ActorProcessingErr> {
        let mut shards = Vec::with_capacity(count);
        for _ in 0..count {
            let (shard, ended) = Actor::spawn(None, Supervisor::default(), args()).await?;
            tasks.needs(N::KIND, ended);
            shards.push(shard);
        }
        Ok(Shards(Arc::new(shards)))
    }

    /// Asks for the child's start; `reply` hears whether it runs, and is dropped when the service
    /// ends.
    pub fn start(&self, key: N::Key, reply: Option<RpcReplyPort<bool>>) {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let at = usize::try_from(hasher.finish()).unwrap_or_default() % self.0.len();
        let _ = self.0[at].cast(Msg::Start(key, reply));
    }
}

impl<N: Spawner> Clone for Shards<N> {
    fn clone(&self) -> Shards<N> {
        Shards(Arc::clone(&self.0))
    }
}

pub struct State<N: Spawner> {
    args: Args<N>,
    children: BTreeMap<ActorId, N::Key>,
    running: BTreeSet<N::Key>,
    budgets: BTreeMap<N::Key, Budget>,
}

impl<N: Spawner> Actor for Supervisor<N> {
    type Msg = Msg<N::Key>;
    type State = State<N>;
    type Arguments = Args<N>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        args: Args<N>,
    ) -> Result<State<N>, ActorProcessingErr> {
        let (children, running) = (BTreeMap::new(), BTreeSet::new());
        Ok(State { args, children, running, budgets: BTreeMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut State<N>,
    ) -> Result<(), ActorProcessingErr> {
        let Msg::Start(key, reply) = message;
        let started = state.start(key, &myself).await;
        if let Some(reply) = reply {
            let _ = reply.send(started); // who asked may have gone
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State<N>,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(child, error) => state.failed(&child, &error, &myself),
            SupervisionEvent::ActorTerminated(child, ..) => state.ended(&child),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl<N: Spawner> State<N> {
    async fn start(&mut self, key: N::Key, myself: &ActorRef<Msg<N::Key>>) -> bool {
        if self.running.contains(&key) {
            return true;
        }
        match self.args.spawner.start(key, myself.get_cell()).await {
            Ok(Some(child)) => {
                metrics::ACTORS.inc([N::KIND]);
                self.children.insert(child.get_id(), key);
                self.running.insert(key);
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.retry(key, &error, myself);
                false
            }
        }
    }

    fn ended(&mut self, child: &ActorCell) {
        if let Some(key) = self.children.remove(&child.get_id()) {
            metrics::ACTORS.dec([N::KIND]);
            self.running.remove(&key);
            self.budgets.remove(&key);
        }
    }

    fn failed(
        &mut self,
        child: &ActorCell,
        error: &ActorProcessingErr,
        myself: &ActorRef<Msg<N::Key>>,
    ) {
        if let Some(key) = self.children.remove(&child.get_id()) {
            metrics::ACTORS.dec([N::KIND]);
            self.running.remove(&key);
            self.retry(key, error, myself);
        }
    }

    fn retry(&mut self, key: N::Key, error: &ActorProcessingErr, myself: &ActorRef<Msg<N::Key>>) {
        let now = self.args.clock.now();
        let verdict = self.budgets.entry(key).or_default().failed(now);
        let at = match verdict {
            Verdict::Restart { after } => {
                tracing::warn!(actor = N::KIND, key = %key, %error, "an actor failed");
                metrics::ACTOR_RESTARTS.inc([N::KIND]);
                now + after + self.jitter(after)
            }
            Verdict::Isolate { until } => {
                tracing::error!(actor = N::KIND, key = %key, %error, "an actor is set aside");
                metrics::ACTORS_ISOLATED.inc([N::KIND]);
                self.args.spawner.isolated(key);
                until
            }
        };
        let (clock, myself) = (self.args.clock.clone(), myself.clone());
        let spawner = Arc::clone(&self.args.spawner);
        let isolated = matches!(verdict, Verdict::Isolate { .. });
        spawn("restart", async move {
            clock.sleep_until(at).await;
            if isolated {
                metrics::ACTORS_ISOLATED.dec([N::KIND]);
            }
            spawner.reload(key).await;
            let _ = myself.cast(Msg::Start(key, None)); // the service may be ending
        });
    }

    fn jitter(&self, after: TimeDelta) -> TimeDelta {
        let most = after.to_std().unwrap_or_default();
        let jitter = self.args.entropy.jitter(std::time::Duration::ZERO..=most);
        TimeDelta::from_std(jitter).unwrap_or_default()
    }
}

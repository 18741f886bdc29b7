//! Background tasks: the only place of the service that starts one.
//!
//! A task has a name, its panic is logged and counted, and a node can wait for the tasks it
//! started or end them. One that is kept is started again; one that is lost ends its node.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use crate::clock::Clock;
use crate::metrics;

pub mod restart;

#[cfg(test)]
mod tests;

use restart::{Budget, Verdict};

/// Starts a task that nobody waits for. Its handle answers an error if it panicked.
#[expect(clippy::disallowed_methods, reason = "home of tasks")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(watched(name, future))
}

/// Runs what waits for the disk on a thread of its own.
pub fn blocking<T, F>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work)
}

/// The tasks of one node: started here, they can be waited for when the node drains.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    open: Arc<Open>,
}

#[derive(Debug, Default)]
struct Open {
    tasks: Mutex<Register>,
    count: watch::Sender<usize>,
    /// The first that panicked for good.
    lost: watch::Sender<Option<&'static str>>,
}

#[derive(Debug, Default)]
struct Register {
    next: u64,
    /// Nothing as handle: started, and not yet entered.
    running: BTreeMap<u64, (&'static str, Option<AbortHandle>)>,
}

impl Tasks {
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// Starts a task and counts it as open until it ends, panics or is aborted.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let entry = self.enter(name);
        let id = entry.id;
        let handle = spawn(name, async move {
            let ended = AssertUnwindSafe(future).catch_unwind().await;
            ended.unwrap_or_else(|panic| {
                entry.open.lose(name);
                std::panic::resume_unwind(panic)
            })
        });
        if let Some((_, abort)) = self.open.tasks.lock().running.get_mut(&id) {
            *abort = Some(handle.abort_handle());
        }
        handle
    }

    /// Keeps a task running until it ends by itself: one that panics is started again, later
    /// each time. One that panics too often is lost.
    pub fn keep<F>(
        &self,
        name: &'static str,
        clock: Clock,
        mut start: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, async move {
            let mut budget = Budget::default();
            while let Err(panic) = AssertUnwindSafe(start()).catch_unwind().await {
                match budget.failed(clock.now()) {
                    Verdict::Restart { after } => {
                        note(name, &*panic);
                        clock.sleep(after.to_std().unwrap_or_default()).await;
                    }
                    Verdict::Isolate { .. } => std::panic::resume_unwind(panic),
                }
            }
        });
    }

    /// Counts `part`, which runs by itself, among the tasks: these are lost when it ends.
    pub fn needs(&self, name: &'static str, part: impl Future + Send + 'static) {
        let open = Arc::clone(&self.open);
        self.spawn(name, async move {
            part.await;
            tracing::error!(task = name, "{name} ended");
            open.lose(name);
        });
    }

    /// Resolves when a task has panicked that nobody starts again: whose tasks these are is
    /// not whole any more. Answers its name.
    pub async fn lost(&self) -> &'static str {
        let mut lost = self.open.lost.subscribe();
        match lost.wait_for(Option::is_some).await.map(|name| *name) {
            Ok(Some(name)) => name,
            // the sender lives as long as this
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// How many tasks are open.
    pub fn len(&self) -> usize {
        self.open.tasks.lock().running.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until every task has ended.
    pub async fn ended(&self) {
        // the sender lives as long as this
        let _ = self.open.count.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Waits until every task has ended, at most `bound`; then ends the rest and answers their
    /// names.
    pub async fn drain(&self, clock: &Clock, bound: Duration) -> Vec<&'static str> {
        let mut count = self.open.count.subscribe();
        let all_ended = async { count.wait_for(|open| *open == 0).await.is_ok() };
        if clock.within(bound, all_ended).await.is_some() {
            return Vec::new();
        }
        self.abort()
    }

    /// Ends every task at its next await and answers their names.
    pub fn abort(&self) -> Vec<&'static str> {
        let tasks = self.open.tasks.lock();
        for (_, abort) in tasks.running.values() {
            abort.iter().for_each(AbortHandle::abort);
        }
        tasks.running.values().map(|(name, _)| *name).collect()
    }

    fn enter(&self, name: &'static str) -> Entry {
        let mut tasks = self.open.tasks.lock();
        let id = tasks.next;
        tasks.next += 1;
        tasks.running.insert(id, (name, None));
        self.open.count.send_replace(tasks.running.len());
        Entry { id, open: Arc::clone(&self.open) }
    }
}

impl Open {
    fn lose(&self, name: &'static str) {
        self.lost.send_if_modified(|lost| lost.replace(name).is_none());
    }
}

/// A place in the register, given back when the task is dropped, however that happens.
struct Entry {
    id: u64,
    open: Arc<Open>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut tasks = self.open.tasks.lock();
        tasks.running.remove(&self.id);
        self.open.count.send_replace(tasks.running.len());
    }
}

async fn watched<F: Future>(name: &'static str, future: F) -> F::Output {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(output) => output,
        Err(panic) => {
            note(name, &*panic);
            std::panic::resume_unwind(panic)
        }
    }
}

/// Says that a task of this name panicked, which may go on all the same.
pub fn note(name: &'static str, panic: &(dyn Any + Send)) {
    metrics::TASK_PANICS.inc([name]);
    tracing::error!(task = name, error = message(panic), "task {name} panicked");
}

/// The text of a panic, if it has one.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

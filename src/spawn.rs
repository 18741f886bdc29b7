//! Background tasks: the only place of the service that starts one.
//!
//! A task has a name, its panic is logged and counted, and a node can wait for the tasks it
//! started or end them. Nothing here restarts a task.

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

#[cfg(test)]
mod tests;

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
            let _entry = entry;
            future.await
        });
        if let Some((_, abort)) = self.open.tasks.lock().running.get_mut(&id) {
            *abort = Some(handle.abort_handle());
        }
        handle
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
            metrics::TASK_PANICS.inc([name]);
            tracing::error!(task = name, error = message(&*panic), "task {name} panicked");
            std::panic::resume_unwind(panic)
        }
    }
}

/// The text of a panic, if it has one.
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

//! One piece of work at a time for each thing, such as an intent. Ten that ask the same at once make two
//! questions at most: whoever came before a question began takes its answer.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use tokio::sync::Mutex;

#[cfg(test)]
mod tests;

/// The things that somebody works on.
pub struct Turns<K: Eq + Hash, T> {
    lines: DashMap<K, Arc<Line<T>>>,
}

struct Line<T> {
    /// How many have come.
    arrived: AtomicU64,
    /// How much work has ended, or was given up.
    ended: AtomicU64,
    /// The last answer, and how many had come when its question began.
    last: Mutex<Option<(u64, T)>>,
}

impl<K: Eq + Hash, T> Default for Turns<K, T> {
    fn default() -> Turns<K, T> {
        Turns { lines: DashMap::new() }
    }
}

impl<T> Default for Line<T> {
    fn default() -> Line<T> {
        Line { arrived: AtomicU64::new(0), ended: AtomicU64::new(0), last: Mutex::new(None) }
    }
}

impl<K: Copy + Eq + Hash, T: Clone> Turns<K, T> {
    /// The answer of a question that began after this call: its own, or another's.
    pub async fn share<F: Future<Output = T>>(&self, id: K, question: impl FnOnce() -> F) -> T {
        self.join(id).share(|_| question()).await
    }

    /// Does something while nobody else works on this one.
    pub async fn alone<F: Future>(&self, id: K, work: impl FnOnce() -> F) -> F::Output {
        let place = self.join(id);
        let _turn = place.line.last.lock().await;
        let _end = End(&place.line.ended);
        work().await
    }

    /// Comes to the line of one of them; whoever reads something before it asks comes first.
    pub fn join(&self, id: K) -> Place<'_, K, T> {
        let line = Arc::clone(&self.lines.entry(id).or_default());
        let number = line.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let ended = line.ended.load(Ordering::SeqCst);
        Place { turns: self, id, line, number, ended }
    }
}

/// A place in a line; the last one to leave takes the line away.
pub struct Place<'a, K: Eq + Hash, T> {
    turns: &'a Turns<K, T>,
    id: K,
    line: Arc<Line<T>>,
    number: u64,
    /// How much had ended when it was taken.
    ended: u64,
}

/// Counts work that ends, however it does.
struct End<'a>(&'a AtomicU64);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<K: Eq + Hash, T: Clone> Place<'_, K, T> {
    /// The answer of a question that began after this place was taken: its own, or another's.
    /// The question is told whether no work has ended since then, alone or shared: what was read
    /// since still holds.
    pub async fn share<F: Future<Output = T>>(self, question: impl FnOnce(bool) -> F) -> T {
        let mut last = self.line.last.lock().await;
        if let Some((covered, answer)) = &*last
            && *covered >= self.number
        {
            return answer.clone();
        }
        let covers = self.line.arrived.load(Ordering::SeqCst);
        let still_holds = self.line.ended.load(Ordering::SeqCst) == self.ended;
        // dropped before the lock is
        let _end = End(&self.line.ended);
        let answer = question(still_holds).await;
        *last = Some((covers, answer.clone()));
        answer
    }
}

impl<K: Eq + Hash, T> Drop for Place<'_, K, T> {
    fn drop(&mut self) {
        // the map's and this one
        self.turns.lines.remove_if(&self.id, |_, line| Arc::strong_count(line) <= 2);
    }
}

//! Connections to the service that riders' requests share: one is taken for each question and
//! given back with the answer, so that an open loop has as many as it needs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::timeout;

use crate::wire::{Answer, Connection};

/// Connections kept while nobody asks.
const IDLE_MAX: usize = 512;
/// How long one is used again: less than the service leaves a silent one open.
const KEPT: Duration = Duration::from_secs(4);

pub struct Pool {
    address: SocketAddr,
    patience: Duration,
    idle: Mutex<Vec<(Instant, Connection)>>,
    open: AtomicU64,
}

/// A question without an answer so far.
struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub fn new(address: SocketAddr, patience: Duration) -> Pool {
        Pool { address, patience, idle: Mutex::default(), open: AtomicU64::new(0) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Questions without an answer so far.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Asks, over a connection that may have been used before.
    pub async fn ask(&self, request: &[u8]) -> anyhow::Result<Answer> {
        self.open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(&self.open);
        timeout(self.patience, self.ask_now(request)).await.context("no answer in time")?
    }

    async fn ask_now(&self, request: &[u8]) -> anyhow::Result<Answer> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some((since, connection)) if since.elapsed() < KEPT => connection,
            _ => Connection::open(self.address).await?,
        };
        let answer = connection.ask(request).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((Instant::now(), connection));
        }
        Ok(answer)
    }
}

//! Connections to the service that riders' requests share: one is taken for each question and
//! given back with the answer, so that an open loop has as many as it needs.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio::time::timeout;

use crate::wire::{Answer, Connection};

/// Connections kept while nobody asks.
const IDLE_MAX: usize = 512;

pub struct Pool {
    address: SocketAddr,
    patience: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub fn new(address: SocketAddr, patience: Duration) -> Pool {
        Pool { address, patience, idle: Mutex::default() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks, over a connection that may have been used before.
    pub async fn ask(&self, request: &[u8]) -> anyhow::Result<Answer> {
        timeout(self.patience, self.ask_now(request)).await.context("no answer in time")?
    }

    async fn ask_now(&self, request: &[u8]) -> anyhow::Result<Answer> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let answer = connection.ask(request).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }
}

//! How the database is reached and how long anything may take. Values only.

use std::time::Duration;

/// Everything `Store::open` has to know.
#[derive(Clone)]
pub struct Settings {
    /// `postgres://user:password@host:port/name`, with `?host=/folder` for a socket.
    pub url: String,
    /// Connections for reads.
    pub connections: u32,
    /// Connections for telemetry, owed effects and what operators do.
    pub chores: u32,
    /// Connections that write facts, each with one batch in flight.
    pub writers: u16,
    /// Most facts in one batch.
    pub batch_max: usize,
    /// How far apart batches begin at least, unless one is full.
    pub batch_apart: Duration,
    /// Facts that may wait for a writer; more are answered `Busy`.
    pub queue_max: usize,
    /// Longest wait for one connection.
    pub connect_timeout: Duration,
    /// How long `Store::open` waits for a database that is starting.
    pub start_timeout: Duration,
    /// Longest statement.
    pub statement_timeout: Duration,
    /// Longest wait for a lock.
    pub lock_timeout: Duration,
    /// Longest pause inside a transaction.
    pub idle_in_transaction: Duration,
    /// Statements kept prepared per connection. 0 behind a pooler in transaction mode: nothing
    /// then outlives a transaction.
    pub statement_cache: usize,
    /// How long a fact waits for a database that is away before it is answered `NotSent`.
    pub patience: Duration,
    /// How long a lease lasts without renewal.
    pub lease_expiry: Duration,
    /// How often the lease is renewed.
    pub lease_renewal: Duration,
    /// For how long what gateways said is there to be looked for; longer than that it is kept.
    pub gateway_events: Duration,
}

impl Settings {
    /// The defaults of the service.
    pub fn new(url: impl Into<String>) -> Settings {
        Settings {
            url: url.into(),
            connections: 16,
            chores: 4,
            writers: 1,
            batch_max: 200,
            batch_apart: Duration::from_millis(5),
            queue_max: 10_000,
            connect_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(3),
            idle_in_transaction: Duration::from_secs(10),
            statement_cache: 200,
            patience: Duration::from_secs(3),
            lease_expiry: Duration::from_secs(5),
            lease_renewal: Duration::from_millis(1_500),
            gateway_events: Duration::from_hours(399 * 24),
        }
    }

    /// A pooler in transaction mode stands between: each transaction may meet another server
    /// process, so nothing may be kept in a session.
    pub fn is_pooled(&self) -> bool {
        self.statement_cache == 0
    }

    /// Settings of a session, by the database's names.
    pub(super) fn limits(&self) -> [(&'static str, u128); 3] {
        [
            ("statement_timeout", self.statement_timeout.as_millis()),
            ("lock_timeout", self.lock_timeout.as_millis()),
            ("idle_in_transaction_session_timeout", self.idle_in_transaction.as_millis()),
        ]
    }

    /// Longest wait for the answer to one request on a connection that says nothing: the
    /// database ends a statement sooner by itself.
    pub(super) fn silence_max(&self) -> Duration {
        self.statement_timeout + self.connect_timeout
    }
}

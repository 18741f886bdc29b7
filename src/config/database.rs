//! `[database]`: the Postgres that keeps the facts.

use std::path::PathBuf;

use super::section::{Problems, section};
use super::values::{Endpoint, Millis, Seconds, Secret};

section! {
    /// Postgres 15 or later. Without a URL a private one runs in the data folder.
    Database {
        /// For example `postgres://chargeghar@db.internal:5432/chargeghar`. Empty: the embedded
        /// Postgres. A URL with a password is accepted from the environment only.
        url: Endpoint = Endpoint::default(),
        /// Password for the URL, if the URL has none.
        password: Secret = Secret::default(),
        /// File that holds the password.
        password_file: PathBuf = PathBuf::new(),
        /// Connections for reads.
        connections_max: u16 = 16,
        /// Connections that write facts, each with one batch in flight.
        writers: u16 = 4,
        /// Most facts in one batch.
        batch_max: u16 = 200,
        /// How far apart batches begin at least, in milliseconds, unless one is full: a fact
        /// that comes alone waits for nothing, those that keep coming share a commit. 0: at once.
        batch_apart_ms: Millis = Millis(5),
        /// Facts that may wait for a writer; more are refused with 503.
        queue_max: usize = 10_000,
        /// Longest wait for a connection, in milliseconds.
        connect_timeout_ms: Millis = Millis(5_000),
        /// Longest statement, in seconds.
        statement_timeout_s: Seconds = Seconds(15),
        /// Longest pause inside a transaction, in seconds.
        idle_in_transaction_s: Seconds = Seconds(10),
        /// Statements kept prepared per connection. 0 behind a pooler in transaction mode.
        statement_cache: u16 = 200,
        /// Folder with the programs `postgres` and `initdb` for the embedded Postgres. Empty:
        /// found by `pg_config`, then under /usr/lib/postgresql, then in the cache folder.
        embedded_programs: PathBuf = PathBuf::new(),
        /// Memory of the embedded Postgres for pages, in megabytes.
        embedded_shared_buffers_mb: u16 = 64,
        /// Most connections of the embedded Postgres.
        embedded_connections_max: u16 = 100,
    }
}

impl Database {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let known = !self.url.is_set() || self.url.has_scheme(&["postgres", "postgresql"]);
        problems.unless(
            known,
            "url",
            "must begin with postgres:// or be empty for the embedded Postgres",
        );
        problems.unless(self.writers > 0, "writers", "must be at least 1");
        problems.unless(self.connections_max > 0, "connections_max", "must be at least 1");
        problems.unless(self.batch_max > 0, "batch_max", "must be at least 1");
        let apart = self.batch_apart_ms.0;
        problems.unless(
            apart <= 100,
            "batch_apart_ms",
            "must be at most 100: each fact may wait so long",
        );
        problems.unless(
            self.queue_max >= usize::from(self.batch_max),
            "queue_max",
            "must be at least batch_max",
        );
        problems.unless(
            self.embedded_shared_buffers_mb >= 8,
            "embedded_shared_buffers_mb",
            "must be at least 8",
        );
        let needed = self.connections_max.saturating_add(self.writers).saturating_add(8);
        let enough = self.url.is_set() || self.embedded_connections_max >= needed;
        problems.unless(
            enough,
            "embedded_connections_max",
            "must be at least connections_max + writers + 8, for the command line and backups",
        );
    }
}

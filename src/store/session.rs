//! One connection and its transactions. Knows whether statements may be kept prepared and
//! where limits are set: in the session, or, behind a pooler, in each transaction.
//!
//! Transactions are begun and ended here by hand: what is begun in a task of the store is not
//! cancelled, and a pooled connection is never given back inside a transaction.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgCopyIn, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Connection, Either, Execute, Executor, PgConnection, Postgres, SqlStr};

use super::settings::Settings;

/// Facts hold it shared, a take-over alone: the epoch that was read then stands until the end
/// of the transaction.
pub(super) const FENCE: i64 = 0x6368_6172_6765_0001;

/// Bytes of a copy, as they come.
pub(super) type Chunks<'a> = BoxStream<'a, Result<Bytes, sqlx::Error>>;

pub(super) struct Session {
    link: Link,
    /// Statements are prepared once and kept.
    keeps: bool,
    /// Sets the limits of a transaction where a session has none.
    preamble: String,
    /// A transaction was begun, and its end has not been told.
    begun: bool,
}

enum Link {
    Own(Box<PgConnection>),
    Pooled(PoolConnection<Postgres>),
}

impl Session {
    pub fn pooled(connection: PoolConnection<Postgres>, settings: &Settings) -> Session {
        Session::new(Link::Pooled(connection), settings)
    }

    /// A connection of its own.
    pub async fn connect(
        options: &PgConnectOptions,
        settings: &Settings,
    ) -> Result<Session, sqlx::Error> {
        let connecting = PgConnection::connect_with(options);
        // Waits on a socket are counted by the runtime: a clock that jumps is no silence.
        let connection = tokio::time::timeout(settings.connect_timeout, connecting).await;
        let connection = connection.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Session::new(Link::Own(Box::new(connection)), settings))
    }

    fn new(link: Link, settings: &Settings) -> Session {
        let limit = |(name, ms)| format!("set local {name} = {ms};");
        let preamble = if settings.is_pooled() {
            settings.limits().map(limit).concat()
        } else {
            String::new()
        };
        Session { link, keeps: !settings.is_pooled(), preamble, begun: false }
    }

    fn connection(&mut self) -> &mut PgConnection {
        match &mut self.link {
            Link::Own(connection) => connection,
            Link::Pooled(connection) => connection,
        }
    }

    /// Runs statements without parameters in one round trip; answers their rows.
    pub async fn run(&mut self, sql: impl Into<String>) -> Result<Vec<PgRow>, sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(self.connection()).await
    }

    /// Runs statements without parameters; answers how many rows they wrote.
    pub async fn write(&mut self, sql: impl Into<String>) -> Result<u64, sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    pub async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.begun = true;
        let sql = format!("begin isolation level read committed;{}", self.preamble);
        self.write(sql).await.map(drop)
    }

    /// Behind a pooler a prepared statement lives as long as a transaction, so reads need one.
    pub async fn begin_read(&mut self) -> Result<(), sqlx::Error> {
        if self.keeps {
            return Ok(());
        }
        self.begun = true;
        let sql = format!("begin isolation level read committed read only;{}", self.preamble);
        self.write(sql).await.map(drop)
    }

    /// All reads until the end see the same state.
    pub async fn begin_snapshot(&mut self) -> Result<(), sqlx::Error> {
        let end = if self.keeps { "" } else { "rollback;" };
        self.begun = true;
        let preamble = &self.preamble;
        let sql = format!("{end}begin isolation level repeatable read read only;{preamble}");
        self.write(sql).await.map(drop)
    }

    /// Begins a transaction that no take-over overtakes. Whose the database is has to be asked
    /// by a statement after this one, so that a take-over that was waited for is seen.
    pub async fn begin_locked(&mut self) -> Result<(), sqlx::Error> {
        self.begun = true;
        let preamble = &self.preamble;
        let sql = format!(
            "begin isolation level read committed;{preamble}
            select pg_advisory_xact_lock_shared({FENCE})"
        );
        self.write(sql).await.map(drop)
    }

    /// Begins a transaction of the owner of `epoch`; false when there is another owner, and
    /// then there is no transaction.
    pub async fn begin_fenced(&mut self, epoch: i64) -> Result<bool, sqlx::Error> {
        self.begun = true;
        let rows = self
            .run(format!(
                "begin isolation level read committed;{}
                select pg_advisory_xact_lock_shared({FENCE});
                select 1 from node where epoch = {epoch}",
                self.preamble
            ))
            .await?;
        let ours = rows.len() == 2;
        if !ours {
            self.rollback().await;
        }
        Ok(ours)
    }

    /// What a `copy .. to stdout` tells.
    pub async fn copy_out(&mut self, sql: &str) -> Result<Chunks<'_>, sqlx::Error> {
        self.connection().copy_out_raw(sql).await
    }

    /// What a `copy .. from stdin` is told.
    pub async fn copy_in(&mut self, sql: &str) -> Result<PgCopyIn<&mut PgConnection>, sqlx::Error> {
        self.connection().copy_in_raw(sql).await
    }

    pub async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.write("commit").await?;
        self.begun = false;
        Ok(())
    }

    /// An error is the next user's to meet: the connection is then gone.
    pub async fn rollback(&mut self) {
        match self.write("rollback").await {
            Ok(_) => self.begun = false,
            Err(error) => tracing::debug!(%error, "a rollback found its connection gone"),
        }
    }
}

impl Drop for Session {
    /// A pooled connection is not given back inside a transaction. Behind a pooler each read is
    /// one, and the pool ends it; elsewhere the connection is closed, which ends it too.
    fn drop(&mut self) {
        if let Link::Pooled(connection) = &mut self.link
            && self.begun
            && self.keeps
        {
            connection.close_on_drop();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("keeps", &self.keeps).finish_non_exhaustive()
    }
}

/// A query whose statement is kept prepared only where the session may.
struct Kept<E> {
    query: E,
    keeps: bool,
}

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Kept<E> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.query.statement()
    }

    fn take_arguments(
        &mut self,
    ) -> Result<Option<sqlx::postgres::PgArguments>, sqlx::error::BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.keeps && self.query.persistent()
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let keeps = self.keeps;
        self.connection().fetch_many(Kept { query, keeps })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let keeps = self.keeps;
        self.connection().fetch_optional(Kept { query, keeps })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection().prepare_with(sql, parameters)
    }

    fn describe<'e>(
        self,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection().describe(sql)
    }
}

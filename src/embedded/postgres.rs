//! A private Postgres as a child process: made in the data folder, started, watched, stopped.
//!
//! A thread of its own keeps the child for as long as it runs, because the kernel tells the
//! child about the end of that thread: when this process is killed, the database stops by
//! itself. It never touches a Postgres of the system.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::clock::Clock;
use crate::config::{Config, Endpoint};
use crate::entropy::Entropy;

pub mod child;
mod cluster;
mod keeper;
mod programs;

#[cfg(test)]
mod tests;

use super::DataFolder;
use cluster::Cluster;
pub use cluster::made_by;
use keeper::{Keeper, Phase};
pub use programs::{OLDEST, Programs};

/// Name of the database and of its owner.
const NAME: &str = "chargeghar";
/// How long a start is repeated while the child before it still ends.
const RETRY: TimeDelta = TimeDelta::seconds(10);
/// Longest start, recovery after a crash included.
const READY_WITHIN: TimeDelta = TimeDelta::seconds(180);
const POLL: Duration = Duration::from_millis(30);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no Postgres {OLDEST} or later was found; install it (apt-get install -y postgresql), or \
         set CHARGEGHAR__DATABASE__URL to one that runs"
    )]
    NoPrograms,
    #[error(
        "the database in the data folder was made by Postgres {made_by}, which was not found; \
         install it (apt-get install -y postgresql-{made_by})"
    )]
    OtherVersion { made_by: u32 },
    #[error(
        "Postgres does not run as root, and there is no user postgres or nobody to run it; make \
         one (adduser --system postgres)"
    )]
    NoUser,
    #[error(
        "user {user} cannot reach {folder}, and Postgres must run as that user; choose another \
         CHARGEGHAR__DATA_DIR, or: chmod o+x {folder}"
    )]
    Unreachable { folder: PathBuf, user: String },
    #[error("{what}: {cause}")]
    System { what: String, cause: std::io::Error },
    #[error("the database could not be made: {0}")]
    Initdb(String),
    #[error("the embedded Postgres does not start: {0}")]
    NotStarted(String),
    #[error("the embedded Postgres refuses its own password in {folder}; restore that file")]
    Password { folder: PathBuf },
}

/// How to run the database of one data folder.
#[derive(Clone)]
pub struct Options {
    /// Holds the cluster, the socket, the password and the log. Made if it is not there.
    pub folder: PathBuf,
    pub programs: Programs,
    pub shared_buffers_mb: u16,
    pub connections_max: u16,
    /// Whether a commit survives a crash of the machine. Off in tests only.
    pub durable: bool,
    /// The program that understands `__postgres`: this one, unless a test says otherwise.
    pub launcher: PathBuf,
    pub entropy: Entropy,
}

/// A running database. Dropping it asks the child to stop; `stop` also waits for that.
pub struct Postgres {
    keeper: Arc<Keeper>,
    url: Endpoint,
    version: String,
}

/// How a database ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It wrote everything down first.
    Orderly,
    /// It had to be ended; the next start recovers.
    Forced,
}

impl Options {
    /// The options that the settings ask for.
    pub fn of(config: &Config, folder: &DataFolder, entropy: &Entropy) -> Result<Options, Error> {
        let settings = &config.database;
        let folder = folder.postgres();
        let programs = Programs::find(&settings.embedded_programs, cluster::made_by(&folder))?;
        Ok(Options {
            folder,
            programs,
            shared_buffers_mb: settings.embedded_shared_buffers_mb,
            connections_max: settings.embedded_connections_max,
            durable: true,
            launcher: child::this_program(),
            entropy: entropy.clone(),
        })
    }
}

impl Postgres {
    /// Makes the cluster at the first start, starts it and waits until it takes connections.
    pub async fn start(options: Options) -> Result<Postgres, Error> {
        let (cluster, keeper) = keeper::start(options).await?;
        let url = Endpoint::new(cluster.url(NAME));
        let mut postgres = Postgres { keeper, url, version: String::new() };
        postgres.version = postgres.await_ready(&cluster).await?;
        Ok(postgres)
    }

    /// The database's URL with its password, for a pool and for `pg_dump`.
    pub fn url(&self) -> &Endpoint {
        &self.url
    }

    /// For example `15.14`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The child's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.keeper.pid()
    }

    /// Ends open connections, writes everything down and waits for the end, at most `bound`;
    /// then ends it by force.
    pub async fn stop(self, bound: Duration) -> Stopped {
        self.keeper.stop(bound).await
    }

    async fn await_ready(&self, cluster: &Cluster) -> Result<String, Error> {
        let clock = Clock::system();
        let started = clock.now();
        let mut phases = self.keeper.phases();
        loop {
            if let Phase::Down { said } = &*phases.borrow_and_update()
                && (clock.now() - started > RETRY || !may_pass(said))
            {
                return Err(Error::NotStarted(said.clone()));
            }
            match first_connection(cluster).await {
                Ok(version) => return Ok(version),
                Err(error) if refuses_password(&error) => {
                    return Err(Error::Password { folder: cluster.folder().to_owned() });
                }
                Err(error) if clock.now() - started > READY_WITHIN => {
                    return Err(Error::NotStarted(error.to_string()));
                }
                Err(_) => {}
            }
            let _ = clock.within(POLL, phases.changed()).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.keeper.ask_to_stop();
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("url", &self.url)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

/// Connects to the cluster, makes the service's database if it is not there, and answers the
/// version.
async fn first_connection(cluster: &Cluster) -> Result<String, sqlx::Error> {
    let options: PgConnectOptions = cluster.url("postgres").parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    let version = version(&mut connection).await?;
    let there: bool =
        sqlx::query_scalar("select exists(select from pg_database where datname = $1)")
            .bind(NAME)
            .fetch_one(&mut connection)
            .await?;
    if !there {
        sqlx::query("create database chargeghar").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(version)
}

/// The version of the server behind a connection, for example `15.14`.
async fn version(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let said: String = sqlx::query_scalar("show server_version").fetch_one(connection).await?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Asks any Postgres for its version, for example `15.14`, within `bound`.
pub async fn probe(url: &Endpoint, password: &str, bound: Duration) -> Result<String, String> {
    let ask = async {
        let mut options: PgConnectOptions = url.expose().parse()?;
        if !password.is_empty() {
            options = options.password(password);
        }
        let mut connection = options.disable_statement_logging().connect().await?;
        let version = version(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(version)
    };
    match Clock::system().within(bound, ask).await {
        Some(answer) => answer.map_err(|error| error.to_string()),
        None => Err(format!("no answer within {} ms", bound.as_millis())),
    }
}

/// Whether a failed start may succeed a moment later, because the child before it still ends.
fn may_pass(said: &str) -> bool {
    ["lock file", "shared memory", "could not bind"].iter().any(|cause| said.contains(cause))
}

/// 28P01: the password is wrong; 28000: the role is not there.
fn refuses_password(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "28P01" || code == "28000")
}

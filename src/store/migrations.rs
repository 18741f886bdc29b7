//! Brings the tables up to date: all that is missing in one transaction, under a lock of that
//! transaction, never under a running instance and never on a database that is newer.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};

use super::error::Error;
use super::session::{FENCE, Session};
use super::settings::Settings;
use crate::clock::Clock;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Two programs that start at once do not both migrate.
const LOCK: i64 = FENCE + 1;

const TABLE: &str = "
    create table if not exists _sqlx_migrations (
        version bigint primary key,
        description text not null,
        installed_on timestamptz not null default now(),
        success boolean not null,
        checksum bytea not null,
        execution_time bigint not null
    )";

pub(super) async fn run(
    session: &mut Session,
    settings: &Settings,
    clock: &Clock,
) -> Result<(), Error> {
    let until = clock.running() + settings.lease_expiry + Duration::from_secs(1);
    loop {
        session.begin().await?;
        let done = apply(session).await;
        match done {
            Ok(()) => return session.commit().await.map_err(|_| Error::Unsure),
            Err(error) => {
                session.rollback().await;
                // The lease of an instance that died ends soon.
                let held = matches!(error, Error::Held { .. }) && clock.running() < until;
                if !held {
                    return Err(error);
                }
                clock.sleep(Duration::from_millis(250)).await;
            }
        }
    }
}

async fn apply(session: &mut Session) -> Result<(), Error> {
    session
        .run(format!(
            "set local lock_timeout = 60000; set local statement_timeout = 0;
            set local client_min_messages = warning;
            select pg_advisory_xact_lock({LOCK}); {TABLE}"
        ))
        .await?;
    let applied: BTreeMap<i64, Vec<u8>> =
        sqlx::query_as("select version, checksum from _sqlx_migrations order by version")
            .fetch_all(&mut *session)
            .await?
            .into_iter()
            .collect();
    let missing = missing(&applied)?;
    if !missing.is_empty() && !applied.is_empty() {
        refuse_under_a_running_instance(session).await?;
    }
    for migration in missing {
        sqlx::raw_sql(migration.sql.clone()).execute(&mut *session).await?;
        record(session, migration).await?;
        tracing::info!(version = migration.version, "migrated: {}", migration.description);
    }
    Ok(())
}

/// The number of the newest migration, which names the form of all tables.
pub(super) fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// What is still to be applied, in order.
fn missing(applied: &BTreeMap<i64, Vec<u8>>) -> Result<Vec<&'static Migration>, Error> {
    let program = newest();
    if let Some((&database, _)) = applied.last_key_value().filter(|(last, _)| **last > program) {
        return Err(Error::Newer { database, program });
    }
    let mut missing = Vec::new();
    for migration in MIGRATIONS.iter() {
        match applied.get(&migration.version) {
            None => missing.push(migration),
            Some(checksum) if checksum[..] == *migration.checksum => {}
            Some(_) => return Err(Error::Migration(migration.version)),
        }
    }
    Ok(missing)
}

async fn refuse_under_a_running_instance(session: &mut Session) -> Result<(), Error> {
    const SQL: &str = "select holder from node where expires_at > clock_timestamp()";

    match sqlx::query_scalar(SQL).fetch_optional(session).await? {
        Some(by) => Err(Error::Held { by }),
        None => Ok(()),
    }
}

async fn record(session: &mut Session, migration: &Migration) -> Result<(), Error> {
    const SQL: &str = "
        insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, true, $3, 0)";

    sqlx::query(SQL)
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .execute(session)
        .await?;
    Ok(())
}

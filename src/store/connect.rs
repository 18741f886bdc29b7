//! Addresses, pools, and the first connection: the only place that says how a session begins.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor};

use super::error::{Error, Fault};
use super::session::Session;
use super::settings::Settings;
use crate::clock::Clock;
use crate::entropy::Entropy;

/// Behind a pooler a read is a transaction, and ends when its connection is given back. Told
/// without a warning where there is none.
const GIVEN_BACK: &str = "set local client_min_messages = error; rollback";

pub(super) fn options(settings: &Settings) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(&settings.url);
    let options = options
        .map_err(|error| Error::Address(error.to_string()))?
        .application_name("chargeghar")
        .statement_cache_capacity(settings.statement_cache);
    // A pooler refuses what it does not know at the start of a session.
    Ok(if settings.is_pooled() {
        options.extra_float_digits(None)
    } else {
        options.options(settings.limits())
    })
}

/// A connection that was used a moment ago is not asked whether it is there: it was when it was
/// given back, and each question is a round trip of every read.
const FRESH: Duration = Duration::from_secs(1);

/// Connections are made when they are needed, so this works while the database is away.
pub(super) fn pool(options: &PgConnectOptions, settings: &Settings, size: u32) -> PgPool {
    let mut pool = PgPoolOptions::new()
        .max_connections(size.max(1))
        .acquire_timeout(settings.connect_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move { Ok(known.idle_for < FRESH || connection.ping().await.is_ok()) })
        });
    if settings.is_pooled() {
        pool = pool.after_release(|connection, _| {
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(GIVEN_BACK)).await?;
                Ok(true)
            })
        });
    }
    pool.connect_lazy_with(options.clone())
}

/// Of a session that writes facts: each of its statements names its rows by their keys, so that
/// one plan by index is good for all of them, and a plan for each set of values costs more than
/// the statement.
pub(super) fn for_facts(options: &PgConnectOptions, settings: &Settings) -> PgConnectOptions {
    const PLANS: [(&str, &str); 5] = [
        ("jit", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ];

    let options = options.clone();
    if settings.is_pooled() { options } else { options.options(PLANS) }
}

/// The first connection, to a database that may still be starting.
pub(super) async fn first(
    options: &PgConnectOptions,
    settings: &Settings,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Session, Error> {
    let until = clock.running() + settings.start_timeout;
    let mut attempt = 0;
    loop {
        let error = match Session::connect(options, settings).await {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        if Fault::from(&error) != Fault::Lost || clock.running() >= until {
            return Err(error.into());
        }
        tracing::info!(%error, "the database does not answer yet");
        clock.sleep(pause(entropy, attempt)).await;
        attempt += 1;
    }
}

/// How long to wait before trying to connect again.
pub(super) fn pause(entropy: &Entropy, attempt: u32) -> Duration {
    entropy.backoff(attempt, Duration::from_millis(50), Duration::from_secs(1))
}

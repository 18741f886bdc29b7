//! Work that only the clock starts and that belongs to no single actor: days of raw frames,
//! what is out of date, the chain of the ledger, and the clock itself. Forgets in portions, so
//! that nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Context;
use crate::metrics;
use crate::store::{Error, PURGE_MAX};

/// Days of raw frames that are made before they come.
const DAYS_AHEAD: u16 = 3;
/// Portions of one kind that are forgotten in one run; the next run goes on.
const PORTIONS_MAX: u8 = 20;

/// What is kept how long.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub frames: TimeDelta,
    pub keys: TimeDelta,
    /// After their end.
    pub logins: TimeDelta,
    /// What gateways said of payments.
    pub gateway_events: TimeDelta,
    /// Effects that were delivered.
    pub delivered: TimeDelta,
    /// Cabinets that called without being enrolled, after their last call.
    pub strangers: TimeDelta,
}

/// How often it looks.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    pub sweep: Duration,
    pub tidy: Duration,
}

pub async fn run(context: Arc<Context>, rhythm: Rhythm, retention: Retention) {
    let mut tidy_at = context.clock.now();
    loop {
        let ahead = context.clock.follow_wall().num_seconds();
        metrics::CLOCK_BEHIND_SECONDS.set(u64::try_from(-ahead).unwrap_or(0), []);
        metrics::WALL_DOUBTED_SECONDS.set(u64::try_from(ahead).unwrap_or(0), []);
        if let Err(error) = seal(&context).await {
            tracing::warn!(%error, "the ledger was not sealed, it is later");
        }
        let now = context.clock.now();
        if tidy_at <= now {
            tidy_at = now + TimeDelta::from_std(rhythm.tidy).unwrap_or_default();
            tidy(&context, retention, now).await;
        }
        context.clock.sleep(rhythm.sweep.min(rhythm.tidy)).await;
    }
}

/// Each kind by itself: what cannot be forgotten now holds up no other.
async fn tidy(context: &Context, retention: Retention, now: DateTime<Utc>) {
    let store = &context.store;
    let keep = u16::try_from(retention.frames.num_days()).unwrap_or(u16::MAX);
    if let Err(error) = store.keep_frame_days(DAYS_AHEAD, keep).await {
        tracing::warn!(%error, "the days of raw frames were not kept, they are later");
    }
    forget("idempotency keys", || store.purge_keys(now - retention.keys)).await;
    forget("logins", || store.purge_logins(now - retention.logins)).await;
    let words = now - retention.gateway_events;
    forget("words of gateways", || store.purge_gateway_events(words)).await;
    forget("delivered effects", || store.forget_delivered(now - retention.delivered)).await;
    forget("unknown cabinets", || store.purge_pending(now - retention.strangers)).await;
}

async fn forget<F>(what: &'static str, purge: impl Fn() -> F)
where
    F: Future<Output = Result<u64, Error>>,
{
    let mut forgotten = 0;
    for _ in 0..PORTIONS_MAX {
        match purge().await {
            Ok(portion) => {
                forgotten += portion;
                if portion < PURGE_MAX.unsigned_abs() {
                    break;
                }
            }
            Err(error) => {
                tracing::warn!(what, %error, "what is out of date was not forgotten, it is later");
                break;
            }
        }
    }
    if forgotten > 0 {
        tracing::info!(what, forgotten, "what is out of date was forgotten");
    }
}

/// Gives what was committed its place, until nothing waits.
async fn seal(context: &Context) -> Result<(), Error> {
    loop {
        let sealed = context.store.seal(context.clock.now()).await?;
        metrics::LEDGER_SEALED.add(sealed.transfers as u64, []);
        if let Some(day) = sealed.closed {
            tracing::info!(ledger.day = %day, "a day of the ledger is closed");
        }
        if !sealed.more {
            return Ok(());
        }
    }
}

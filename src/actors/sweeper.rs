//! Work that only the clock starts and that belongs to no single actor: days of raw frames,
//! old keys, effects long delivered, old words of gateways, the chain of the ledger, and the
//! clock itself.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use crate::metrics;

/// Days of raw frames that are made before they come.
const DAYS_AHEAD: u16 = 3;

/// What is kept how long.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub frames: chrono::TimeDelta,
    pub keys: chrono::TimeDelta,
    pub gateway_events: chrono::TimeDelta,
    pub delivered: chrono::TimeDelta,
}

pub async fn run(context: Arc<Context>, every: Duration, retention: Retention) {
    loop {
        let behind = context.clock.follow_wall();
        metrics::CLOCK_BEHIND_SECONDS
            .set(u64::try_from(-behind.num_seconds().min(0)).unwrap_or(0), []);
        if let Err(error) = sweep(&context, retention).await {
            tracing::warn!(%error, "sweeping stopped half way, it goes on later");
        }
        context.clock.sleep(every).await;
    }
}

async fn sweep(context: &Context, retention: Retention) -> Result<(), crate::store::Error> {
    let now = context.clock.now();
    let keep = u16::try_from(retention.frames.num_days()).unwrap_or(u16::MAX);
    context.store.keep_frame_days(DAYS_AHEAD, keep).await?;
    context.store.purge_keys(now - retention.keys).await?;
    context.store.purge_gateway_events(now - retention.gateway_events).await?;
    context.store.forget_delivered(now - retention.delivered).await?;
    seal(context).await
}

/// Gives what was committed its place, until nothing waits.
async fn seal(context: &Context) -> Result<(), crate::store::Error> {
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

//! Effects that were promised by a commit: claimed from the database, delivered to the outside,
//! tried again with back-off, and set aside in the end. At least once, never before the commit.

use std::sync::Arc;
use std::time::Duration;

use domain::effect::Effect;

use super::Context;
use crate::clients::push::Push;
use crate::metrics;
use crate::store::Store;

/// Effects taken at once.
const CLAIM: u32 = 64;
/// How long it sleeps when nobody wakes it.
const IDLE: Duration = Duration::from_secs(15);
/// Attempts before an effect is set aside for a person.
const ATTEMPTS_MAX: i32 = 12;
/// Between two counts of what is owed and what was set aside.
const COUNT: Duration = Duration::from_mins(1);
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_hours(1));

pub async fn run(context: Arc<Context>, outside: Arc<dyn Push>) {
    let mut counted = None;
    loop {
        let busy = match round(&context, outside.as_ref()).await {
            Ok(busy) => busy,
            Err(error) => {
                tracing::debug!(%error, "owed effects were not read");
                false
            }
        };
        let now = context.clock.running();
        if counted.is_none_or(|at| now >= at + COUNT) {
            counted = Some(now);
            count(&context.store).await;
        }
        if !busy {
            // woken by a commit, or by time for those that are tried again
            let _ = context.clock.within(IDLE, context.store.effects_owed()).await;
        }
    }
}

/// What is owed and what was set aside, as figures.
pub async fn count(store: &Store) {
    match store.outbox_backlog().await {
        Ok(backlog) => {
            metrics::EFFECTS_OWED.set(backlog.owed.unsigned_abs(), []);
            metrics::EFFECTS_DEAD.set(backlog.dead.unsigned_abs(), []);
        }
        Err(error) => tracing::debug!(%error, "owed effects were not counted"),
    }
}

/// One round; whether there may be more.
async fn round(context: &Context, outside: &dyn Push) -> Result<bool, crate::store::Error> {
    let now = context.clock.now();
    let owed = context.store.claim(CLAIM, now).await?;
    let full = owed.len() >= usize::try_from(CLAIM).unwrap_or(usize::MAX);
    for effect in owed {
        let kind = kind(&effect.effect);
        match outside.push(&effect.effect).await {
            Ok(()) => {
                metrics::EFFECTS.inc([kind, "done"]);
                context.store.done(effect.id).await?;
            }
            Err(error) if effect.attempts >= ATTEMPTS_MAX => {
                metrics::EFFECTS.inc([kind, "dead"]);
                tracing::error!(effect.id = %effect.id, %error, "an effect is set aside");
                context.store.dead(effect.id, &error).await?;
                metrics::EFFECTS_DEAD.inc([]);
            }
            Err(error) => {
                metrics::EFFECTS.inc([kind, "again"]);
                let pause =
                    context.entropy.backoff(effect.attempts.unsigned_abs(), PAUSE.0, PAUSE.1);
                context.store.retry(effect.id, context.clock.now() + pause, &error).await?;
            }
        }
    }
    Ok(full)
}

fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::NotifyRider { template, .. } => template.name(),
    }
}

//! Effects that were promised by a commit: claimed from the database, delivered to the outside,
//! tried again with back-off, and set aside in the end. At least once, never before the commit.

use std::sync::Arc;
use std::time::Duration;

use domain::effect::Effect;
use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use super::Context;
use crate::clients::push::Push;
use crate::metrics;
use crate::store::outbox::Owed;
use crate::store::{Error, Store};

/// Effects taken at once, for each of those in work: a round is over well before its claim.
const CLAIM: usize = 8;
/// Deliveries that one statement marks at most.
const TOGETHER: usize = 64;
/// Between two counts of what is owed and what was set aside.
const COUNT: Duration = Duration::from_mins(1);

/// How they are carried out.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Effects in work at once.
    pub workers: usize,
    /// How long it sleeps when nobody wakes it.
    pub poll: Duration,
    /// How long it lets others come when it was woken: each claim is a commit.
    pub gather: Duration,
    /// Longest attempt; what takes longer counts as failed, and may have worked.
    pub attempt_timeout: Duration,
    /// First and longest pause after a failure.
    pub pause: (Duration, Duration),
    /// Attempts before an effect is set aside for a person.
    pub attempts_max: u16,
}

pub async fn run(context: Arc<Context>, outside: Arc<dyn Push>, policy: Policy) {
    let mut counted = None;
    loop {
        let busy = match round(&context, outside.as_ref(), policy).await {
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
            let woken = context.clock.within(policy.poll, context.store.effects_owed()).await;
            if woken.is_some() {
                context.clock.sleep(policy.gather).await;
            }
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
async fn round(context: &Context, outside: &dyn Push, policy: Policy) -> Result<bool, Error> {
    let most = CLAIM * policy.workers;
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    let owed = context.store.claim(limit, context.clock.now()).await?;
    let full = owed.len() >= most;
    futures::stream::iter(owed)
        .map(|effect| carry_out(context, outside, policy, effect))
        .buffer_unordered(policy.workers)
        // those that end together are marked together: each commit waits for the disk
        .ready_chunks(TOGETHER)
        .map(Ok)
        .try_for_each(|ended| mark(context, ended))
        .await?;
    Ok(full)
}

/// What was delivered is marked first: another one that could not be noted must not send it again.
async fn mark(context: &Context, ended: Vec<Result<Option<Uuid>, Error>>) -> Result<(), Error> {
    let (mut delivered, mut failed) = (Vec::new(), None);
    for ended in ended {
        match ended {
            Ok(effect) => delivered.extend(effect),
            Err(error) => failed = Some(error),
        }
    }
    if !delivered.is_empty() {
        context.store.done(delivered).await?;
    }
    failed.map_or(Ok(()), Err)
}

/// Answers the effect's id when it was delivered; what was not is noted here.
async fn carry_out(
    context: &Context,
    outside: &dyn Push,
    policy: Policy,
    owed: Owed,
) -> Result<Option<Uuid>, Error> {
    let kind = kind(&owed.effect);
    let attempt = outside.push(&owed.effect);
    let outcome = context.clock.within(policy.attempt_timeout, attempt).await;
    match outcome.unwrap_or_else(|| Err("no answer in time".to_owned())) {
        Ok(()) => {
            metrics::EFFECTS.inc([kind, "done"]);
            Ok(Some(owed.id))
        }
        Err(error) if owed.attempts >= i32::from(policy.attempts_max) => {
            metrics::EFFECTS.inc([kind, "dead"]);
            tracing::error!(effect.id = %owed.id, %error, "an effect is set aside");
            context.store.dead(owed.id, &error).await?;
            Ok(None)
        }
        Err(error) => {
            metrics::EFFECTS.inc([kind, "again"]);
            let (first, longest) = policy.pause;
            let pause = context.entropy.backoff(owed.attempts.unsigned_abs(), first, longest);
            context.store.retry(owed.id, context.clock.now() + pause, &error).await?;
            Ok(None)
        }
    }
}

fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::NotifyRider { template, .. } => template.name(),
    }
}

//! Keeps a session open: connects, and after each end connects again after a pause with jitter.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;

use super::Shared;
use super::wire::Error;
use crate::{metrics, spawn};

/// A connection that lived this long was a good one: pauses begin anew.
const GOOD_AFTER: TimeDelta = TimeDelta::seconds(10);

/// A session with the broker.
pub(super) trait Keeper: Send + Sync + 'static {
    /// The session's word in metrics and logs.
    const NAME: &'static str;

    fn shared(&self) -> &Shared;

    /// One connection, from its first byte to its last. A panic is an end as good as any.
    fn live(&self) -> impl Future<Output = Error> + Send;
}

/// Runs until the link is closed.
pub(super) async fn keep<K: Keeper>(keeper: Arc<K>) {
    let shared = keeper.shared();
    let mut closing = shared.closing.subscribe();
    let mut attempt = 0;
    while !*closing.borrow() {
        let began = shared.clock.now();
        let lived = AssertUnwindSafe(keeper.live()).catch_unwind().await;
        if *closing.borrow() {
            break;
        }
        let error = lived.unwrap_or_else(|panic| {
            metrics::TASK_PANICS.inc([K::NAME]);
            Error::Lost(format!("panicked: {}", spawn::message(&*panic)))
        });
        attempt = if is_good(began, shared.clock.now()) { 0 } else { attempt + 1 };
        tell::<K>(shared, &error);
        let (min, max) = (shared.settings.reconnect_min, shared.settings.reconnect_max);
        let pause = shared.entropy.backoff(attempt, min, max);
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => {}
            () = shared.clock.sleep(pause) => {}
        }
    }
}

fn is_good(began: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - began >= GOOD_AFTER
}

fn tell<K: Keeper>(shared: &Shared, error: &Error) {
    metrics::LINK_RECONNECTS.inc([K::NAME]);
    let (session, address) = (K::NAME, &shared.settings.address);
    if let Some(held) = shared.warnings.pass(K::NAME) {
        tracing::warn!(
            session, broker = ?address, %error, held,
            "no session for {session} with the broker, trying again"
        );
    }
}

//! What runs beside the actors as long as a node does, with the rhythms that are configured.

use std::sync::Arc;

use super::{StartError, carriers, limits};
use crate::actors::sweeper::{Retention, Rhythm};
use crate::actors::{Context, auditor, flusher, outbox, storm, sweeper, witness};
use crate::config::Config;
use crate::spawn::Tasks;

/// Work that nobody asks for: telemetry, owed effects, and what only the clock starts.
pub(super) fn background(
    config: &Config,
    context: &Arc<Context>,
    tasks: &Tasks,
) -> Result<(), StartError> {
    let keep = Keep { context, tasks };
    keep.running("flusher", flusher::run);
    keep.running("storm", storm::run);
    let (outside, policy) = (carriers::push(config)?, limits::outbox(config));
    keep.running("outbox", move |context| outbox::run(context, Arc::clone(&outside), policy));
    let retention = Retention {
        frames: config.telemetry.frames_days.delta(),
        keys: config.rentals.idempotency_days.delta(),
        logins: config.auth.ended_login_days.delta(),
        gateway_events: config.payments.gateway_events_days.delta(),
        delivered: config.outbox.done_days.delta(),
        strangers: config.limits.pending_days.delta(),
    };
    let (every, whole) = (config.ledger.check_s.duration(), config.ledger.whole_check_s.delta());
    let pace = auditor::Pace { every, whole };
    keep.running("auditor", move |context| auditor::run(context, pace));
    keep.running("witness", move |context| witness::run(context, every));
    let (sweep, tidy) = (config.node.sweep_s.duration(), config.node.tidy_s.duration());
    let rhythm = Rhythm { sweep, tidy };
    keep.running("sweeper", move |context| sweeper::run(context, rhythm, retention));
    Ok(())
}

/// What there is one of runs as long as the node.
struct Keep<'n> {
    context: &'n Arc<Context>,
    tasks: &'n Tasks,
}

impl Keep<'_> {
    fn running<F>(
        &self,
        name: &'static str,
        mut run: impl FnMut(Arc<Context>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let context = Arc::clone(self.context);
        let clock = context.clock.clone();
        self.tasks.keep(name, clock, move || run(Arc::clone(&context)));
    }
}

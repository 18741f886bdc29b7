//! What the node's own broker refused or lost: counted as it grows, and told once a minute by
//! kind. It looks now and then, and never decides.

use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Counters};

use crate::clock::Clock;
use crate::metrics;
use crate::telemetry::LogLimit;

/// Between two looks at the broker's counters.
const LOOK: Duration = Duration::from_secs(1);

/// Looks for as long as the node lives.
pub async fn watch(broker: Arc<Broker>, clock: Clock) {
    let warnings = LogLimit::new(clock);
    let mut told = broker.counters();
    loop {
        // real time, as the broker's own
        tokio::time::sleep(LOOK).await;
        let now = broker.counters();
        for ((kind, count), (_, before)) in kinds(&now).into_iter().zip(kinds(&told)) {
            let more = count.saturating_sub(before);
            if more == 0 {
                continue;
            }
            metrics::BROKER_REFUSED.add(more, [kind]);
            if let Some(held) = warnings.pass(kind) {
                tracing::warn!(kind, more, held, "the broker refused or dropped something");
            }
        }
        told = now;
    }
}

fn kinds(counters: &Counters) -> [(&'static str, u64); 7] {
    [
        ("refused_connect", counters.refused_connect),
        ("denied_publish", counters.denied_publish),
        ("denied_subscribe", counters.denied_subscribe),
        ("rate_limited", counters.rate_limited),
        ("queue_full", counters.dropped_queue_full),
        ("expired", counters.dropped_expired),
        ("gone", counters.dropped_gone),
    ]
}

//! Keeps a broker outside told of its accounts: at the start, and whenever the link is down, for
//! a broker that comes back may have forgotten everything, our own rights first. It never
//! changes what is right already.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::broker_admin::mosquitto::Mosquitto;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::link::Link;
use crate::link::mqtt::Mqtt;

/// Between two looks at the link.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries to tell a broker something; twice as long each time.
const AGAIN_MIN: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_secs(20);

/// For as long as the node lives.
pub(super) async fn keep(
    mosquitto: Arc<Mosquitto>,
    link: Arc<Mqtt>,
    clock: Clock,
    entropy: Entropy,
) {
    let pause = |attempt| clock.sleep(entropy.backoff(attempt, AGAIN_MIN, AGAIN_MAX));
    loop {
        for attempt in 0.. {
            if tell(&mosquitto).await {
                break;
            }
            pause(attempt).await;
        }
        clock.sleep(LOOK).await;
        while link.is_up() {
            clock.sleep(LOOK).await;
        }
        for attempt in 0.. {
            if link.is_up() {
                break;
            }
            if let Err(error) = mosquitto.prepare().await {
                tracing::debug!(%error, "the broker was not prepared");
            }
            pause(attempt).await;
        }
    }
}

/// Whether the broker knows every cabinet now.
async fn tell(mosquitto: &Mosquitto) -> bool {
    let progress = |done: usize, all: usize| {
        tracing::info!(done, all, "telling the broker its accounts");
    };
    let told = mosquitto.tell(&progress).await;
    match &told {
        Ok(synced) => tracing::info!(?synced, "the broker knows its accounts"),
        Err(error) => tracing::warn!(%error, "the broker was not told its accounts"),
    }
    told.is_ok()
}

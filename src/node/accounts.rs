//! Keeps a broker outside told of its accounts: at the start, and whenever the link is down, for
//! a broker that comes back may have forgotten everything, our own rights first. It never
//! changes what is right already.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::broker_admin::mosquitto::Mosquitto;
use crate::clock::Clock;
use crate::link::Link;
use crate::link::mqtt::Mqtt;

/// Between two looks at the link.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries to tell a broker something.
const AGAIN: Duration = Duration::from_secs(5);

/// For as long as the node lives.
pub(super) async fn keep(mosquitto: Arc<Mosquitto>, link: Arc<Mqtt>, clock: Clock) {
    loop {
        tell(&mosquitto, &clock).await;
        clock.sleep(LOOK).await;
        while link.is_up() {
            clock.sleep(LOOK).await;
        }
        while !link.is_up() {
            if let Err(error) = mosquitto.prepare().await {
                tracing::debug!(%error, "the broker was not prepared");
            }
            clock.sleep(AGAIN).await;
        }
    }
}

/// Until the broker knows every cabinet.
async fn tell(mosquitto: &Mosquitto, clock: &Clock) {
    loop {
        let progress = |done: usize, all: usize| {
            tracing::info!(done, all, "telling the broker its accounts");
        };
        match mosquitto.tell(&progress).await {
            Ok(synced) => return tracing::info!(?synced, "the broker knows its accounts"),
            Err(error) => tracing::warn!(%error, "the broker was not told its accounts"),
        }
        clock.sleep(AGAIN).await;
    }
}

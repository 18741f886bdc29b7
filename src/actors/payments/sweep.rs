//! Asks unasked: a rider who pays and never comes back is credited all the same.

use std::time::Duration;

use futures::StreamExt;

use super::{Payments, VerifyError};

/// Intents of one round, and how many of them are asked for at once.
const ROUND_MAX: usize = 200;
const AT_ONCE: usize = 8;
/// Between two full rounds: what cannot be noted must not be asked for without a pause.
const ROUND_GAP: Duration = Duration::from_secs(1);

impl Payments {
    /// Runs as long as the node. What is asked back never keeps what was paid waiting.
    pub async fn sweep(self) {
        tokio::join!(self.sweep_intents(), self.sweep_refunds());
    }

    async fn sweep_intents(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.inner.due.notified() => {}
                () = self.inner.clock.sleep(self.inner.settings.sweep_every) => {}
            }
            while self.sweep_once().await == ROUND_MAX {
                self.inner.clock.sleep(ROUND_GAP).await;
            }
        }
    }

    /// Asks about every intent that is due, up to a round; answers how many got a new due time
    /// or an end.
    pub async fn sweep_once(&self) -> usize {
        let due = self.inner.store.intents_due(self.inner.clock.now(), ROUND_MAX).await;
        let due = match due {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "payments to ask for were not found, they are later");
                return 0;
            }
        };
        let asked = futures::stream::iter(due).map(|id| async move {
            let known = self.verify(id, None).await;
            usize::from(known != Err(VerifyError::Unavailable))
        });
        asked.buffer_unordered(AT_ONCE).fold(0, |sum, one| async move { sum + one }).await
    }
}

//! Who can be spoken to, as the embedded broker tells it: a cabinet counts once it has
//! subscribed to its commands, for a command sent earlier would reach nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker::{Broker, SessionEvent};
use domain::ids::DeviceUuid;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;

/// Tells changes until the link is closed or the broker is gone.
pub(super) async fn tell(broker: Arc<Broker>, shared: Arc<Shared>) {
    let mut closing = shared.closing.subscribe();
    let mut known = Known { shared: &shared, listening: BTreeSet::new() };
    tokio::select! {
        biased;
        _ = closing.wait_for(|closing| *closing) => {}
        () = follow(&broker, &mut known) => {}
    }
}

struct Known<'s> {
    shared: &'s Shared,
    listening: BTreeSet<DeviceUuid>,
}

async fn follow(broker: &Broker, known: &mut Known<'_>) {
    loop {
        let (connected, mut events) = broker.watch();
        let listening = connected.iter().filter(|client_id| broker.is_listening(client_id));
        known.become_only(listening.filter_map(|client_id| cabinet(client_id)).collect()).await;
        loop {
            match events.recv().await {
                Ok(event) => known.hear(event).await,
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl Known<'_> {
    async fn hear(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Listening { client_id } => self.set(&client_id, true).await,
            SessionEvent::Connected { client_id, .. }
            | SessionEvent::Disconnected { client_id }
            | SessionEvent::TakenOver { client_id, .. } => self.set(&client_id, false).await,
        }
    }

    async fn become_only(&mut self, listening: BTreeSet<DeviceUuid>) {
        let gone: Vec<_> = self.listening.difference(&listening).cloned().collect();
        let come: Vec<_> = listening.difference(&self.listening).cloned().collect();
        for uuid in gone {
            self.shared.inbox.session(uuid, false).await;
        }
        for uuid in come {
            self.shared.inbox.session(uuid, true).await;
        }
        self.listening = listening;
    }

    async fn set(&mut self, client_id: &str, connected: bool) {
        let Some(uuid) = cabinet(client_id) else { return };
        let changed = if connected {
            self.listening.insert(uuid.clone())
        } else {
            self.listening.remove(&uuid)
        };
        if changed {
            self.shared.inbox.session(uuid, connected).await;
        }
    }
}

fn cabinet(client_id: &str) -> Option<DeviceUuid> {
    DeviceUuid::parse(client_id).ok()
}

//! What each role may hold in memory: queue, window, session time. Never lets a cabinet's session
//! outlive its connection.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::codec::types::Publish;
use rmqtt::fitter::{Fitter, FitterManager};
use rmqtt::types::{ConnectInfo, Disconnect, FitterType, Id, ListenerConfig};

use crate::Core;

/// Unacknowledged messages towards the service; with 16 the broker lost messages at 20,000/s.
pub(crate) const SERVICE_INFLIGHT: NonZeroU16 = NonZeroU16::new(200).expect("200 is not zero");
const CABINET_INFLIGHT: NonZeroU16 = NonZeroU16::new(16).expect("16 is not zero");

/// Messages waiting for one cabinet: ejects, checks and its own heartbeats.
const CABINET_QUEUE_MAX: usize = 64;

pub(crate) struct Limits(pub Arc<Core>);

impl FitterManager for Limits {
    fn create(&self, connect: Arc<ConnectInfo>, id: Id, _: ListenerConfig) -> FitterType {
        let is_service = self.0.accounts.is_service(&id.client_id);
        Arc::new(Session { core: self.0.clone(), connect, is_service })
    }
}

struct Session {
    core: Arc<Core>,
    connect: Arc<ConnectInfo>,
    is_service: bool,
}

#[async_trait]
impl Fitter for Session {
    /// Takes the asked time in seconds, may lower it (MQTT 5 tells the client), and answers after
    /// how many silent seconds the connection is cut. A client that asks for no limit gets ours.
    fn keep_alive(&self, asked_s: &mut u16) -> anyhow::Result<u16> {
        let idle_s = u16::try_from(self.core.settings.idle_max.as_secs()).unwrap_or(u16::MAX);
        if *asked_s == 0 {
            *asked_s = idle_s;
            return Ok(idle_s);
        }
        if matches!(*self.connect, ConnectInfo::V5(..)) {
            *asked_s = (*asked_s).min(idle_s);
        }
        Ok(asked_s.saturating_add((*asked_s / 2).max(3)))
    }

    fn max_mqueue_len(&self) -> usize {
        if self.is_service { self.core.settings.service_queue_len } else { CABINET_QUEUE_MAX }
    }

    fn mqueue_rate_limit(&self) -> (NonZeroU32, Duration) {
        (NonZeroU32::MAX, Duration::from_secs(1))
    }

    fn max_inflight(&self) -> NonZeroU16 {
        let ours = if self.is_service { SERVICE_INFLIGHT } else { CABINET_INFLIGHT };
        match &*self.connect {
            ConnectInfo::V5(_, connect) => connect.receive_max.map_or(ours, |max| max.min(ours)),
            ConnectInfo::V3(..) => ours,
        }
    }

    fn session_expiry_interval(&self, disconnect: Option<&Disconnect>) -> Duration {
        if !self.is_service {
            return Duration::ZERO;
        }
        let ours = self.core.settings.service_session_expiry;
        let asked_s = match (disconnect, &*self.connect) {
            (Some(Disconnect::V5(last)), ConnectInfo::V5(_, connect)) => {
                last.session_expiry_interval_secs.unwrap_or(connect.session_expiry_interval_secs)
            }
            (_, ConnectInfo::V5(_, connect)) => connect.session_expiry_interval_secs,
            (_, ConnectInfo::V3(..)) => return ours,
        };
        ours.min(Duration::from_secs(asked_s.into()))
    }

    /// Zero is "never". What a cabinet must not get late is dropped by its age in `hooks`.
    fn message_expiry_interval(&self, publish: &Publish) -> Duration {
        let asked = publish.properties.as_ref().and_then(|p| p.message_expiry_interval);
        asked.map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.get().into()))
    }

    fn max_client_topic_aliases(&self) -> u16 {
        0
    }

    fn max_server_topic_aliases(&self) -> u16 {
        0
    }
}

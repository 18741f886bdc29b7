//! What the service costs while a run goes on, and what waits in it: memory, processor time and
//! the depths of its queues, once a second.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::process::{resident, resident_below, spent, spent_alone};
use crate::service::{Figures, figures};

#[cfg(test)]
mod tests;

const EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the service's own figures.
const TOLD_MAX: Duration = Duration::from_millis(500);
const MB: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// From the begin of the run.
    pub second: u64,
    /// Thousandths of one core over the second before.
    pub service_millicores: u64,
    pub database_millicores: u64,
    pub harness_millicores: u64,
    pub service_mb: u64,
    /// All its processes, what they share counted once.
    pub database_mb: u64,
    /// None when the service did not tell in time.
    pub queues: Option<Queues>,
}

/// What waits in the service, by its own metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queues {
    /// Facts that wait for a writer.
    pub facts: u64,
    /// Messages in the mailboxes of actors.
    pub messages: u64,
    /// Frames that are not acknowledged yet.
    pub acks: u64,
    /// Requests in work.
    pub requests: u64,
}

impl Queues {
    pub fn of(figures: &Figures) -> Queues {
        let depth = |name| whole(figures.sum(name, ""));
        Queues {
            facts: depth("chargeghar_store_writer_backlog_count"),
            messages: depth("chargeghar_actor_backlog_messages"),
            acks: depth("chargeghar_link_acks_open_count"),
            requests: depth("chargeghar_http_requests_open_count"),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, at least 0")]
fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}

pub struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub fn start(pid: u32, http: SocketAddr, begin: Instant) -> Sampler {
        let (stop, stopped) = oneshot::channel();
        Sampler { stop, task: tokio::spawn(watch(pid, http, begin, stopped)) }
    }

    pub async fn stop(self) -> Vec<Sample> {
        let _ = self.stop.send(()); // it may have ended with its process
        self.task.await.unwrap_or_default()
    }
}

async fn watch(
    pid: u32,
    http: SocketAddr,
    begin: Instant,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Sample> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut samples = Vec::new();
    let own = std::process::id();
    let (Ok(mut before), Ok(mut own_before)) = (spent(pid), spent_alone(own)) else {
        return samples;
    };
    let mut looked = Instant::now();
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return samples,
            _ = ticks.tick() => {}
        }
        let queues = timeout(TOLD_MAX, figures(http)).await;
        let queues = queues.ok().and_then(Result::ok).map(|figures| Queues::of(&figures));
        let (Ok(now), Ok(bytes), Ok(own_now)) = (spent(pid), resident(pid), spent_alone(own))
        else {
            return samples;
        };
        let passed = looked.elapsed().as_millis().max(1);
        looked = Instant::now();
        let cores =
            |spent: Duration| u64::try_from(spent.as_millis() * 1_000 / passed).unwrap_or(u64::MAX);
        let grown = now - before;
        let own_grown = own_now.saturating_sub(own_before);
        (before, own_before) = (now, own_now);
        samples.push(Sample {
            second: begin.elapsed().as_secs(),
            service_millicores: cores(grown.service),
            database_millicores: cores(grown.database),
            harness_millicores: cores(own_grown),
            service_mb: bytes / MB,
            database_mb: resident_below(pid) / MB,
            queues,
        });
    }
}

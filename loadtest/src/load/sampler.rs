//! What the service costs while a run goes on, and what waits in it: memory, processor time and
//! the depths of its queues, once a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::parts::Pids;
use crate::process::{resident, resident_below, spent, spent_alone, spent_together};
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
    latest: watch::Receiver<Option<Sample>>,
}

impl Sampler {
    pub fn start(pids: Arc<Pids>, http: SocketAddr, begin: Instant) -> Sampler {
        let (stop, stopped) = oneshot::channel();
        let (tell, latest) = watch::channel(None);
        Sampler { stop, task: tokio::spawn(look_on(pids, http, begin, tell, stopped)), latest }
    }

    /// What it saw last.
    pub fn latest(&self) -> watch::Receiver<Option<Sample>> {
        self.latest.clone()
    }

    pub async fn stop(self) -> Vec<Sample> {
        let _ = self.stop.send(()); // it may have ended with its process
        self.task.await.unwrap_or_default()
    }
}

/// What was spent up to one look.
#[derive(Clone, Copy)]
struct Look {
    pid: u32,
    service: Duration,
    database: Duration,
    harness: Duration,
}

impl Look {
    /// None while a process of them is away.
    fn now(pids: &Pids) -> Option<Look> {
        let pid = pids.service.load(Ordering::Relaxed);
        let spent = spent(pid).ok()?;
        let database = match pids.database.load(Ordering::Relaxed) {
            0 => spent.database,
            beside => spent_together(beside).ok()?,
        };
        let harness = spent_alone(std::process::id()).ok()?;
        Some(Look { pid, service: spent.service, database, harness })
    }
}

async fn look_on(
    pids: Arc<Pids>,
    http: SocketAddr,
    begin: Instant,
    tell: watch::Sender<Option<Sample>>,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Sample> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut samples = Vec::new();
    let (mut before, mut looked) = (Look::now(&pids), Instant::now());
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return samples,
            _ = ticks.tick() => {}
        }
        let queues = timeout(TOLD_MAX, figures(http)).await;
        let queues = queues.ok().and_then(Result::ok).map(|figures| Queues::of(&figures));
        let now = Look::now(&pids);
        let passed = looked.elapsed();
        looked = Instant::now();
        let second = begin.elapsed().as_secs();
        let sample = before.zip(now).and_then(|both| Sample::of(both, passed, &pids));
        let sample = sample.map(|sample| Sample { second, queues, ..sample });
        tell.send_replace(sample);
        samples.extend(sample);
        before = now;
    }
}

impl Sample {
    /// Between two looks; None when one of the processes is another one than before.
    fn of((before, now): (Look, Look), passed: Duration, pids: &Pids) -> Option<Sample> {
        let millis = passed.as_millis().max(1);
        let cores = |before: Duration, now: Duration| {
            let grown = now.saturating_sub(before).as_millis();
            u64::try_from(grown * 1_000 / millis).unwrap_or(u64::MAX)
        };
        let beside = pids.database.load(Ordering::Relaxed);
        let database = resident_below(if beside == 0 { now.pid } else { beside });
        (before.pid == now.pid).then_some(())?;
        Some(Sample {
            service_millicores: cores(before.service, now.service),
            database_millicores: cores(before.database, now.database),
            harness_millicores: cores(before.harness, now.harness),
            service_mb: resident(now.pid).ok()? / MB,
            database_mb: database / MB,
            ..Sample::default()
        })
    }
}

//! What the service costs while a run goes on: memory and processor time, once a second.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::process::{resident, spent};

const EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// From the begin of the run.
    pub second: u64,
    /// Thousandths of one core over the second before.
    pub service_millicores: u64,
    pub database_millicores: u64,
    pub service_mb: u64,
}

pub struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub fn start(pid: u32, begin: Instant) -> Sampler {
        let (stop, stopped) = oneshot::channel();
        Sampler { stop, task: tokio::spawn(watch(pid, begin, stopped)) }
    }

    pub async fn stop(self) -> Vec<Sample> {
        let _ = self.stop.send(()); // it may have ended with its process
        self.task.await.unwrap_or_default()
    }
}

async fn watch(pid: u32, begin: Instant, mut stopped: oneshot::Receiver<()>) -> Vec<Sample> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut samples = Vec::new();
    let Ok(mut before) = spent(pid) else { return samples };
    let mut looked = Instant::now();
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return samples,
            _ = ticks.tick() => {}
        }
        let (Ok(now), Ok(bytes)) = (spent(pid), resident(pid)) else { return samples };
        let passed = looked.elapsed().as_millis().max(1);
        looked = Instant::now();
        let cores =
            |spent: Duration| u64::try_from(spent.as_millis() * 1_000 / passed).unwrap_or(u64::MAX);
        let grown = now - before;
        before = now;
        samples.push(Sample {
            second: begin.elapsed().as_secs(),
            service_millicores: cores(grown.service),
            database_millicores: cores(grown.database),
            service_mb: bytes / (1024 * 1024),
        });
    }
}

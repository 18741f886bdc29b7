//! The thread that starts the child, waits for its end, and starts it again unless it was
//! asked to stop. It lives as long as the child does.

use std::process::ExitStatus;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::{oneshot, watch};

use super::cluster::Cluster;
use super::{Error, Options, Stopped};
use crate::clock::Clock;
use crate::metrics;

/// Pause before the child is started again; it doubles up to the last.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A child that ran this long has started well.
const RAN_WELL: TimeDelta = TimeDelta::seconds(30);
/// After the polite signal went unheard: wait for the rude one, then kill.
const RUDE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Running,
    /// It ended by itself and is about to be started again.
    Down {
        said: String,
    },
    Ended,
}

#[derive(Debug)]
pub(super) struct Keeper {
    state: Mutex<State>,
    /// Wakes the thread from its pause.
    wake: Condvar,
    phase: watch::Sender<Phase>,
}

#[derive(Debug, Default)]
struct State {
    /// Set while the process exists and has not been reaped: only then may it be signalled.
    child: Option<Pid>,
    stopping: bool,
}

/// Prepares the cluster on the new thread and starts the child there.
pub(super) async fn start(options: Options) -> Result<(Cluster, Arc<Keeper>), Error> {
    let (phase, _) = watch::channel(Phase::Starting);
    let keeper = Arc::new(Keeper { state: Mutex::default(), wake: Condvar::new(), phase });
    let (prepared, answer) = oneshot::channel();
    let thread = Arc::clone(&keeper);
    let work = move || match Cluster::prepare(options) {
        Ok(cluster) => {
            if prepared.send(Ok(cluster.clone())).is_ok() {
                thread.keep(&cluster);
            }
        }
        Err(error) => drop(prepared.send(Err(error))),
    };
    let started = thread::Builder::new().name("postgres".into()).spawn(work);
    started.map_err(|cause| Error::System { what: "no thread for postgres".into(), cause })?;
    match answer.await {
        Ok(cluster) => Ok((cluster?, keeper)),
        Err(_) => Err(Error::NotStarted("its thread ended".into())),
    }
}

impl Keeper {
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub fn pid(&self) -> Option<u32> {
        self.state.lock().child.and_then(|pid| u32::try_from(pid.as_raw_pid()).ok())
    }

    /// Asks the child to end connections and stop (its "fast shutdown"); it is not started
    /// again.
    pub fn ask_to_stop(&self) {
        self.state.lock().stopping = true;
        self.wake.notify_all();
        self.signal(Signal::INT);
    }

    pub async fn stop(&self, bound: Duration) -> Stopped {
        let clock = Clock::system();
        let mut phases = self.phases();
        self.ask_to_stop();
        let polite = bound.saturating_sub(2 * RUDE);
        for (wait, then) in [(polite, Signal::QUIT), (RUDE, Signal::KILL)] {
            let ended = phases.wait_for(|phase| *phase == Phase::Ended);
            if clock.within(wait, ended).await.is_some() {
                let obeyed = then == Signal::QUIT;
                return if obeyed { Stopped::Orderly } else { Stopped::Forced };
            }
            self.signal(then);
        }
        let _ = clock.within(RUDE, phases.wait_for(|phase| *phase == Phase::Ended)).await;
        Stopped::Forced
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.state.lock().child
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::warn!(%error, "postgres could not be signalled");
        }
    }

    fn keep(&self, cluster: &Cluster) {
        let clock = Clock::system();
        let mut pause = PAUSE_MIN;
        while !self.state.lock().stopping {
            let started = clock.now();
            let ended = self.run(cluster);
            if self.state.lock().stopping {
                break;
            }
            let said = format!("{ended}; {}", cluster.last_words());
            tracing::warn!(error = %said, "the embedded postgres ended; starting it again");
            metrics::POSTGRES_EXITS.inc([]);
            self.phase.send_replace(Phase::Down { said });
            if clock.now() - started > RAN_WELL {
                pause = PAUSE_MIN;
            }
            self.rest(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.phase.send_replace(Phase::Ended);
    }

    /// One life of the child, in words.
    fn run(&self, cluster: &Cluster) -> String {
        match self.run_to_end(cluster) {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    fn run_to_end(&self, cluster: &Cluster) -> std::io::Result<ExitStatus> {
        let mut child = cluster.launch()?.start()?;
        let pid = Pid::from_child(&child);
        let too_late = {
            let mut state = self.state.lock();
            state.child = Some(pid);
            state.stopping
        };
        self.phase.send_replace(Phase::Running);
        if too_late {
            self.signal(Signal::INT);
        }
        // The process stays a zombie until it is reaped under the lock: no signal can reach
        // another process that was given its number.
        while let Err(error) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        let mut state = self.state.lock();
        state.child = None;
        child.wait()
    }

    fn rest(&self, pause: Duration) {
        let mut state = self.state.lock();
        if !state.stopping {
            let _ = self.wake.wait_for(&mut state, pause);
        }
    }
}

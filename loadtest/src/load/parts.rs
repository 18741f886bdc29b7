//! The service and what it needs, in hands that break them: does one fault, mends it, and brings
//! the service up again whenever it has ended, as an operator's supervisor does.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fault::{Fault, Log, Open};
use super::invariants::Finding;
use super::scenario::faults::Timed;
use crate::cable::Break;
use crate::edges::Edges;
use crate::fleet::Cabinets;
use crate::service::{Plan, Service, ready};
use cabinets::{freeze, online, reconciled, storm};

mod cabinets;

/// Longest way back to a service that can be used.
const USABLE_MAX: Duration = Duration::from_mins(2);
/// Longest wait for commits that are to break: there is always somebody who rents.
const COMMITS_MAX: Duration = Duration::from_secs(10);
/// Between two tries to start it, as a supervisor's.
const AGAIN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);
/// The service says by it that another instance has taken over.
const TAKEN_OVER: i32 = 3;

/// The processes that are looked at; they change when one is started again.
#[derive(Debug, Default)]
pub struct Pids {
    pub service: AtomicU32,
    /// 0 when the database is below the service.
    pub database: AtomicU32,
}

pub struct Parts {
    pub plan: Plan,
    service: Service,
    edges: Option<Edges>,
    pub pids: Arc<Pids>,
    mending: JoinSet<()>,
    /// What speaks against the service, though no promise of the books is broken.
    crashes: usize,
    two_owners: usize,
    starts: usize,
}

impl Parts {
    pub fn new(plan: Plan, service: Service, edges: Option<Edges>) -> Parts {
        let pids = Arc::new(Pids::default());
        let mending = JoinSet::new();
        let parts =
            Parts { plan, service, edges, pids, mending, crashes: 0, two_owners: 0, starts: 1 };
        parts.note_pids();
        parts
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Does what a script says, each at its instant, unless the run is cut short; done when all of
    /// it is mended.
    pub async fn play(
        &mut self,
        script: &[Timed],
        begin: Instant,
        cabinets: &Arc<Cabinets>,
        log: &Log,
        mut is_cut: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        for (Timed { at, fault }, seed) in script.iter().zip(0..) {
            tokio::select! {
                biased;
                Ok(_) = is_cut.wait_for(|is_cut| *is_cut) => break,
                rested = self.rest_until(begin + *at, log) => rested?,
            }
            self.strike(fault, cabinets, seed, log).await?;
        }
        self.settle(log).await
    }

    /// Waits; starts the service again if it ends meanwhile.
    pub async fn rest_until(&mut self, instant: Instant, log: &Log) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                ended = self.service.ended() => self.revive(ended?, log).await?,
                () = sleep_until(instant) => return Ok(()),
            }
        }
    }

    /// Until nothing is broken any more and the service can be used.
    pub async fn settle(&mut self, log: &Log) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                ended = self.service.ended() => self.revive(ended?, log).await?,
                mended = self.mending.join_next() => if mended.is_none() { break },
            }
        }
        self.until_usable(log).await
    }

    /// Does one; what lasts and needs no part of the service is mended in the background.
    pub async fn strike(
        &mut self,
        fault: &Fault,
        cabinets: &Arc<Cabinets>,
        seed: u64,
        log: &Log,
    ) -> anyhow::Result<()> {
        let open = log.begin(fault.to_string());
        let cabinets = Arc::clone(cabinets);
        if let Fault::CutDatabase(lasts) | Fault::CutBroker(lasts) = *fault {
            return self.cut(matches!(fault, Fault::CutDatabase(_)), lasts, open);
        }
        if let Fault::Freeze { share, lasts } = *fault {
            self.mending.spawn(async move {
                freeze(&cabinets, share, lasts).await;
                open.over(String::new());
            });
            return Ok(());
        }
        if let Fault::Storm { share, within } = *fault {
            let (chance, http) = (StdRng::seed_from_u64(seed), self.service.http);
            self.mending.spawn(async move {
                storm(&cabinets, share, within, chance).await;
                open.over(reconciled(&cabinets, http).await);
            });
            return Ok(());
        }
        let said = self.hit(fault, log).await?;
        self.note_pids();
        self.until_usable(log).await?;
        if !matches!(fault, Fault::BrokerRestart { .. }) {
            open.over(said);
            return Ok(());
        }
        self.mending.spawn(async move {
            if let Some(after) = online(&cabinets).await {
                open.over(format!("all cabinets online {:.1} s after it", after.as_secs_f64()));
            }
        });
        Ok(())
    }

    /// What takes a process away, or needs one.
    async fn hit(&mut self, fault: &Fault, log: &Log) -> anyhow::Result<String> {
        match *fault {
            Fault::Kill => {
                self.service.crash().await?;
                self.bring_up(log).await?;
            }
            Fault::Restart => {
                self.service.end().await?;
                self.bring_up(log).await?;
            }
            Fault::Pause(lasts) => {
                self.service.pause()?;
                sleep(lasts).await;
                self.service.resume()?;
            }
            Fault::SecondInstance(lasts) => return self.second(lasts).await,
            Fault::ResetDatabase => return self.reset_database().await,
            Fault::DatabaseCrash => {
                let database = &mut self.edges()?.database;
                database.crash().await?;
                database.start().await?;
            }
            Fault::DiskFull(lasts) => return self.disk_full(lasts).await,
            Fault::BrokerRestart { keep: true } => self.edges()?.broker.restart().await?,
            Fault::BrokerRestart { keep: false } => self.edges()?.broker.replace().await?,
            Fault::CutDatabase(_)
            | Fault::CutBroker(_)
            | Fault::Freeze { .. }
            | Fault::Storm { .. } => {}
        }
        Ok(String::new())
    }

    fn cut(&mut self, is_database: bool, lasts: Duration, open: Open) -> anyhow::Result<()> {
        let http = self.service.http;
        let edges = self.edges()?;
        let cable = if is_database { &edges.to_database } else { &edges.to_broker };
        let cable = Arc::clone(cable);
        cable.cut();
        self.mending.spawn(async move {
            sleep(lasts).await;
            cable.mend();
            if usable(http).await {
                open.over(String::new());
            }
        });
        Ok(())
    }

    /// Books as an operator looks at them, while the service goes on.
    pub async fn verify(&self) -> anyhow::Result<Vec<Finding>> {
        super::invariants::ledger::verify(&self.plan).await
    }

    /// What is not as it should be with its processes.
    pub fn findings(&self) -> Vec<Finding> {
        let what = "starts of the service that ended in a crash of its own";
        let crashes = Finding::new("P1", what, self.crashes, self.starts);
        let what = "second instances that could be used beside the first";
        vec![crashes, Finding::new("P5", what, self.two_owners, self.starts)]
    }

    /// Ends everything in order.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.service.stop().await
    }

    fn edges(&mut self) -> anyhow::Result<&mut Edges> {
        self.edges.as_mut().context("this fault needs a database and a broker of the harness's own")
    }

    fn note_pids(&self) {
        self.pids.service.store(self.service.pid(), Ordering::Relaxed);
        let database = self.edges.as_ref().map_or(0, |edges| edges.database.pid());
        self.pids.database.store(database, Ordering::Relaxed);
    }

    /// It ended by itself.
    async fn revive(&mut self, status: ExitStatus, log: &Log) -> anyhow::Result<()> {
        let open = log.begin(format!("the service ended by itself: {status}"));
        // without a code it was a signal that nobody sent
        self.crashes += usize::from(status.code().is_none_or(|code| code > TAKEN_OVER));
        let words = self.service.last_words().await;
        self.bring_up(log).await?;
        open.over(words);
        Ok(())
    }

    async fn bring_up(&mut self, log: &Log) -> anyhow::Result<()> {
        let deadline = Instant::now() + USABLE_MAX;
        loop {
            self.starts += 1;
            match self.plan.start().await {
                Ok(service) => {
                    self.service = service;
                    self.note_pids();
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(error) => log.begin("a start that failed".to_owned()).over(error.to_string()),
            }
            sleep(AGAIN).await;
        }
    }

    async fn until_usable(&mut self, log: &Log) -> anyhow::Result<()> {
        let http = self.service.http;
        loop {
            tokio::select! {
                biased;
                ended = self.service.ended() => self.revive(ended?, log).await?,
                is_usable = usable(http) => {
                    if is_usable {
                        return Ok(());
                    }
                    bail!("the service cannot be used {USABLE_MAX:?} after a fault");
                }
            }
        }
    }

    /// Starts another one, which may never be of use while the first one lives.
    async fn second(&mut self, lasts: Duration) -> anyhow::Result<String> {
        let mut plan = self.plan.clone().at_one_place()?;
        // as on another machine: the lock of a data folder is no help there
        plan.folder = plan.folder.with_file_name("second");
        std::fs::create_dir_all(&plan.folder)?;
        let mut second = plan.spawn()?;
        let http = second.http;
        let both = async {
            while !ready(http).await {
                sleep(LOOK).await;
            }
        };
        let was_ready = timeout(lasts, both).await.is_ok();
        self.two_owners += usize::from(was_ready && ready(self.service.http).await);
        if let Ok(status) = timeout(Duration::ZERO, second.ended()).await {
            return Ok(format!("it ended by itself: {}", status?));
        }
        second.end().await?;
        let said = if was_ready { "it could be used" } else { "it waited" };
        Ok(said.to_owned())
    }

    async fn reset_database(&mut self) -> anyhow::Result<String> {
        let cable = Arc::clone(&self.edges()?.to_database);
        let before = cable.broken();
        cable.break_commits(&[Break::AfterCommit, Break::BeforeCommit]);
        let both = async {
            while cable.broken() < before + 2 {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(COMMITS_MAX, both).await; // what did not come is said
        cable.forgive();
        Ok(format!("{} commits broken", cable.broken() - before))
    }

    async fn disk_full(&mut self, lasts: Duration) -> anyhow::Result<String> {
        let database = &mut self.edges()?.database;
        if !database.can_be_full() {
            return Ok("left out: only root may give Postgres a small disk".to_owned());
        }
        database.fill().await?;
        sleep(lasts).await;
        database.empty()?;
        let ended = database.start_if_ended().await?;
        Ok(if ended { "Postgres had ended" } else { "Postgres went on" }.to_owned())
    }
}

/// Whether a service there can be used in time.
async fn usable(http: std::net::SocketAddr) -> bool {
    let is_ready = async {
        while !ready(http).await {
            sleep(LOOK).await;
        }
    };
    timeout(USABLE_MAX, is_ready).await.is_ok()
}

//! The service as a child process of the harness, on free ports and a data folder of its own:
//! started, asked for its figures, ended or killed by its number. Knows of it what an operator
//! knows: its variables, its announcements, its addresses.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::fixture;
use crate::process::{self, Spent, signal};
use crate::wire::{Connection, get};

#[cfg(test)]
mod tests;

/// Longest start: ten thousand stations on a busy machine, or the wait for a dead node's lease.
const START_MAX: Duration = Duration::from_mins(3);
/// Longest orderly end; the service itself promises 10 s.
const STOP_MAX: Duration = Duration::from_secs(20);
/// Longest answer to an operator: a ledger of a long run has to be proved.
const ASK_MAX: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(5);
/// Lines shown of a service that did not start.
const LAST_LINES: usize = 12;

/// How to start it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub program: PathBuf,
    pub folder: PathBuf,
    /// Settings other than the defaults, such as `LIMITS__STARTS_PER_MINUTE`.
    pub settings: Vec<(&'static str, String)>,
    /// The same at every start; any that are free without it.
    pub ports: Option<(u16, u16)>,
    /// A database and a broker that are processes of their own; within the service without it.
    pub beside: Option<Beside>,
}

/// Parts of the service that are no part of its process tree.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The way to the books.
    pub books: PgConnectOptions,
    pub database: u32,
    pub broker: u32,
}

/// A running service; killed with this value.
pub struct Service {
    child: Child,
    pid: u32,
    beside: Option<Beside>,
    /// The last lines that it writes.
    said: JoinHandle<Vec<String>>,
    pub http: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl Plan {
    pub fn new(program: &Path, folder: &Path) -> Plan {
        Plan {
            program: program.to_owned(),
            folder: folder.to_owned(),
            settings: Vec::new(),
            ports: None,
            beside: None,
        }
    }

    /// At ports of its own, where it is found again after a crash.
    pub fn at_one_place(mut self) -> anyhow::Result<Plan> {
        self.ports = Some(free_ports()?);
        Ok(self)
    }

    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Plan {
        self.settings.push((key, value.to_string()));
        self
    }

    /// A connection to the database of the running service.
    pub async fn books(&self) -> anyhow::Result<PgConnection> {
        match &self.beside {
            Some(beside) => Ok(beside.books.connect().await?),
            None => fixture::database(&self.folder).await,
        }
    }

    /// Starts it and waits until it says that it is ready.
    pub async fn start(&self) -> anyhow::Result<Service> {
        let begun = Instant::now();
        let mut service = self.spawn()?;
        while !ready(service.http).await {
            if service.child.try_wait()?.is_some() || begun.elapsed() > START_MAX {
                let _ = service.child.kill().await;
                let said = service.last_words().await;
                bail!("the service was not ready after {:.1?}:\n{said}", begun.elapsed());
            }
            sleep(LOOK).await;
        }
        service.ready_after = begun.elapsed();
        Ok(service)
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&self) -> anyhow::Result<Service> {
        let (http, mqtt) = self.ports.map_or_else(free_ports, Ok)?;
        let mut child = self.command(http, mqtt).spawn().context("the service did not start")?;
        let pid = child.id().context("the service ended at once")?;
        let stdout = child.stdout.take().context("the service has no output")?;
        let said = tokio::spawn(listen(stdout));
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, http));
        let beside = self.beside.clone();
        Ok(Service { child, pid, beside, said, http, ready_after: Duration::ZERO })
    }

    /// Asks as an operator does, by a command that prints one JSON document; it may end with an
    /// error and say why in that.
    pub async fn ask(&self, arguments: &[&str]) -> anyhow::Result<(bool, Value)> {
        let mut command = self.program();
        command.args(arguments).arg("--json");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let answer = timeout(ASK_MAX, command.output()).await.context("no answer in time")??;
        let said = serde_json::from_slice(&answer.stdout);
        Ok((answer.status.success(), said.with_context(|| arguments.join(" "))?))
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHARGEGHAR") {
                command.env_remove(name);
            }
        }
        command.env("CHARGEGHAR__DATA_DIR", &self.folder);
        for (key, value) in &self.settings {
            command.env(format!("CHARGEGHAR__{key}"), value);
        }
        command.current_dir(&self.folder).kill_on_drop(true);
        command
    }

    fn command(&self, http: u16, mqtt: u16) -> Command {
        let mut command = self.program();
        command.env("CHARGEGHAR__HTTP__PORT", http.to_string());
        command.env("CHARGEGHAR__MQTT__PORT", mqtt.to_string());
        command.arg("serve");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }
}

impl Service {
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it and its broker have spent so far, and what its database has, wherever they run.
    pub fn spent(&self) -> anyhow::Result<Spent> {
        let mut spent = process::spent(self.pid)?;
        if let Some(Beside { database, broker, .. }) = &self.beside {
            spent.service += process::spent_alone(*broker)?;
            spent.database += process::spent_together(*database)?;
        }
        Ok(spent)
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Every series of `/metrics` by its name with labels.
    pub async fn figures(&self) -> anyhow::Result<Figures> {
        figures(self.http).await
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.end().await
    }

    /// The same, for one that is to be started again in its place.
    pub async fn end(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        timeout(STOP_MAX, self.child.wait()).await.context("the service did not end in time")??;
        Ok(())
    }

    /// Ends it as a crash would.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.crash().await
    }

    /// The same, for one that is to be started again in its place.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Nothing of it runs until it is resumed, as on a machine that hangs.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits until it has ended by itself. May be dropped at any time.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// What it wrote last; to be asked once, when it has ended.
    pub async fn last_words(&mut self) -> String {
        (&mut self.said).await.unwrap_or_default().join("\n")
    }

    fn signal(&self, what: Signal) -> anyhow::Result<()> {
        signal(self.pid, what)
    }
}

/// Counters and gauges at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

/// What a service there says of itself.
pub async fn figures(http: SocketAddr) -> anyhow::Result<Figures> {
    let mut connection = Connection::open(http).await?;
    let answer = connection.ask(&get(http, "/metrics", None)).await?;
    Ok(Figures::parse(&String::from_utf8_lossy(&answer.body)))
}

impl Figures {
    pub fn parse(text: &str) -> Figures {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Figures(series.collect())
    }

    /// The sum of all series of a metric that have these labels, such as `kind="report"`.
    pub fn sum(&self, name: &str, labels: &str) -> f64 {
        let fits = |series: &str| {
            let (base, rest) = series.split_once('{').unwrap_or((series, ""));
            base == name && rest.contains(labels)
        };
        let found = self.0.iter().filter(|(series, _)| fits(series)).map(|(_, value)| *value);
        // an empty sum of floats is a negative zero
        found.reduce(|sum, value| sum + value).unwrap_or(0.0)
    }
}

/// Two that differ: the first is held until the second is found.
fn free_ports() -> anyhow::Result<(u16, u16)> {
    let open = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (one, other) = (open()?, open()?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

/// Whether a service there says that it can be used.
pub async fn ready(http: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(http).await else { return false };
    let answer = timeout(Duration::from_secs(2), connection.ask(&get(http, "/readyz", None))).await;
    matches!(answer, Ok(Ok(answer)) if answer.status == 200)
}

/// Reads what it writes, so that it never waits for us; keeps the last lines.
async fn listen(stdout: ChildStdout) -> Vec<String> {
    let mut lines = BufReader::new(stdout).lines();
    let mut last = std::collections::VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.into()
}

/// What a helper process of the harness announces on its first line.
pub async fn announced(
    lines: &mut tokio::io::Lines<BufReader<ChildStdout>>,
) -> anyhow::Result<Value> {
    let line = timeout(START_MAX, lines.next_line()).await??;
    Ok(serde_json::from_str(&line.context("the process ended without a word")?)?)
}

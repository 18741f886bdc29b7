//! A Postgres of the harness's own: made, started, crashed, started again. It writes as an
//! operator's does: what it has acknowledged is on the disk.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Signal, geteuid};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::first_file;
use crate::process::signal;

/// Of the service's database.
pub const NAME: &str = "chargeghar";
/// Longest start; after a crash it reads its log.
const START_MAX: Duration = Duration::from_mins(2);
const STOP_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
/// What is left on a disk that is full.
const FULL: &str = "full";
/// Memory that stands for a disk, where its size is known.
const SMALL_DISK: &str = "size=384m,mode=0755";

/// Where its files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// On the disk of the machine.
    Disk,
    /// On a small disk of its own, which can be filled.
    Small,
    /// On the disk of the machine, with all the settings that its package gives it.
    AsPackaged,
}

impl Room {
    /// A log of its writes that a small disk has room for; other checkpoints come of it.
    fn setting(self) -> Option<&'static str> {
        (self != Room::AsPackaged).then_some("max_wal_size=96MB")
    }
}

pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    /// Another account than root's: it refuses to run as root.
    account: Option<Account>,
    room: Room,
    mounted: bool,
    child: Child,
}

#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Makes a cluster with the service's database in it, and starts it.
    pub async fn start_new(folder: &Path, room: Room) -> anyhow::Result<Postgres> {
        let programs =
            programs().context("no Postgres here: as root, apt-get install postgresql")?;
        let account = if geteuid().is_root() { Some(unprivileged()?) } else { None };
        let mounted = room == Room::Small && mount(folder).await.is_ok();
        if let Some(Account { uid, gid }) = account {
            chown(folder, Some(uid), Some(gid))?;
        }
        let mut initdb = command(folder, &programs, account, "initdb");
        initdb.arg("-D").arg(folder.join("data"));
        initdb.args(["-U", "postgres", "-A", "trust", "--no-locale", "--encoding=UTF8"]);
        let made = initdb.arg("--no-sync").output().await?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let child = start(folder, &programs, account, room)?;
        let folder = folder.to_owned();
        let mut postgres = Postgres { folder, programs, account, room, mounted, child };
        let mut first = postgres.answers("postgres").await?;
        sqlx::raw_sql("create database chargeghar").execute(&mut first).await?;
        Ok(postgres)
    }

    /// As it is told to the service: over the socket, with nothing between.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/{NAME}?host={}", self.folder.display())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// A way to the service's database that nobody cuts.
    pub fn options(&self) -> PgConnectOptions {
        self.options_of(NAME)
    }

    fn options_of(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new()
            .socket(&self.folder)
            .username("postgres")
            .database(database)
            .disable_statement_logging()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Whether its disk is small enough to be filled.
    pub fn can_be_full(&self) -> bool {
        self.mounted
    }

    /// As `pg_ctl stop -m immediate`: every process of it ends at once; the log is read at the
    /// next start.
    pub async fn crash(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id() {
            signal(pid, Signal::QUIT)?;
            timeout(STOP_MAX, self.child.wait()).await.context("Postgres did not end")??;
        }
        Ok(())
    }

    /// Starts it where it was; done when it answers.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        self.child = start(&self.folder, &self.programs, self.account, self.room)?;
        self.answers(NAME).await?.close().await?;
        Ok(())
    }

    /// Starts it if it ended by itself, such as on a full disk; whether it had.
    pub async fn start_if_ended(&mut self) -> anyhow::Result<bool> {
        if self.child.try_wait()?.is_none() {
            self.answers(NAME).await?.close().await?;
            return Ok(false);
        }
        self.start().await?;
        Ok(true)
    }

    /// Leaves no byte free on its disk.
    pub async fn fill(&self) -> anyhow::Result<()> {
        ensure!(self.mounted, "its disk is the machine's");
        let path = self.folder.join(FULL);
        let filled = tokio::task::spawn_blocking(move || {
            let (mut file, block) = (fs::File::create(path)?, vec![0; 64 * 1024]);
            let mut size = block.len();
            while size > 0 {
                if file.write_all(&block[..size]).is_err() {
                    size /= 2;
                }
            }
            anyhow::Ok(())
        });
        filled.await?
    }

    /// Gives the space back.
    pub fn empty(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.folder.join(FULL))?)
    }

    async fn answers(&mut self, database: &str) -> anyhow::Result<PgConnection> {
        let begun = Instant::now();
        loop {
            let error = match self.options_of(database).connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if self.child.try_wait()?.is_some() || begun.elapsed() > START_MAX {
                bail!("Postgres does not answer: {error}\n{}", self.log());
            }
            sleep(LOOK).await;
        }
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // its other processes end when they see that the first is gone
        let _ = self.child.start_kill();
        if self.mounted {
            let lazily = std::process::Command::new("umount").arg("-l").arg(&self.folder).status();
            drop(lazily);
        }
    }
}

fn start(
    folder: &Path,
    programs: &Path,
    account: Option<Account>,
    room: Room,
) -> anyhow::Result<Child> {
    let mut command = command(folder, programs, account, "postgres");
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    for setting in ["listen_addresses=", "max_connections=100"].into_iter().chain(room.setting()) {
        command.args(["-c", setting]);
    }
    let log = fs::File::options().create(true).append(true).open(folder.join("log"))?;
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().context("Postgres did not start")
}

/// One of its programs, as the account that it runs as, which ends with the harness.
fn command(folder: &Path, programs: &Path, account: Option<Account>, name: &str) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(Account { uid, gid }) = account {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    }
    command.args(["--pdeathsig", "INT"]).arg(programs.join(name)).current_dir(folder);
    if let Some(libraries) = programs.parent().map(|above| above.join("lib")) {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.stdin(Stdio::null());
    command
}

/// Folder of the newest Postgres of the machine.
fn programs() -> Option<PathBuf> {
    let named = std::env::var_os("CHARGEGHAR_TEST_PG_BIN").map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    let all = named.into_iter().chain(installed.into_iter().rev());
    Some(first_file(all.map(|bin| bin.join("initdb")))?.parent()?.to_owned())
}

/// `postgres`, else `nobody`.
fn unprivileged() -> anyhow::Result<Account> {
    let accounts = fs::read_to_string("/etc/passwd")?;
    let named = |name: &str| {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next()? == name;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            is_it.then_some(Account { uid, gid })
        })
    };
    named("postgres").or_else(|| named("nobody")).context("no account to run Postgres as")
}

/// Puts a small disk in the place of a folder; needs root.
async fn mount(folder: &Path) -> anyhow::Result<()> {
    let owner = fs::metadata(folder)?.uid();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", SMALL_DISK, "none"]).arg(folder);
    let done = mount.stdin(Stdio::null()).stderr(Stdio::null()).status().await?;
    ensure!(done.success(), "the account {owner} may not mount");
    Ok(())
}

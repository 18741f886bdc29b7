//! Where and when something was measured: a figure without it means nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub cores: usize,
    pub processor: String,
    pub memory_gb: u64,
    pub kernel: String,
    pub postgres: String,
    pub date: String,
    pub commit: String,
    /// Work that waited for a core when the measurement began: others were on the machine.
    pub load: String,
}

impl Facts {
    pub fn read() -> Facts {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
        let kilobytes = after(&memory, "MemTotal")
            .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok());
        Facts {
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            processor: after(&cpu, "model name").unwrap_or_else(|| "unknown".to_owned()),
            memory_gb: kilobytes.unwrap_or(0) / (1024 * 1024),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            postgres: postgres(),
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            commit: said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default(),
            load: file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    pub fn sentence(&self) -> String {
        let Facts { cores, processor, memory_gb, kernel, postgres, date, commit, load } = self;
        format!(
            "commit {commit}, {date}; {cores} cores of {processor}, {memory_gb} GB, Linux {kernel}, \
             {postgres}; load before {load}"
        )
    }
}

/// Lets this process and the service below it open so many files: a connection is one, at both
/// ends. Fails with the number when the machine does not allow it.
pub fn files(needed: u64) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    enough(needed, hard)?;
    if limit.current.is_some_and(|soft| soft < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum })?;
    }
    Ok(())
}

pub fn enough(needed: u64, hard: u64) -> anyhow::Result<()> {
    ensure!(
        needed <= hard,
        "this run needs {needed} open files, and {hard} are allowed: raise `ulimit -n`, or take \
         fewer stations"
    );
    Ok(())
}

fn after(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The newest one installed, as the service finds it.
fn postgres() -> String {
    let mut folders: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin/postgres")).collect())
        .unwrap_or_default();
    folders.sort();
    let newest = folders.last().and_then(|path: &std::path::PathBuf| version(path));
    newest.or_else(|| version(Path::new("postgres"))).unwrap_or_else(|| "Postgres".to_owned())
}

fn version(program: &Path) -> Option<String> {
    said(program.to_str()?, &["--version"])
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

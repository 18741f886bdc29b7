//! What a process costs, read from `/proc`: processor time and memory, of one process or of the
//! service and the database below it; and signals to one by its number. Never starts one.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Sub;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

#[cfg(test)]
mod tests;

/// Processor time is told in hundredths of a second, on every Linux there is.
const TICK: Duration = Duration::from_millis(10);

/// Processor time spent by the service and by the processes below it, which are its database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub service: Duration,
    pub database: Duration,
}

impl Sub for Spent {
    type Output = Spent;

    fn sub(self, before: Spent) -> Spent {
        Spent {
            service: self.service.saturating_sub(before.service),
            database: self.database.saturating_sub(before.database),
        }
    }
}

/// One line of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that have ended and were waited for.
    buried: Duration,
}

/// What `pid` has spent so far, and what everything below it has.
pub fn spent(pid: u32) -> anyhow::Result<Spent> {
    let all = all();
    let service = all.get(&pid).with_context(|| format!("process {pid} has ended"))?.own;
    let below = all.iter().filter(|(other, _)| **other != pid && is_below(**other, pid, &all));
    let database = below.map(|(_, stat)| stat.own + stat.buried).sum();
    Ok(Spent { service, database })
}

/// What `pid` alone has spent so far.
pub fn spent_alone(pid: u32) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} has ended"))?;
    Ok(parse(&text).context("/proc is not as expected")?.own)
}

/// What `pid` and everything below it have spent so far.
pub fn spent_together(pid: u32) -> anyhow::Result<Duration> {
    let spent = spent(pid)?;
    Ok(spent.service + spent.database)
}

/// Sends a signal to a process of the harness's own.
pub fn signal(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.context("a process without a number")?, signal)?;
    Ok(())
}

/// Resident memory of `pid` alone, in bytes.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} has ended"))?;
    Ok(kilobytes(&text, "VmRSS:").context("/proc is not as expected")? * 1024)
}

/// Resident memory of everything below `pid`, in bytes. Postgres's processes share one piece,
/// which counts once, as the largest of them sees it.
pub fn resident_below(pid: u32) -> u64 {
    let all = all();
    let below = all.keys().filter(|other| **other != pid && is_below(**other, pid, &all));
    let texts = below.filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    let (mut own, mut shared) = (0, 0);
    for text in texts {
        own += kilobytes(&text, "RssAnon:").unwrap_or(0);
        shared = kilobytes(&text, "RssShmem:").unwrap_or(0).max(shared);
    }
    (own + shared) * 1024
}

/// A line of `/proc/PID/status`.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn all() -> BTreeMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let read =
        |pid: u32| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
    pids.filter_map(read).collect()
}

fn is_below(mut pid: u32, root: u32, all: &BTreeMap<u32, Stat>) -> bool {
    while let Some(stat) = all.get(&pid) {
        if stat.parent == root {
            return true;
        }
        pid = stat.parent;
    }
    false
}

/// `pid (name) state ppid …`; the name may hold anything.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |at: usize| Some(TICK * fields.get(at)?.parse::<u32>().ok()?);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        buried: ticks(13)? + ticks(14)?,
    })
}

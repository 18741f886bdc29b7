//! How a program is started as another user that dies with us.
//!
//! This program starts itself as `__postgres`, already under the other user; that copy asks
//! the kernel for a signal at its parent's death, makes sure the parent is still there, and
//! becomes the wanted program. So no code runs between fork and exec in this process.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use super::cluster::User;

/// The word by which this program knows that it is such a copy.
pub const COMMAND: &str = "__postgres";

/// A program to start.
pub struct Launch {
    /// Understands `__postgres`.
    pub launcher: PathBuf,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub user: Option<User>,
    pub libraries: Option<PathBuf>,
    /// Where its messages go; nowhere if none.
    pub output: Option<File>,
}

/// This program, however it was found and even if its file has been replaced since.
pub fn this_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

impl Launch {
    /// Starts it. The calling thread is the one whose end the kernel tells it about.
    pub fn start(self) -> io::Result<Child> {
        let output = self.output.as_ref().map(File::try_clone).transpose()?;
        // Opened here and run by its number: the other user need not be able to reach it.
        let launcher = File::open(&self.launcher)?;
        let mut command = self.command(&launcher);
        command.stdout(output.map_or(Stdio::null(), Stdio::from));
        command.stderr(self.output.map_or(Stdio::null(), Stdio::from));
        command.spawn()
    }

    fn command(&self, launcher: &File) -> Command {
        let mut command = Command::new(format!("/proc/self/fd/{}", launcher.as_raw_fd()));
        command.arg0("chargeghar").args([COMMAND, &std::process::id().to_string()]);
        command.arg(&self.program).args(&self.arguments);
        command.current_dir("/").stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C").env("TZ", "UTC");
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }
}

/// Runs a program to its end; what it said if it failed.
pub fn run(launch: Launch) -> Result<(), String> {
    let launcher = File::open(&launch.launcher).map_err(|error| error.to_string())?;
    let done = launch.command(&launcher).output().map_err(|error| error.to_string())?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{}: {}", done.status, said.trim().replace('\n', "; ")))
}

/// `__postgres PARENT PROGRAM ARGUMENTS…`: becomes the program. Comes back only on failure.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match become_program(arguments) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("the database program could not be started: {error}");
            ExitCode::FAILURE
        }
    }
}

fn become_program(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Infallible> {
    let usage = || io::Error::other("it is started by chargeghar itself, not by hand");
    let parent = arguments.next().and_then(|text| text.to_str()?.parse().ok()).ok_or_else(usage)?;
    let program = arguments.next().ok_or_else(usage)?;
    set_parent_process_death_signal(Some(Signal::INT))?;
    if getppid().map(rustix::process::Pid::as_raw_pid) != Some(parent) {
        return Err(io::Error::other("its parent has ended"));
    }
    Err(Command::new(program).args(arguments).exec())
}

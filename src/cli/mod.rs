//! The command line: one file per command, and what they share.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 not
//! understood, and those of `serve`. A command decides nothing about the network.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

mod config;
mod decode;
pub mod doctor;
mod print;
mod version;

#[cfg(test)]
mod tests;

/// A shared power-bank network in one binary.
#[derive(Parser)]
#[command(name = "chargeghar", version, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 not understood, 3 fenced, 4 a second \
    instance. docs/CLI.md says what scripts may rely on.")]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// File of settings; without it config.toml of the working folder, if there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Say what frames of a cabinet mean, one JSON line each
    Decode(decode::Arguments),
    /// Print the settings in effect; secrets are masked
    Config(config::Arguments),
    /// Print the version
    Version(version::Arguments),
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Args)]
struct Format {
    /// Print JSON on stdout, and nothing else there
    #[arg(long)]
    json: bool,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nobody to tell when even this can not be written
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.command.run(&cli.common) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::from(141), // as a signal would end it
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self {
            Command::Decode(arguments) => decode::run(&arguments),
            Command::Config(arguments) => config::run(&arguments, common),
            Command::Version(arguments) => version::run(&arguments),
        }
    }
}

/// Whoever read our output has enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(broken))
}

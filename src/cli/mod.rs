//! The command line: one file per command, and what they share.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 not
//! understood, and those of `serve`. A command decides nothing about the network.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::config::{Config, Telemetry};
use crate::telemetry::{self, Output};

mod backup;
mod bank;
mod config;
mod decode;
mod demo;
pub mod doctor;
mod incident;
mod ledger;
mod moment;
mod outbox;
mod print;
mod reach;
mod refund;
mod rental;
mod serve;
mod simulate;
mod station;
mod table;
mod version;
mod withdrawal;

#[cfg(test)]
mod tests;

/// A shared power-bank network in one binary.
#[derive(Parser)]
#[command(name = "chargeghar", version, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 not understood, 3 fenced, 4 a second \
    instance, 5 a part died too often, 141 nobody reads the output. \
    docs/CLI.md says what scripts may rely on.")]
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
    /// Run the service until SIGTERM or SIGINT
    Serve(serve::Arguments),
    /// Show the whole network at work: twelve cabinets, a rider, a rental and its return
    Demo(demo::Arguments),
    /// Run simulated cabinets against a running service
    Simulate(simulate::Arguments),
    /// Look at each edge: what is configured, what answers, what to do
    Doctor(doctor::Arguments),
    /// Cabinets: list, show, pending, enrol, check, eject, maintenance, set, rotate, remove
    #[command(subcommand)]
    Station(station::Arguments),
    /// Power banks: list, adopt
    #[command(subcommand)]
    Bank(bank::Arguments),
    /// One rental: show, settle, write-off
    #[command(subcommand)]
    Rental(rental::Arguments),
    /// What a person has to decide: list, show, resolve
    #[command(subcommand)]
    Incident(incident::Arguments),
    /// Money that goes back: list, show, approve, process, reject, arrived, bounced
    #[command(subcommand)]
    Refund(refund::Arguments),
    /// Money out of wallets: list, show, approve, complete, reject
    #[command(subcommand)]
    Withdrawal(withdrawal::Arguments),
    /// What could not be delivered to the outside: list, show, redrive
    #[command(subcommand)]
    Outbox(outbox::Arguments),
    /// What the accounts hold, and whether it adds up
    Ledger(ledger::Arguments),
    /// Who did what
    Audit(ledger::AuditArguments),
    /// Write the database into one file
    Backup(backup::BackupArguments),
    /// Read such a file into an empty database
    Restore(backup::RestoreArguments),
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

/// What changes money, and may be said again.
#[derive(Clone, Debug, Args)]
struct Keyed {
    /// Any text that is new for each command: said again with it, the first answer comes again
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// A list of what has an end.
#[derive(Clone, Copy, Debug, Args)]
struct Listing {
    /// Those that have ended as well
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: Format,
}

impl Format {
    /// The document for programs, or the text for people.
    fn show(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<ExitCode> {
        if self.json {
            print::json(document)?;
        } else {
            print::text(&text())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Log lines of commands: only what somebody has to look at, unless more is asked for.
const QUIET: &str = "warn";

/// Runs a command that needs the settings and a runtime.
fn block_on<T>(
    common: &Common,
    command: impl AsyncFnOnce(Config) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let config = Config::load(common.config.as_deref())?;
    let asked = config.telemetry.log != Telemetry::default().log;
    let filter = if asked { config.telemetry.log.as_str() } else { QUIET };
    telemetry::init(Output::Stderr, filter)?;
    to_its_end(command(config))
}

/// Runs `work` on a runtime of its own.
fn to_its_end<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // another part of the process may have chosen its provider before
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(Box::pin(work));
    runtime.shutdown_background(); // a look-up of a name that never ends holds up nobody
    done
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nobody to tell when even this cannot be written
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
            Command::Serve(arguments) => serve::run(&arguments, common),
            Command::Demo(arguments) => demo::run(&arguments, common),
            Command::Simulate(arguments) => simulate::run(arguments, common),
            Command::Doctor(arguments) => doctor::run(&arguments, common),
            Command::Station(arguments) => station::run(arguments, common),
            Command::Bank(arguments) => bank::run(arguments, common),
            Command::Rental(arguments) => rental::run(arguments, common),
            Command::Incident(arguments) => incident::run(arguments, common),
            Command::Refund(arguments) => refund::run(arguments, common),
            Command::Withdrawal(arguments) => withdrawal::run(arguments, common),
            Command::Outbox(arguments) => outbox::run(arguments, common),
            Command::Ledger(arguments) => ledger::run(arguments, common),
            Command::Audit(arguments) => ledger::audit(arguments, common),
            Command::Backup(arguments) => backup::backup(arguments, common),
            Command::Restore(arguments) => backup::restore(arguments, common),
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

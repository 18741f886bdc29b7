//! `chargeghar doctor`: for each edge, what is configured, whether it can be reached, which
//! version answers, and what to do. It looks and tries; it changes nothing.

use std::process::ExitCode;

use clap::Args;

use super::{Common, Format, block_on};

mod carriers;
mod examine;
mod report;

pub use examine::examine;
pub use report::{Finding, Report, State};

#[derive(Args)]
#[command(after_help = "Exit codes: 0 the service can run, 1 something has to be done first.")]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let report = block_on(common, async |config| Ok(examine(&config).await))?;
    arguments.format.show(&report, || report.to_string())?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

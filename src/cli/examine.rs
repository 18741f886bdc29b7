//! `chargeghar doctor`: prints what the examination of each edge found.

use std::process::ExitCode;

use clap::Args;

use super::{Common, Format, block_on, doctor};

#[derive(Args)]
#[command(after_help = "Exit codes: 0 the service can run, 1 something has to be done first.")]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let report = block_on(common, async |config| Ok(doctor::examine(&config).await))?;
    arguments.format.show(&report, || report.to_string())?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! `chargeghar config`: the settings in effect, defaults, file and environment together.
//! Secrets and passwords are never in its output.

use std::process::ExitCode;

use clap::Args;

use super::{Common, Format, print};
use crate::config::Config;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let config = Config::load(common.config.as_deref())?;
    if arguments.format.json {
        print::json(&config)?;
    } else {
        print::text(&config.to_toml())?;
    }
    Ok(ExitCode::SUCCESS)
}

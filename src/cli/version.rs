//! `chargeghar version`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Format, print};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    if arguments.format.json {
        print::json(&json!({ "name": "chargeghar", "version": version }))?;
    } else {
        print::text(&format!("chargeghar {version}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

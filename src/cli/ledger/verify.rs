//! `chargeghar ledger verify`: the whole ledger, stage by stage, with how fast it went.

use std::process::ExitCode;

use anyhow::bail;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::verdict;
use crate::admin::Told;
use crate::cli::reach::{self, Reach};
use crate::cli::{Common, Format};
use crate::store::verify::Report;

pub fn run(format: Format, common: &Common) -> anyhow::Result<ExitCode> {
    let report = reach::with(common, watched)?;
    let rate = rate(&report);
    let document = json!({ "report": report, "transfers_per_second": rate });
    format.show(&document, || {
        format!("{}\n{} ms, {rate} transfers a second\n", verdict(&report), report.took_ms)
    })?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rate(report: &Report) -> u64 {
    report.transfers.unsigned_abs() * 1_000 / report.took_ms.max(1)
}

async fn watched(reach: &Reach) -> anyhow::Result<Report> {
    let style = ProgressStyle::with_template("[{bar:24}] {pos} of {len} {msg}")?;
    let bar = ProgressBar::new(1).with_style(style);
    let mut chunks = reach.download("/ledger/verify").await?;
    let mut waiting = Vec::new();
    while let Some(chunk) = chunks.next().await {
        waiting.extend_from_slice(&chunk?);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Told::Stage { name, number, of } => {
                    bar.set_length(of as u64);
                    bar.set_position(number as u64);
                    bar.set_message(name);
                }
                Told::Report(report) => {
                    bar.finish_and_clear();
                    return Ok(report);
                }
                Told::Failed(why) => bail!("the ledger was not verified: {why}"),
            }
        }
    }
    bail!("the node ended before the ledger was verified")
}

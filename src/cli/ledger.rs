//! `chargeghar ledger` and `chargeghar audit`: what the accounts hold and whether they add up,
//! days as files that anybody can check, and who did what.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::table::Table;
use super::{Common, Format, moment, reach};
use crate::admin::AuditBody;
use crate::store::verify::{Finding, Report};
use crate::store::views::Books;

mod days;
mod verify;

#[derive(Args)]
#[command(after_help = "Exit codes: 0 the ledger adds up, 1 it does not.")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    format: Format,
}

#[derive(Subcommand)]
enum Command {
    /// Prove the ledger from its rows, or a file from its hashes
    Verify(VerifyArguments),
    /// Write a closed day as lines that anybody can check
    Export(ExportArguments),
}

#[derive(Args)]
#[command(after_help = "Exit codes: 0 all adds up, 1 something does not.")]
struct VerifyArguments {
    /// Check this file instead, without a node or a database; `-` is stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
struct ExportArguments {
    /// A day in Nepal, such as 2026-11-22
    #[arg(long)]
    day: NaiveDate,
    /// Where to write it; without it, to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub struct AuditArguments {
    /// At most so many, the newest first
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    match arguments.command {
        None => books(arguments.format, common),
        Some(Command::Verify(VerifyArguments { file: Some(file), format })) => {
            days::verify(&file, format)
        }
        Some(Command::Verify(VerifyArguments { file: None, format })) => {
            verify::run(format, common)
        }
        Some(Command::Export(ExportArguments { day, out })) => {
            days::export(day, out.as_deref(), common)
        }
    }
}

fn books(format: Format, common: &Common) -> anyhow::Result<ExitCode> {
    let books: Books = reach::with(common, async |reach| reach.get("/books").await)?;
    format.show(&books, || described(&books))?;
    Ok(if books.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn described(books: &Books) -> String {
    let mut table = Table::new(["account", "accounts", "credit minus debit", "unit"])
        .numbers(["accounts", "credit minus debit"]);
    for sum in &books.accounts {
        let (name, unit) = (sum.name.clone(), sum.unit.clone());
        table.row([name, sum.accounts.to_string(), sum.amount.to_string(), unit]);
    }
    format!("{table}\n{}\n", verdict(&books.report))
}

/// In one line, and a table of what was found.
fn verdict(report: &Report) -> String {
    let transfers = report.transfers;
    if report.is_sound() {
        return format!("{transfers} transfers: it adds up");
    }
    let mut table = Table::new(["finding", "subject", "expected", "found"]);
    for finding in &report.findings {
        let Finding { kind, subject, expected, found } = finding.clone();
        table.row([kind.to_string(), subject, expected, found]);
    }
    let count: i64 = report.counts.values().sum();
    format!(
        "{transfers} transfers: IT DOES NOT ADD UP, {count} findings, {} not where it should \
         be\n\n{table}",
        report.imbalance
    )
}

pub fn audit(arguments: AuditArguments, common: &Common) -> anyhow::Result<ExitCode> {
    let path = format!("/audit?limit={}", arguments.limit);
    let rows: Vec<AuditBody> = reach::with(common, async |reach| reach.get(&path).await)?;
    arguments.format.show(&rows, || {
        let mut table = Table::new(["time", "who", "did", "to", "details"]);
        for row in &rows {
            let AuditBody { at, actor, action, target, details } = row.clone();
            table.row([moment::stamp(at), actor, action, target, details.to_string()]);
        }
        table.to_string()
    })
}

//! `chargeghar ledger` and `chargeghar audit`: what the accounts hold and whether they add up,
//! and who did what.

use std::process::ExitCode;

use clap::Args;

use super::reach::Reach;
use super::table::Table;
use super::{Common, Format, block_on, moment};
use crate::admin::AuditBody;
use crate::store::views::Books;

#[derive(Args)]
#[command(after_help = "Exit codes: 0 the ledger adds up, 1 it does not.")]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
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
    block_on(common, async |config| {
        let reach = Reach::open(&config).await?;
        let books = reach.get::<Books>("/books").await;
        reach.close().await;
        let books = books?;
        arguments.format.show(&books, || described(&books))?;
        Ok(if books.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn described(books: &Books) -> String {
    let mut table = Table::new(["account", "accounts", "credit minus debit"])
        .numbers(["accounts", "credit minus debit"]);
    for sum in &books.accounts {
        table.row([sum.name.clone(), sum.accounts.to_string(), sum.amount.to_string()]);
    }
    table.row(["sum".to_owned(), String::new(), books.total.to_string()]);
    let verdict = if books.is_sound() { "it adds up" } else { "IT DOES NOT ADD UP" };
    format!(
        "{table}\n{} transfers, {} unbalanced, {} balances astray: {verdict}\n",
        books.transfers, books.unbalanced, books.astray
    )
}

pub fn audit(arguments: AuditArguments, common: &Common) -> anyhow::Result<ExitCode> {
    block_on(common, async |config| {
        let reach = Reach::open(&config).await?;
        let rows = reach.get::<Vec<AuditBody>>(&format!("/audit?limit={}", arguments.limit)).await;
        reach.close().await;
        let rows = rows?;
        arguments.format.show(&rows, || {
            let mut table = Table::new(["time", "who", "did", "to", "details"]);
            for row in &rows {
                let AuditBody { at, actor, action, target, details } = row.clone();
                table.row([moment::stamp(at), actor, action, target, details.to_string()]);
            }
            table.to_string()
        })
    })
}

//! `chargeghar bank`: who has which bank, and how strangers become ours.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use domain::ids::Sn;

use super::reach::{self, Reach};
use super::table::{Table, cell};
use super::{Common, Format, moment};
use crate::admin::Adopt;
use crate::store::views::BankRow;

#[derive(Subcommand)]
pub enum Arguments {
    /// List the banks and who has them
    List(ListArguments),
    /// Take banks into the fleet
    Adopt(AdoptArguments),
}

#[derive(Args)]
pub struct ListArguments {
    /// Only those of one custody
    #[arg(long, value_enum)]
    custody: Option<Custody>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Custody {
    Slot,
    Rental,
    Missing,
    Quarantine,
}

#[derive(Args)]
pub struct AdoptArguments {
    /// Serials as printed on the banks
    #[arg(required = true, value_name = "SN")]
    banks: Vec<String>,
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let rows = reach::with(common, async |reach| rows(&arguments, reach).await)?;
    arguments.format().show(&rows, || table(&rows))
}

impl Arguments {
    fn format(&self) -> Format {
        match self {
            Arguments::List(list) => list.format,
            Arguments::Adopt(adopt) => adopt.format,
        }
    }
}

async fn rows(arguments: &Arguments, reach: &Reach) -> anyhow::Result<Vec<BankRow>> {
    match arguments {
        Arguments::List(list) => {
            let word = list.custody.and_then(|custody| custody.to_possible_value());
            let query = word.map(|word| format!("?custody={}", word.get_name()));
            reach.get(&format!("/banks{}", query.unwrap_or_default())).await
        }
        Arguments::Adopt(adopt) => {
            let banks = adopt.banks.iter().map(|sn| Sn(sn.clone())).collect();
            reach.post("/banks/adopt", &Adopt { banks }).await
        }
    }
}

fn table(rows: &[BankRow]) -> String {
    let mut table = Table::new(["bank", "custody", "where", "condition", "since"]);
    for row in rows {
        let slot = row.io.zip(row.slot).map(|(io, slot)| format!(" {io}/{slot}"));
        let station =
            row.station.as_ref().map(|serial| format!("{serial}{}", slot.unwrap_or_default()));
        table.row([
            row.sn.to_string(),
            row.custody.clone(),
            cell(station.or_else(|| row.rental_code.clone())),
            row.condition.clone(),
            moment::stamp(row.updated_at),
        ]);
    }
    table.to_string()
}

//! `chargeghar outbox`: what could not be delivered to the outside, and another try.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, moment};
use crate::admin::{Redrive, Redriven};
use crate::store::views::EffectRow;

#[derive(Subcommand)]
pub enum Arguments {
    /// List the effects that were set aside
    List(ListArguments),
    /// Show one effect
    Show(ShowArguments),
    /// Try effects again that were set aside
    Redrive(RedriveArguments),
}

#[derive(Args)]
pub struct ListArguments {
    /// Those too that are still tried
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct ShowArguments {
    /// Id of the effect
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct RedriveArguments {
    /// Id of the effect
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    id: Option<Uuid>,
    /// Every effect that was set aside
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    reach::with(common, async |reach| dispatch(arguments, reach).await)
}

async fn dispatch(arguments: Arguments, reach: &Reach) -> anyhow::Result<ExitCode> {
    match arguments {
        Arguments::List(wanted) => {
            let rows: Vec<EffectRow> = reach.get(&format!("/outbox?all={}", wanted.all)).await?;
            wanted.format.show(&rows, || table(&rows))
        }
        Arguments::Show(wanted) => {
            let path = format!("/outbox/by/{}", escaped(&wanted.id));
            let row: EffectRow = reach.get(&path).await?;
            wanted.format.show(&row, || described(&row))
        }
        Arguments::Redrive(wanted) => {
            let again: Redriven = reach.post("/outbox/redrive", &Redrive { id: wanted.id }).await?;
            wanted.format.show(&again, || format!("{} to be tried again", again.again))
        }
    }
}

fn table(rows: &[EffectRow]) -> String {
    let now = moment::now();
    let mut table =
        Table::new(["id", "state", "effect", "tries", "made", "last error"]).numbers(["tries"]);
    for row in rows {
        table.row([
            row.id.to_string(),
            row.state.clone(),
            name(row),
            row.attempts.to_string(),
            moment::distance(row.created_at, now),
            cell(row.last_error.as_ref()),
        ]);
    }
    table.to_string()
}

fn described(row: &EffectRow) -> String {
    let now = moment::now();
    let at = |at| moment::with_distance(at, now);
    pairs([
        ("id", row.id.to_string()),
        ("state", row.state.clone()),
        ("made", at(row.created_at)),
        ("tries", row.attempts.to_string()),
        ("next try", if row.state == "owed" { at(row.due_at) } else { "-".to_owned() }),
        ("delivered", cell(row.done_at.map(at))),
        ("last error", cell(row.last_error.as_ref())),
        ("effect", row.effect.to_string()),
    ])
}

/// What it is, in a word.
fn name(row: &EffectRow) -> String {
    let word = |key: &str| row.effect[key].as_str().map(ToOwned::to_owned);
    let template = row.effect["template"]["template"].as_str().map(ToOwned::to_owned);
    cell(template.or_else(|| word("template")).or_else(|| word("type")))
}

//! `chargeghar incident`: what a person has to decide.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, Listing, moment};
use crate::admin::Resolve;
use crate::store::views::IncidentRow;

#[derive(Subcommand)]
pub enum Arguments {
    /// List open incidents, the oldest first
    List(Listing),
    /// Show one incident with its evidence
    Show(Named),
    /// Close an incident
    Resolve(ResolveArguments),
}

#[derive(Args)]
pub struct Named {
    /// Id of the incident
    #[arg(value_name = "INCIDENT")]
    id: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct ResolveArguments {
    #[command(flatten)]
    incident: Named,
    /// What was found out and done
    #[arg(long, alias = "reason", value_name = "TEXT")]
    resolution: String,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    reach::with(common, async |reach| dispatch(arguments, reach).await)
}

async fn dispatch(arguments: Arguments, reach: &Reach) -> anyhow::Result<ExitCode> {
    match arguments {
        Arguments::List(list) => {
            let path = format!("/incidents?all={}", list.all);
            let rows: Vec<IncidentRow> = reach.get(&path).await?;
            list.format.show(&rows, || table(&rows))
        }
        Arguments::Show(named) => {
            let row: IncidentRow = reach.get(&format!("/incidents/{}", escaped(&named.id))).await?;
            named.format.show(&row, || described(&row))
        }
        Arguments::Resolve(ResolveArguments { incident, resolution }) => {
            let path = format!("/incidents/{}/resolve", escaped(&incident.id));
            let row: IncidentRow = reach.post(&path, &Resolve { resolution }).await?;
            incident.format.show(&row, || described(&row))
        }
    }
}

fn table(rows: &[IncidentRow]) -> String {
    let now = moment::now();
    let mut table = Table::new(["id", "kind", "opened", "station", "rental", "bank", "state"]);
    for row in rows {
        table.row([
            row.id.to_string(),
            row.kind.clone(),
            moment::distance(row.opened_at, now),
            cell(row.station.as_ref()),
            cell(row.rental_code.as_ref()),
            cell(row.bank.as_ref()),
            row.state.clone(),
        ]);
    }
    table.to_string()
}

fn described(row: &IncidentRow) -> String {
    let now = moment::now();
    let head = pairs([
        ("id", row.id.to_string()),
        ("kind", row.kind.clone()),
        ("state", row.state.clone()),
        ("opened", moment::with_distance(row.opened_at, now)),
        ("station", cell(row.station.as_ref())),
        ("rental", cell(row.rental_code.as_ref())),
        ("bank", cell(row.bank.as_ref())),
        ("resolved", cell(row.resolved_at.map(moment::stamp))),
        ("by", cell(row.resolved_by.as_ref())),
        ("resolution", cell(row.resolution.as_ref())),
    ]);
    format!("{head}evidence\n{:#}\n", row.evidence)
}

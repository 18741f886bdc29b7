//! `chargeghar refund`: money that riders ask back.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::refund::Purpose;

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, Keyed, Listing, moment};
use crate::admin::Decide;
use crate::store::refunds::Refund;

#[derive(Subcommand)]
pub enum Arguments {
    /// List those that wait for somebody, the oldest first
    List(Listing),
    /// Show one
    Show(Named),
    /// Say that it may be given back
    Approve(Deed),
    /// Give it back: to the wallet at once, to its source by the gateway
    Process(ProcessArguments),
    /// Refuse it
    Reject(Reasoned),
    /// Say that a gateway, or a person there, has given it back
    Arrived(ArrivedArguments),
    /// Say that it was not given back there: the money returns to the wallet
    Bounced(Reasoned),
}

#[derive(Args)]
pub struct Named {
    /// Id, or the reference that riders read out
    #[arg(value_name = "REFUND")]
    name: String,
    #[command(flatten)]
    format: Format,
}

/// One that changes.
#[derive(Args)]
pub struct Deed {
    #[command(flatten)]
    refund: Named,
    #[command(flatten)]
    keyed: Keyed,
}

#[derive(Args)]
pub struct ProcessArguments {
    #[command(flatten)]
    deed: Deed,
    /// Of the rider's account at Khalti, which asks for it if a bank has paid there
    #[arg(long, value_name = "NUMBER")]
    mobile: Option<String>,
}

#[derive(Args)]
pub struct ArrivedArguments {
    #[command(flatten)]
    deed: Deed,
    /// By which number the gateway knows it
    #[arg(long, value_name = "NUMBER")]
    number: String,
}

#[derive(Args)]
pub struct Reasoned {
    #[command(flatten)]
    deed: Deed,
    /// Why; the rider reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    reach::with(common, async |reach| dispatch(arguments, reach).await)
}

async fn dispatch(arguments: Arguments, reach: &Reach) -> anyhow::Result<ExitCode> {
    let because = |reason| Decide { note: Some(reason), ..Decide::default() };
    let (deed, word, body) = match arguments {
        Arguments::List(list) => {
            let rows: Vec<Refund> = reach.get(&format!("/refunds?all={}", list.all)).await?;
            return list.format.show(&rows, || table(&rows));
        }
        Arguments::Show(named) => {
            let row: Refund = reach.get(&format!("/refunds/{}", escaped(&named.name))).await?;
            return named.format.show(&row, || described(&row));
        }
        Arguments::Approve(deed) => (deed, "approve", Decide::default()),
        Arguments::Process(ProcessArguments { deed, mobile }) => {
            (deed, "process", Decide { mobile, ..Decide::default() })
        }
        Arguments::Reject(Reasoned { deed, reason }) => (deed, "reject", because(reason)),
        Arguments::Bounced(Reasoned { deed, reason }) => (deed, "bounced", because(reason)),
        Arguments::Arrived(ArrivedArguments { deed, number }) => {
            (deed, "arrived", Decide { number: Some(number), ..Decide::default() })
        }
    };
    let Deed { refund: named, keyed } = deed;
    let body = Decide { key: keyed.key, ..body };
    let path = format!("/refunds/{}/{word}", escaped(&named.name));
    let row: Refund = reach.post(&path, &body).await?;
    named.format.show(&row, || described(&row))
}

fn what(row: &Refund) -> String {
    match row.purpose {
        Purpose::Rental(id) => format!("rental {id}"),
        Purpose::TopUp(id) => format!("top-up {id}"),
    }
}

fn table(rows: &[Refund]) -> String {
    let now = moment::now();
    let heads = ["reference", "rider", "asked", "of", "amount", "status"];
    let mut table = Table::new(heads).numbers(["amount"]);
    for row in rows {
        table.row([
            row.reference.clone(),
            row.rider.to_string(),
            moment::distance(row.requested_at, now),
            what(row),
            row.amount.to_string(),
            row.status.as_str().to_owned(),
        ]);
    }
    table.to_string()
}

fn described(row: &Refund) -> String {
    let now = moment::now();
    let persons = if row.two_persons { "two" } else { "one" };
    pairs([
        ("refund", format!("{} ({})", row.reference, row.id)),
        ("status", row.status.as_str().to_owned()),
        ("rider", row.rider.to_string()),
        ("of", what(row)),
        ("amount", format!("{} NPR", row.amount)),
        ("reason", row.reason.clone()),
        ("persons", persons.to_owned()),
        ("asked", moment::with_distance(row.requested_at, now)),
        ("approved", cell(row.approved_at.map(moment::stamp))),
        ("by", cell(row.approved_by.as_ref())),
        ("ended", cell(row.ended_at.map(moment::stamp))),
        ("by", cell(row.ended_by.as_ref())),
        ("tries at the gateway", row.tries.to_string()),
        ("number there", cell(row.gateway_number.as_ref())),
        ("mobile there", cell(row.mobile.as_ref())),
        ("note", cell(row.note.as_ref())),
    ])
}

//! `chargeghar withdrawal`: money that riders want out of their wallets.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::withdrawal::Payee;

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, Keyed, Listing, moment};
use crate::admin::Advance;
use crate::store::withdrawals::Withdrawal;

#[derive(Subcommand)]
pub enum Arguments {
    /// List those that wait for somebody, the oldest first
    List(Listing),
    /// Show one with the account it goes to
    Show(Named),
    /// Say that it may be paid out
    Approve(Deed),
    /// Say that it is paid out
    Complete(CompleteArguments),
    /// Refuse it: all of it goes back to the wallet
    Reject(RejectArguments),
}

#[derive(Args)]
pub struct Named {
    /// Id, or the reference that riders read out
    #[arg(value_name = "WITHDRAWAL")]
    name: String,
    #[command(flatten)]
    format: Format,
}

/// One that changes.
#[derive(Args)]
pub struct Deed {
    #[command(flatten)]
    withdrawal: Named,
    #[command(flatten)]
    keyed: Keyed,
}

#[derive(Args)]
pub struct CompleteArguments {
    #[command(flatten)]
    deed: Deed,
    /// By which number the bank or the gateway knows the payment
    #[arg(long, value_name = "NUMBER")]
    reference: String,
}

#[derive(Args)]
pub struct RejectArguments {
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
    let (deed, step, body) = match arguments {
        Arguments::List(list) => {
            let rows: Vec<Withdrawal> =
                reach.get(&format!("/withdrawals?all={}", list.all)).await?;
            return list.format.show(&rows, || table(&rows));
        }
        Arguments::Show(named) => {
            let path = format!("/withdrawals/{}", escaped(&named.name));
            let row: Withdrawal = reach.get(&path).await?;
            return named.format.show(&row, || described(&row));
        }
        Arguments::Approve(deed) => (deed, "approve", Advance::default()),
        Arguments::Complete(CompleteArguments { deed, reference }) => {
            let body = Advance { payout_reference: Some(reference), ..Advance::default() };
            (deed, "complete", body)
        }
        Arguments::Reject(RejectArguments { deed, reason }) => {
            (deed, "reject", Advance { note: Some(reason), ..Advance::default() })
        }
    };
    let Deed { withdrawal: named, keyed } = deed;
    let body = Advance { key: keyed.key, ..body };
    let path = format!("/withdrawals/{}/{step}", escaped(&named.name));
    let row: Withdrawal = reach.post(&path, &body).await?;
    named.format.show(&row, || described(&row))
}

fn table(rows: &[Withdrawal]) -> String {
    let now = moment::now();
    let heads = ["reference", "rider", "asked", "by", "amount", "fee", "paid out", "status"];
    let mut table = Table::new(heads).numbers(["amount", "fee", "paid out"]);
    for row in rows {
        table.row([
            row.reference.clone(),
            row.rider.to_string(),
            moment::distance(row.requested_at, now),
            row.method.as_str().to_owned(),
            row.amount.to_string(),
            row.fee.to_string(),
            row.net().to_string(),
            row.status.as_str().to_owned(),
        ]);
    }
    table.to_string()
}

fn described(row: &Withdrawal) -> String {
    let now = moment::now();
    let to = match &row.payee {
        Payee::Phone { phone_number } => phone_number.clone(),
        Payee::Account { bank_name, account_number, account_holder_name } => {
            format!("{bank_name}, {account_number}, {account_holder_name}")
        }
    };
    let persons = if row.two_persons { "two" } else { "one" };
    pairs([
        ("withdrawal", format!("{} ({})", row.reference, row.id)),
        ("status", row.status.as_str().to_owned()),
        ("rider", row.rider.to_string()),
        ("amount / fee / paid out", format!("{} / {} / {} NPR", row.amount, row.fee, row.net())),
        ("to", format!("{}: {to}", row.method.as_str())),
        ("persons", persons.to_owned()),
        ("asked", moment::with_distance(row.requested_at, now)),
        ("approved", cell(row.approved_at.map(moment::stamp))),
        ("approved by", cell(row.approved_by.as_ref())),
        ("ended", cell(row.ended_at.map(moment::stamp))),
        ("ended by", cell(row.ended_by.as_ref())),
        ("number of the payment", cell(row.payout_reference.as_ref())),
        ("note", cell(row.note.as_ref())),
    ])
}

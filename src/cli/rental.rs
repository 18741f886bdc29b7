//! `chargeghar rental`: everything about one rental, and how a person ends what no cabinet can.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, Keyed, moment};
use crate::admin::{Settle, Verdict, WriteOff};
use crate::store::views::Story;

#[derive(Subcommand)]
pub enum Arguments {
    /// Show a rental: events, money, incidents, frames
    Show(Named),
    /// Say how an eject, or a rental, ended
    Settle(SettleArguments),
    /// Say that nobody will pay what a rider owes for it
    WriteOff(WriteOffArguments),
}

#[derive(Args)]
pub struct Named {
    /// Id of the rental, or the code that riders read out
    #[arg(value_name = "RENTAL")]
    name: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct SettleArguments {
    #[command(flatten)]
    rental: Named,
    #[command(flatten)]
    verdict: VerdictArguments,
    /// When it was back, such as 2025-11-22T15:40:00Z; now if it is not said
    #[arg(long, requires = "returned", value_name = "TIME")]
    at: Option<DateTime<Utc>>,
    /// Why; others read it later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    keyed: Keyed,
}

#[derive(Args)]
pub struct WriteOffArguments {
    #[command(flatten)]
    rental: Named,
    /// Why; others read it later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    keyed: Keyed,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct VerdictArguments {
    /// The bank left the cabinet: billing begins at this moment
    #[arg(long)]
    out: bool,
    /// The bank stayed in: the rider gets the money back
    #[arg(long)]
    not_out: bool,
    /// The bank is back at this station
    #[arg(long, value_name = "STATION")]
    returned: Option<String>,
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let (story, format) = reach::with(common, async |reach| dispatch(arguments, reach).await)?;
    format.show(&story, || described(&story))
}

async fn dispatch(arguments: Arguments, reach: &Reach) -> anyhow::Result<(Story, Format)> {
    match arguments {
        Arguments::Show(named) => {
            let story = reach.get(&format!("/rentals/{}", escaped(&named.name))).await?;
            Ok((story, named.format))
        }
        Arguments::Settle(SettleArguments { rental, verdict, at, reason, keyed }) => {
            let verdict = match verdict.returned {
                Some(station) => Verdict::Returned { station, at },
                None if verdict.out => Verdict::Out,
                None => Verdict::NotOut,
            };
            let path = format!("/rentals/{}/settle", escaped(&rental.name));
            let body = Settle { verdict, reason, key: keyed.key };
            Ok((reach.post(&path, &body).await?, rental.format))
        }
        Arguments::WriteOff(WriteOffArguments { rental, reason, keyed }) => {
            let path = format!("/rentals/{}/write-off", escaped(&rental.name));
            let body = WriteOff { reason, key: keyed.key };
            Ok((reach.post(&path, &body).await?, rental.format))
        }
    }
}

/// The story of a rental with every step of its price.
pub fn described(story: &Story) -> String {
    let of = |name: &str| {
        let value = &story.state[name];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let head = pairs([
        ("rental", format!("{} ({})", story.code, story.id)),
        ("status", format!("{}, payment {}", story.status, story.payment_status)),
        ("rider", of("rider")),
        ("bank", of("bank")),
        ("from", story.station.to_string()),
        ("to", cell(story.return_station.as_ref())),
        ("package", story.state["package"]["name"].as_str().unwrap_or("-").to_owned()),
        ("held / paid / owed", format!("{} / {} / {} NPR", of("held"), of("paid"), of("owed"))),
    ]);
    let mut events = Table::new(["time", "event"]);
    for row in &story.events {
        events.row([moment::stamp(row.at), row.event["type"].as_str().unwrap_or("-").to_owned()]);
    }
    let mut money = Table::new(["time", "movement", "account", "amount"]).numbers(["amount"]);
    for transfer in &story.transfers {
        for (at, line) in transfer.lines.iter().enumerate() {
            let first = |text: String| if at == 0 { text } else { String::new() };
            money.row([
                first(moment::stamp(transfer.at)),
                first(transfer.kind.clone()),
                line.account.clone(),
                line.amount.to_string(),
            ]);
        }
    }
    let mut frames = Table::new(["time", "cabinet", "by", "kind", "bytes"]);
    for frame in &story.frames {
        let cells = [&frame.device_uuid, &frame.channel, &frame.kind, &frame.hex].map(Clone::clone);
        let [device, channel, kind, hex] = cells;
        frames.row([moment::stamp(frame.at), device, channel, kind, hex]);
    }
    format!("{head}\n{events}\n{money}\n{frames}")
}

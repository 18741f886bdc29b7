//! `chargeghar station`: cabinets, how they come into service, and what is asked of them.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand, ValueEnum};
use domain::ids::SlotKey;
use domain::slot::Standing;

use super::reach::{self, Reach, escaped};
use super::table::{Table, cell, pairs};
use super::{Common, Format, moment, print};
use crate::admin::{
    Ejected, Enrol, Maintain, PendingBody, Reconciling, Reported, SlotNumber, StationBody, Status,
};

mod change;

#[derive(Subcommand)]
pub enum Arguments {
    /// List the stations
    List(Plain),
    /// Show one station, slot by slot
    Show(Named),
    /// List cabinets that called without being enrolled
    Pending(Plain),
    /// Take a cabinet into service; prints the station as JSON
    Enrol(EnrolArguments),
    /// Ask a cabinet for a whole report
    Check(Named),
    /// Take the bank out of a slot, without a rental
    Eject(EjectArguments),
    /// Take a station, or one slot of it, out of service for a while, or back
    Maintenance(MaintenanceArguments),
    /// Say something else of a station: its name, its place
    Set(change::SetArguments),
    /// Give a cabinet another password; its session ends
    Rotate(Named),
    /// Take a station out of service for good
    Remove(change::RemoveArguments),
}

#[derive(Args)]
pub struct Plain {
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct Named {
    /// Serial, or the uuid that the cabinet calls itself
    #[arg(value_name = "STATION")]
    name: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct EnrolArguments {
    /// What the cabinet says on the wire: an IMEI of 15 digits or a MAC of 12 hex digits
    #[arg(long, alias = "imei", value_name = "UUID")]
    uuid: String,
    /// What is printed on it and sent by the app
    #[arg(long)]
    serial: String,
    /// What riders call the place
    #[arg(long)]
    name: String,
    /// Latitude in degrees, such as 27.7154
    #[arg(long, allow_negative_numbers = true)]
    lat: f64,
    /// Longitude in degrees, such as 85.3123
    #[arg(long, allow_negative_numbers = true)]
    lng: f64,
    /// How many slots it has; its first report says better
    #[arg(long)]
    slots: u16,
    /// Street and town
    #[arg(long, default_value = "")]
    address: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
pub struct EjectArguments {
    #[command(flatten)]
    station: Named,
    /// Number of the slot
    #[arg(long)]
    slot: u16,
    /// Serial port of the slot's board, 0 or 1
    #[arg(long, default_value_t = 0)]
    io: u8,
}

#[derive(Args)]
pub struct MaintenanceArguments {
    #[command(flatten)]
    station: Named,
    /// Whether it is under maintenance from now on
    #[arg(value_enum)]
    state: OnOff,
    /// Number of the one slot that is meant
    #[arg(long)]
    slot: Option<u16>,
    /// Serial port of the slot's board, 0 or 1
    #[arg(long, requires = "slot", default_value_t = 0)]
    io: u8,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnOff {
    On,
    Off,
}

impl OnOff {
    fn is_on(self) -> bool {
        matches!(self, OnOff::On)
    }
}

pub fn run(arguments: Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    reach::with(common, async |reach| dispatch(arguments, reach).await)
}

async fn dispatch(arguments: Arguments, reach: &Reach) -> anyhow::Result<ExitCode> {
    match arguments {
        Arguments::List(plain) => list(reach, plain.format).await,
        Arguments::Show(named) => show(reach, named).await,
        Arguments::Pending(plain) => pending(reach, plain.format).await,
        Arguments::Enrol(wanted) => enrol(reach, wanted).await,
        Arguments::Check(named) => check(reach, named).await,
        Arguments::Eject(wanted) => eject(reach, wanted).await,
        Arguments::Maintenance(wanted) => maintenance(reach, wanted).await,
        Arguments::Set(wanted) => change::set(reach, wanted).await,
        Arguments::Rotate(named) => change::rotate(reach, named).await,
        Arguments::Remove(wanted) => change::remove(reach, wanted).await,
    }
}

fn path(name: &str, verb: &str) -> String {
    format!("/stations/by/{}{verb}", escaped(name))
}

async fn list(reach: &Reach, format: Format) -> anyhow::Result<ExitCode> {
    let stations: Vec<StationBody> = reach.get("/stations").await?;
    let status: Status = reach.get("/status").await?;
    format.show(&stations, || {
        let mut table = Table::new(["serial", "name", "status", "banks", "free", "slots", "uuid"])
            .numbers(["banks", "free", "slots"]);
        for station in &stations {
            let stale = if station.stale == Some(true) { " (stale)" } else { "" };
            table.row([
                station.serial.to_string(),
                station.name.clone(),
                format!("{}{stale}", station.status),
                cell(station.banks),
                cell(station.free_slots),
                station.slots.to_string(),
                station.uuid.to_string(),
            ]);
        }
        let storm = status.reconciling.map(|storm| format!("\n{}", reconciling(storm)));
        format!("{table}{}", storm.unwrap_or_default())
    })
}

/// While cabinets that came back together are asked one after the other.
fn reconciling(storm: Reconciling) -> String {
    let Reconciling { seconds, total, reconciled, waiting_with_command, .. } = storm;
    let (returns, others) = (storm.waiting_with_return, storm.waiting_others);
    format!(
        "{reconciled} of {total} cabinets that came back are reconciled, after {seconds} s; \
         waiting: {waiting_with_command} with commands, {returns} with returns, {others} others"
    )
}

async fn show(reach: &Reach, named: Named) -> anyhow::Result<ExitCode> {
    let station: StationBody = reach.get(&path(&named.name, "")).await?;
    named.format.show(&station, || described(&station))
}

fn described(station: &StationBody) -> String {
    let now = moment::now();
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let ago = |at: Option<_>| at.map_or("never".to_owned(), |at| moment::with_distance(at, now));
    let head = pairs([
        ("serial", station.serial.to_string()),
        ("name", station.name.clone()),
        ("uuid", station.uuid.to_string()),
        ("id", station.id.to_string()),
        ("place", format!("{:.5}, {:.5}  {}", station.lat, station.lng, station.address)),
        ("status", station.status.clone()),
        ("reachable", station.reachable.map_or("-".to_owned(), yes)),
        ("maintenance", yes(station.maintenance)),
        ("last heard", ago(station.heard_at)),
        ("whole report", ago(station.whole_at)),
        ("ejecting", cell(station.ejecting.as_ref())),
    ]);
    let mut table = Table::new(["slot", "state", "bank", "level", "rentable"]).numbers(["level"]);
    for slot in &station.content {
        // cabinets say 0 of a slot without a bank
        let level = slot.level.filter(|_| slot.state != Standing::Empty);
        table.row([
            SlotKey::new(slot.io, slot.slot).to_string(),
            format!("{:?}", slot.state).to_lowercase(),
            cell(slot.bank.as_ref()),
            level.map_or("-".to_owned(), |level| format!("{level} %")),
            if slot.rentable { "yes" } else { "" }.to_owned(),
        ]);
    }
    format!("{head}\n{table}")
}

async fn pending(reach: &Reach, format: Format) -> anyhow::Result<ExitCode> {
    let callers: Vec<PendingBody> = reach.get("/stations/pending").await?;
    let now = moment::now();
    format.show(&callers, || {
        let mut table =
            Table::new(["uuid", "calls", "last call", "first call", "address", "hardware"])
                .numbers(["calls"]);
        for caller in &callers {
            table.row([
                caller.uuid.to_string(),
                caller.attempts.to_string(),
                moment::distance(caller.last_seen_at, now),
                moment::stamp(caller.first_seen_at),
                cell(caller.address.as_ref()),
                cell(caller.hardware.as_ref()),
            ]);
        }
        table.to_string()
    })
}

async fn enrol(reach: &Reach, wanted: EnrolArguments) -> anyhow::Result<ExitCode> {
    let EnrolArguments { uuid, serial, name, lat, lng, slots, address, format: _ } = wanted;
    let body = Enrol { uuid, serial, name, lat, lng, slots, address };
    let station: StationBody = reach.post("/stations", &body).await?;
    print::json(&station)?;
    Ok(ExitCode::SUCCESS)
}

async fn check(reach: &Reach, named: Named) -> anyhow::Result<ExitCode> {
    let answer: Reported = reach.post(&path(&named.name, "/check"), &()).await?;
    let name = &named.name;
    if answer.reported || named.format.json {
        named.format.show(&answer, || format!("{name} has reported"))?;
    }
    ensure!(answer.reported, "{name} did not report in time; see station show {name}");
    Ok(ExitCode::SUCCESS)
}

async fn eject(reach: &Reach, wanted: EjectArguments) -> anyhow::Result<ExitCode> {
    let EjectArguments { station, slot, io } = wanted;
    let answer: Ejected =
        reach.post(&path(&station.name, "/eject"), &SlotNumber { io, slot }).await?;
    station.format.show(&answer, || {
        format!(
            "bank {} was sent for; station show {} says whether it left",
            answer.bank, station.name
        )
    })
}

async fn maintenance(reach: &Reach, wanted: MaintenanceArguments) -> anyhow::Result<ExitCode> {
    let MaintenanceArguments { station, state, slot, io } = wanted;
    let body = Maintain { on: state.is_on(), slot: slot.map(|slot| SlotNumber { io, slot }) };
    let answer: StationBody = reach.post(&path(&station.name, "/maintenance"), &body).await?;
    station.format.show(&answer, || {
        if let Some(number) = body.slot {
            let how = if body.on { "under maintenance: not offered" } else { "in service again" };
            format!("slot {} of {} is {how}", SlotKey::from(number), answer.serial)
        } else if body.on {
            format!("{} is under maintenance: nothing is rented there", answer.serial)
        } else {
            format!("{} is in service again", answer.serial)
        }
    })
}

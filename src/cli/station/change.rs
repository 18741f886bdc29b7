//! Changes to a station in service: what is said of it, its password, its end.

use std::process::ExitCode;

use clap::Args;

use super::{Named, OnOff, path};
use crate::admin::{Remove, Removed, Rotated, Set, StationBody};
use crate::cli::reach::Reach;

#[derive(Args)]
pub struct SetArguments {
    #[command(flatten)]
    station: Named,
    /// What riders call the place
    #[arg(long = "name", value_name = "NAME")]
    called: Option<String>,
    /// Latitude in degrees, such as 27.7154
    #[arg(long, allow_negative_numbers = true, requires = "lng")]
    lat: Option<f64>,
    /// Longitude in degrees, such as 85.3123
    #[arg(long, allow_negative_numbers = true, requires = "lat")]
    lng: Option<f64>,
    /// Street and town
    #[arg(long)]
    address: Option<String>,
    /// Whether its frames are read although their checksum is wrong
    #[arg(long, value_enum)]
    lenient: Option<OnOff>,
    /// Whether its HTTP calls are refused when their signature is wrong
    #[arg(long, value_enum)]
    strict_sign: Option<OnOff>,
    /// Area code that the cabinet is told when it connects next
    #[arg(long, value_name = "CODE")]
    area_code: Option<u16>,
}

#[derive(Args)]
pub struct RemoveArguments {
    #[command(flatten)]
    station: Named,
    /// Although banks are in it or a rental that began there is open
    #[arg(long)]
    force: bool,
}

pub async fn set(reach: &Reach, wanted: SetArguments) -> anyhow::Result<ExitCode> {
    let Named { name, format } = wanted.station;
    let body = Set {
        name: wanted.called,
        lat: wanted.lat,
        lng: wanted.lng,
        address: wanted.address,
        lenient: wanted.lenient.map(OnOff::is_on),
        strict_sign: wanted.strict_sign.map(OnOff::is_on),
        area_code: wanted.area_code,
    };
    let answer: StationBody = reach.post(&path(&name, "/set"), &body).await?;
    format.show(&answer, || format!("{} is {}", answer.serial, answer.name))
}

pub async fn rotate(reach: &Reach, named: Named) -> anyhow::Result<ExitCode> {
    let answer: Rotated = reach.post(&path(&named.name, "/rotate"), &()).await?;
    named
        .format
        .show(&answer, || format!("{} gets another password when it connects again", answer.serial))
}

pub async fn remove(reach: &Reach, wanted: RemoveArguments) -> anyhow::Result<ExitCode> {
    let RemoveArguments { station: Named { name, format }, force } = wanted;
    let answer: Removed = reach.post(&path(&name, "/remove"), &Remove { force }).await?;
    format.show(&answer, || {
        let missing = match answer.banks.len() {
            0 => String::new(),
            count => format!("; {count} banks are missing now, see bank list --custody missing"),
        };
        format!("{} is out of service{missing}", answer.serial)
    })
}

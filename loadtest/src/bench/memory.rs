//! What one more station costs: the resident memory of a service with twice as many, less that
//! of one with as many. The limit is nine empty actors, which a station of 8 slots is made of.

use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use super::limits::Helper;
use super::{Bench, Network};
use crate::process::resident;
use crate::progress::bar;
use crate::report::Section;
use crate::service::Plan;

const STATIONS: u32 = 5_000;
const ACTORS: u32 = 9;
/// Between two looks; memory that is the same twice has settled.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS_MAX: usize = 20;

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let network = |stations| Network { stations, banks: 5, riders: 0, out: 0 };
    let once = bench.network("memory-1", network(STATIONS)).await?;
    let twice = bench.network("memory-2", network(2 * STATIONS)).await?;
    let (mut ours, mut theirs, mut bases) = (Vec::new(), Vec::new(), Vec::new());
    let bar = bar("memory", bench.rounds as usize * 3);
    for _ in 0..bench.rounds {
        let small = settled(&once).await?;
        bar.inc(1);
        let large = settled(&twice).await?;
        bar.inc(1);
        let each = (large - small) / f64::from(STATIONS);
        ours.push(each / 1024.0);
        bases.push((small - each * f64::from(STATIONS)) / (1024.0 * 1024.0));
        let count = (STATIONS * ACTORS).to_string();
        let limit = Helper::limit(&["actors", &count]).await?;
        let bytes = limit.ready["bytes"].as_u64().context("no size")? as f64;
        theirs.push(bytes / f64::from(STATIONS) / 1024.0);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut section = Section::new("memory", "Memory");
    section.row("a station of 8 slots", "kB", ours, theirs);
    section.row("the service without stations, by the same line", "MB", bases, []);
    section.note(format!(
        "Resident memory of the service with {} stations less that with {STATIONS}, 5 banks in \
         each, no cabinet connected; without its database.",
        2 * STATIONS
    ));
    section.note("Limit: nine actors of ractor without state.");
    Ok(section)
}

async fn settled(plan: &Plan) -> anyhow::Result<f64> {
    let service = plan.start().await?;
    let mut last = 0;
    for _ in 0..LOOKS_MAX {
        sleep(LOOK).await;
        let now = resident(service.pid())?;
        if now.abs_diff(last) < 64 * 1024 {
            break;
        }
        last = now;
    }
    let bytes = resident(service.pid())? as f64;
    service.stop().await?;
    Ok(bytes)
}

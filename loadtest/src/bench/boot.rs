//! How soon the service serves: from the start of its process to the first 200 of `/readyz`,
//! with its database; and from `kill -9` to the same.

use std::time::Instant;

use super::{Bench, Network};
use crate::progress::bar;
use crate::report::Section;

const SIZES: [u32; 3] = [0, 1_000, 10_000];

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new("boot", "Start");
    let mut plans = Vec::new();
    for stations in SIZES {
        let network = Network { stations, banks: 5, riders: 0 };
        plans.push(bench.network(&format!("boot-{stations}"), network).await?);
    }
    let [mut boots, mut crashes, mut cpus]: [[Vec<f64>; 3]; 3] = Default::default();
    let mut firsts = Vec::new();
    let bar = bar("boot", bench.rounds as usize * (2 * SIZES.len() + 1));
    for round in 0..bench.rounds {
        let fresh = bench.plan(&format!("boot-first-{round}")).await?;
        let first = fresh.start().await?;
        firsts.push(first.ready_after.as_secs_f64());
        first.stop().await?;
        std::fs::remove_dir_all(fresh.folder)?;
        bar.inc(1);
        for (at, plan) in plans.iter().enumerate() {
            let service = plan.start().await?;
            boots[at].push(service.ready_after.as_secs_f64());
            let spent = service.spent()?;
            cpus[at].push((spent.service + spent.database).as_secs_f64());
            bar.inc(1);
            let died = Instant::now();
            service.kill().await?;
            let again = plan.start().await?;
            crashes[at].push(died.elapsed().as_secs_f64());
            again.stop().await?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    section.row("first start: a new database", "s", firsts, []);
    for (stations, boots) in SIZES.iter().zip(boots) {
        section.row(format!("start with {stations} stations"), "s", boots, []);
    }
    for (stations, cpus) in SIZES.iter().zip(cpus) {
        let what = format!("start with {stations} stations: service and database");
        section.row(what, "CPU s", cpus, []);
    }
    for (stations, crashes) in SIZES.iter().zip(crashes) {
        section.row(format!("kill -9 to serving, {stations} stations"), "s", crashes, []);
    }
    section.note(
        "From the start of the process to the first 200 of `/readyz`, the start of the embedded \
         Postgres in it; 8 slots and 5 banks a station. After `kill -9` the database recovers and \
         the lease of the dead node has to expire (`[node] lease_expiry_ms`, 5 s).",
    );
    Ok(section)
}

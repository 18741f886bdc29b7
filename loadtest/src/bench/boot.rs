//! How soon the service serves: from the start of its process to the first 200 of `/readyz`,
//! with its database; and from `kill -9` to the same.

use std::time::Instant;

use anyhow::ensure;

use super::{Bench, Edges, Network};
use crate::progress::bar;
use crate::report::Section;

/// Stations, and rentals that are out.
const SIZES: [(u32, u32); 4] = [(0, 0), (1_000, 0), (10_000, 0), (10_000, 50_000)];

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new("boot", "Start");
    let mut plans = Vec::new();
    for (stations, out) in SIZES {
        let network = Network { stations, banks: 5, riders: out, out };
        plans.push(bench.network(&format!("boot-{stations}-{out}"), network).await?);
    }
    let [mut boots, mut crashes, mut cpus]: [[Vec<f64>; SIZES.len()]; 3] = Default::default();
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
            let open = service.figures().await?.sum("chargeghar_rental_open_count", "ACTIVE");
            ensure!((open - f64::from(SIZES[at].1)).abs() < 0.5, "{open} rentals are open");
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
    for (size, boots) in SIZES.map(name).iter().zip(boots) {
        section.row(format!("start with {size}"), "s", boots, []);
    }
    for (size, cpus) in SIZES.map(name).iter().zip(cpus) {
        let what = format!("start with {size}: service and database");
        section.row(what, "CPU s", cpus, []);
    }
    for (size, crashes) in SIZES.map(name).iter().zip(crashes) {
        section.row(format!("kill -9 to serving, {size}"), "s", crashes, []);
    }
    section.note(format!(
        "From the start of the process to the first 200 of `/readyz`, {}; 8 slots and 5 banks a \
         station; each open rental is of a rider and with a bank of its own, and is put in as \
         rows. After `kill -9` the lease of the dead node has to expire (`[node] \
         lease_expiry_ms`, 5 s).",
        database(bench.edges),
    ));
    Ok(section)
}

/// What becomes of the database meanwhile.
fn database(edges: Edges) -> &'static str {
    match edges {
        Edges::Embedded => {
            "the start of the embedded Postgres in it, which recovers first after `kill -9`"
        }
        Edges::Debian => "beside a Postgres that runs before and goes on after `kill -9`",
    }
}

fn name((stations, out): (u32, u32)) -> String {
    let rentals = if out > 0 { format!(" and {out} open rentals") } else { String::new() };
    format!("{stations} stations{rentals}")
}

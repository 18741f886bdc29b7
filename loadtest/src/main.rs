//! The load harness: starts the service as a child process and measures it from outside, as
//! riders, cabinets and the machine see it. A client of the service, never a part of it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "measurements, not money")]
mod bench;
mod cable;
mod edges;
#[expect(clippy::float_arithmetic, reason = "places, not money")]
mod fixture;
mod fleet;
#[expect(clippy::float_arithmetic, reason = "shares, not money")]
mod latency;
#[expect(clippy::float_arithmetic, reason = "measurements, not money")]
mod load;
mod machine;
#[expect(clippy::float_arithmetic, reason = "rates, not money")]
mod plan;
mod pool;
mod process;
mod progress;
#[expect(clippy::float_arithmetic, reason = "measurements, not money")]
mod report;
mod scratch;
#[expect(clippy::float_arithmetic, reason = "figures, not money")]
mod service;
mod wire;
mod witness;

#[derive(Parser)]
#[command(name = "chargeghar-loadtest", about = "Measures chargeghar from outside")]
struct Arguments {
    /// The service's program
    #[arg(long, default_value = "target/release/chargeghar")]
    service: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure one part of the service, or all
    Bench(bench::Arguments),
    /// Run a load scenario against a service of its own
    #[command(alias = "run")]
    Load(load::Arguments),
    /// Break the service and its parts again and again under load
    Chaos(load::chaos::Arguments),
    #[command(hide = true, subcommand)]
    Limit(bench::limits::Limit),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let service = std::path::absolute(&arguments.service)?;
        match arguments.command {
            Command::Bench(bench) => Box::pin(bench::run(service, bench)).await,
            Command::Load(load) => Box::pin(load::run(&service, load)).await,
            Command::Chaos(chaos) => load::chaos::run(&service, chaos).await,
            Command::Limit(limit) => bench::limits::run(limit).await,
        }
    })
}

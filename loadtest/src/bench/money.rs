//! Money: how fast a ledger is sealed and proved, and how many top-ups are settled a second. The
//! limits are the same Postgres: it streams what a proof reads to a client that drops it, and
//! writes the rows of a settlement with nothing of ours around it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::{Bench, micros_each, until};
use crate::fixture::{Tokens, ledger, stations};
use crate::pool::Pool;
use crate::process::{Spent, spent_alone};
use crate::progress::bar;
use crate::report::Section;
use crate::service::{Plan, Service};
use crate::wire::post;

mod dues;
mod settled;

const RIDERS: u32 = 5_000;
/// Of `ledger::PORTION` movements.
const PORTIONS: u32 = 300;
const TRANSFERS: u32 = PORTIONS * ledger::PORTION;
/// Requests under way at once, and connections of the limits.
const AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest time to give all of them their places.
const SEALED_MAX: Duration = Duration::from_mins(5);

/// What a proof reads in any case: every movement with its place, and every entry, by id.
const READ: [&str; 2] = [
    "select t.id, t.kind, t.at, t.rental_id, t.intent_id, t.withdrawal_id, t.reverses, c.position,
         c.hash
     from ledger_transfers t left join ledger_chain c on c.transfer_id = t.id
     order by t.id",
    "select transfer_id, account, amount::text from ledger_entries order by transfer_id, line",
];

/// One measurement.
struct Run {
    per_s: f64,
    service_us: f64,
    database_us: f64,
    client_us: f64,
}

impl Run {
    fn of(count: u64, took: Duration, spent: Spent, client: Duration) -> Run {
        Run {
            per_s: count as f64 / took.as_secs_f64(),
            service_us: micros_each(spent.service, count),
            database_us: micros_each(spent.database, count),
            client_us: micros_each(client, count),
        }
    }
}

pub async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new("money", "Money");
    let plan = bench.plan("money").await?;
    let plan = plan.with("LIMITS__REQUESTS_PER_MINUTE", 1_000_000_000);
    let plan = plan.with("LIMITS__ANONYMOUS_PER_MINUTE", 1_000_000_000);
    filled(&plan).await?;
    let service = plan.start().await?;
    let mut db = plan.books().await?;
    let sealed = sealed(&service, &mut db).await?;
    section.row("sealed", "transfers/s", [sealed.per_s], []);
    section.row("sealed: service", "CPU µs/transfer", [sealed.service_us], []);
    section.row("sealed: database", "CPU µs/transfer", [sealed.database_us], []);
    let mut other = plan.books().await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let shown = bar("money: ledger verify", 2 * bench.rounds as usize);
    for _ in 0..bench.rounds {
        theirs.push(streamed(&service, [&mut db, &mut other]).await?);
        shown.inc(1);
        ours.push(verified(&plan, &service).await?);
        shown.inc(1);
    }
    shown.finish_and_clear();
    rows(&mut section, "ledger verify", "transfer", &ours, &theirs);
    let (signing, pool) = (Tokens::of(&plan.folder)?, Pool::new(service.http, PATIENCE));
    let mut bare = Vec::new();
    for _ in 0..AT_ONCE {
        bare.push(plan.books().await?);
    }
    let at = (&pool, &service);
    let (ours, theirs) = settled::measure(bench, at, &signing, &mut db, &mut bare).await?;
    rows(&mut section, "top-ups settled", "settlement", &ours, &theirs);
    let (ours, theirs) = dues::measure(bench, at, &signing, &mut db, &mut bare).await?;
    rows(&mut section, "rentals' dues paid", "payment", &ours, &theirs);
    // what was settled adds up as well
    verified(&plan, &service).await?;
    service.stop().await?;
    section.note(format!(
        "`chargeghar ledger verify` over {TRANSFERS} sealed transfers of two entries and {RIDERS} \
         riders, half of them top-ups with their payments, half points that were earned; the \
         running node proves its whole ledger, banks and rentals included (there are none). They \
         are put in as rows, {} in a transaction; the service's own sealer gives them their \
         places, which is measured once.",
        ledger::PORTION
    ));
    section.note(
        "Limit of verify: Postgres streams the transfers with their places and the entries, both \
         by id, over two connections at once to a client that drops them: what a proof has to \
         read, without a question asked of it.",
    );
    section.note(settled::NOTE);
    section.note(dues::NOTE);
    Ok(section)
}

fn rows(section: &mut Section, what: &str, of: &str, ours: &[Run], theirs: &[Run]) {
    let (per_s, cpu) = match of {
        "transfer" => ("transfers/s", "CPU µs/transfer"),
        "settlement" => ("settlements/s", "CPU µs/settlement"),
        _ => ("payments/s", "CPU µs/payment"),
    };
    let mut row = |label: &str, unit, of: fn(&Run) -> f64| {
        let label = format!("{what}{label}");
        section.row(label, unit, ours.iter().map(of), theirs.iter().map(of));
    };
    row("", per_s, |run| run.per_s);
    row(": service", cpu, |run| run.service_us);
    row(": database", cpu, |run| run.database_us);
    // a client that only waits for its answer is not measured
    if ours.iter().any(|run| run.client_us > 0.0) {
        row(": client", cpu, |run| run.client_us);
    }
}

/// A data folder with a ledger in it.
async fn filled(plan: &Plan) -> anyhow::Result<()> {
    let service = plan.start().await?;
    let mut db = plan.books().await?;
    let shown = bar("money: a ledger", PORTIONS as usize);
    stations(&mut db, 1).await?;
    ledger::ledger(&mut db, RIDERS, PORTIONS, || shown.inc(1)).await?;
    shown.finish_and_clear();
    service.stop().await
}

/// Waits until all have their places.
async fn sealed(service: &Service, db: &mut PgConnection) -> anyhow::Result<Run> {
    const PLACES: &str = "select coalesce(max(position), 0) from ledger_chain";

    let first: i64 = sqlx::query_scalar(PLACES).fetch_one(&mut *db).await?;
    let (begun, before) = (Instant::now(), service.spent()?);
    let client = spent_alone(std::process::id())?;
    let all = until(SEALED_MAX, async || {
        let last: i64 = sqlx::query_scalar(PLACES).fetch_one(&mut *db).await?;
        Ok::<_, sqlx::Error>(last >= i64::from(TRANSFERS))
    });
    ensure!(all.await?, "not all transfers have their places after {SEALED_MAX:?}");
    let (took, spent) = (begun.elapsed(), service.spent()? - before);
    let client = spent_alone(std::process::id())?.saturating_sub(client);
    sqlx::query("vacuum analyze").execute(db).await?;
    let count = u64::from(TRANSFERS).saturating_sub(first.unsigned_abs());
    Ok(Run::of(count, took, spent, client))
}

/// As an operator asks the node that runs.
async fn verified(plan: &Plan, service: &Service) -> anyhow::Result<Run> {
    let before = service.spent()?;
    let (sound, said) = plan.ask(&["ledger", "verify"]).await?;
    let spent = service.spent()? - before;
    let report = &said["report"];
    ensure!(sound, "the ledger does not add up: {}", report["counts"]);
    let count = report["transfers"].as_u64().context("no count of transfers")?;
    let took = report["took_ms"].as_u64().context("no duration")?;
    Ok(Run::of(count, Duration::from_millis(took), spent, Duration::ZERO))
}

/// What the database needs to send it all.
async fn streamed(service: &Service, both: [&mut PgConnection; 2]) -> anyhow::Result<Run> {
    let before = service.spent()?;
    let client = spent_alone(std::process::id())?;
    let begun = Instant::now();
    let streams = both.into_iter().zip(READ).map(|(db, query)| async move {
        let copy = format!("copy ({query}) to stdout (format binary)");
        let chunks = db.copy_out_raw(&copy).await?;
        chunks.map_ok(|chunk| chunk.len()).try_fold(0, async |sum, size| Ok(sum + size)).await
    });
    let sizes: Vec<usize> = futures::future::try_join_all(streams).await?;
    ensure!(sizes.iter().all(|size| *size > 0), "nothing was read");
    let (took, spent) = (begun.elapsed(), service.spent()? - before);
    let client = spent_alone(std::process::id())?.saturating_sub(client);
    Ok(Run::of(u64::from(TRANSFERS), took, spent, client))
}

async fn asked(pool: &Pool, path: &str, token: &str, body: &Value) -> anyhow::Result<Value> {
    let request = post(pool.address(), path, Some(token), &body.to_string(), &[]);
    let answer = pool.ask(&request).await?;
    let said = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status < 300, "{path}: {} {said}", answer.status);
    Ok(serde_json::from_slice(&answer.body)?)
}

fn spent(service: &Service) -> anyhow::Result<(Spent, Duration)> {
    Ok((service.spent()?, spent_alone(std::process::id())?))
}

fn run(
    service: &Service,
    count: u64,
    begun: Instant,
    (before, client): (Spent, Duration),
) -> anyhow::Result<Run> {
    let took = begun.elapsed();
    let (now, client_now) = spent(service)?;
    Ok(Run::of(count, took, now - before, client_now.saturating_sub(client)))
}

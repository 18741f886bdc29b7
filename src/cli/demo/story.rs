//! What happens in the demo: a rider logs in, tops up, takes a bank and returns it elsewhere;
//! and what must hold afterwards.

use std::time::Duration;

use anyhow::{Context, bail};
use cabinet::Cabinet;
use domain::ids::Sn;
use serde_json::Value;
use tokio::sync::mpsc;

use super::places::PLACES;
use super::rider::{Rider, Taken};
use super::serial;
use super::timeline::{Timeline, Who};
use crate::cli::reach::Reach;
use crate::cli::serve::Running;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::store::verify::Report;
use crate::store::views::Books;

/// How long anything may take that is under way.
const SOON: Duration = Duration::from_secs(20);
/// Between two looks at something.
const LOOK: Duration = Duration::from_millis(50);
/// Where the bank is returned: another place than where it was taken.
const BACK_AT: usize = 7;

pub async fn tell(
    timeline: &mut Timeline,
    running: &Running,
    reach: &Reach,
    cabinets: &[Cabinet],
    heard: mpsc::Receiver<String>,
) -> anyhow::Result<()> {
    let known: u16 = PLACES.iter().map(|place| place.banks).sum();
    let mut rider = Rider::new(&running.http, phone())?;
    until("every bank can be rented", async || {
        let stations = rider.stations().await?;
        let banks = stations.iter().filter_map(|s| s["available_power_banks"].as_u64());
        Ok((banks.sum::<u64>() == u64::from(known)).then_some(()))
    })
    .await?;

    timeline.chapter("A rider");
    log_in(timeline, &mut rider, heard).await?;
    let balance = rider.top_up(500).await?;
    timeline.step(Who::Rider, format!("topped up: the wallet has NPR {balance}"));
    timeline.check(balance == "500.00", "the top-up is in the wallet, once", &balance);

    timeline.chapter("A rental");
    let taken = take(timeline, &rider).await?;
    let bank = Sn::from(taken.bank.as_str());
    cabinets[0].wait_ejected(&bank, SOON).await?;
    let in_hand = cabinets[0].take(&bank).context("the cabinet holds the bank back")?;
    let held = rider.balance().await?;
    timeline.check(taken.status == "ACTIVE", "the rental is active", &taken.status);
    timeline.check(held == "450.00", "an hour costs NPR 50.00", &held);
    let again = rider.rent(&serial(0), &package(&rider).await?["id"], "demo-1").await?;
    let same = again.id == taken.id && again.replayed;
    timeline.check(same, "the same key again is the same rental", &again.code);

    let place = PLACES[BACK_AT];
    cabinets[BACK_AT].insert(in_hand, None)?;
    timeline.step(Who::Cabinet, format!("bank {bank} is put in at {}", place.name));
    let rental = returned(timeline, &rider, &taken).await?;
    bill(timeline, &rental);

    timeline.chapter("What must hold");
    hold(timeline, &rider, reach, &bank).await
}

async fn log_in(
    timeline: &mut Timeline,
    rider: &mut Rider,
    mut heard: mpsc::Receiver<String>,
) -> anyhow::Result<()> {
    rider.ask_code().await?;
    let code = loop {
        let line = tokio::time::timeout(SOON, heard.recv()).await?.context("no code came")?;
        let line: Value = serde_json::from_str(&line)?;
        if line["event"] == "otp.sent" {
            break line["code"].as_str().context("the line has no code")?.to_owned();
        }
    };
    rider.log_in(&code, &format!("demo-{}", rider.phone)).await?;
    timeline.step(Who::Rider, format!("logged in as {} with the code that came", rider.phone));
    Ok(())
}

async fn take(timeline: &mut Timeline, rider: &Rider) -> anyhow::Result<Taken> {
    let place = PLACES[0];
    let near = rider.nearby(place.lat, place.lng, 3).await?;
    timeline.step(Who::Rider, format!("sees {} cabinets within 3 km", near.len()));
    let package = package(rider).await?;
    let taken = rider.rent(&serial(0), &package["id"], "demo-1").await?;
    let (code, bank) = (&taken.code, &taken.bank);
    timeline.step(
        Who::Rider,
        format!("scans {} at {}: rental {code}, bank {bank} is out", serial(0), place.name),
    );
    Ok(taken)
}

async fn package(rider: &Rider) -> anyhow::Result<Value> {
    rider.packages().await?.into_iter().next().context("there is no package")
}

async fn returned(timeline: &mut Timeline, rider: &Rider, taken: &Taken) -> anyhow::Result<Value> {
    let rental = until("the rental is completed", async || {
        let rental = rider.rental(&taken.id).await?;
        Ok((rental["status"] == "COMPLETED").then_some(rental))
    })
    .await?;
    let at = rental["return_station_name"].as_str().unwrap_or("nowhere").to_owned();
    timeline.step_with(
        Who::Service,
        format!("closed the rental: returned at {at}"),
        rental.clone(),
    );
    timeline.check(at == PLACES[BACK_AT].name, "it ended where the bank is", &at);
    Ok(rental)
}

/// Every step of the price.
fn bill(timeline: &Timeline, rental: &Value) {
    let steps = rental["price_steps"].as_array().cloned().unwrap_or_default();
    for step in steps {
        let label = step["label"].as_str().unwrap_or_default();
        let amount = step["amount"].as_str().unwrap_or_default();
        timeline.detail(&format!("{label:<44} NPR {amount:>8}"));
    }
    timeline.document("demo.rental", rental);
}

async fn hold(
    timeline: &mut Timeline,
    rider: &Rider,
    reach: &Reach,
    bank: &Sn,
) -> anyhow::Result<()> {
    let balance = rider.balance().await?;
    timeline.check(balance == "450.00", "one hour was paid, and nothing more", &balance);
    let open = rider.active().await?;
    timeline.check(
        open.is_none(),
        "no rental is open",
        if open.is_none() { "none" } else { "one" },
    );
    let books: Books = reach.get("/books").await?;
    let Report { transfers, imbalance, .. } = &books.report;
    let seen = format!("{transfers} transfers, {imbalance} not where it should be");
    timeline.check(
        books.is_sound(),
        "every transfer balances, every balance is its entries",
        &seen,
    );
    for (number, change) in [(0, -1), (BACK_AT, 1)] {
        let expected = i64::from(PLACES[number].banks) + change;
        let name = PLACES[number].name;
        let seen = until("the cabinet's banks", async || {
            let station = rider.station(&serial(number)).await?;
            let banks = station["available_power_banks"].as_i64();
            Ok(banks.filter(|banks| *banks == expected))
        })
        .await;
        let text = seen.as_ref().map_or_else(ToString::to_string, ToString::to_string);
        timeline.check(seen.is_ok(), &format!("{name} has {expected} banks to rent"), &text);
    }
    let station = rider.station(&serial(BACK_AT)).await?;
    let slots = station["slots"].as_array().cloned().unwrap_or_default();
    let there = slots.iter().any(|slot| slot.to_string().contains(bank.as_str()));
    timeline.check(there, "the bank is in a slot of the cabinet it came back to", bank.as_str());
    Ok(())
}

/// Of a rider who was not here in an earlier demo.
fn phone() -> String {
    format!("98{}", Entropy::system().digits(8))
}

/// Looks until it is so.
async fn until<R>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<R>>,
) -> anyhow::Result<R> {
    let clock = Clock::system();
    let deadline = clock.now() + SOON;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if clock.now() > deadline {
            bail!("not in time: {what}");
        }
        clock.sleep(LOOK).await;
    }
}

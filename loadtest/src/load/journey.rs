//! What one rider does, request by request, as the app would: looks, rents, polls, returns the
//! bank at another station. Tells the outcome of each request; decides nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cabinet::Bank;
use cabinet::numbered::serial;
use domain::ids::Sn;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::outcome::{End, Outcome, Step};
use super::scenario::Journey;
use crate::fixture::PACKAGE;
use crate::fleet::Cabinets;
use crate::pool::Pool;
use crate::wire::{get, post};

/// Between two looks at a rental.
const POLL: Duration = Duration::from_millis(500);
/// Longest wait for a rental to become active, or to end after the bank is back.
const SETTLED_MAX: Duration = Duration::from_secs(90);

/// What all riders share.
pub struct Town {
    pub pool: Pool,
    pub begin: Instant,
    pub stations: u32,
    /// None against a service of somebody else.
    pub cabinets: Option<Cabinets>,
    pub outcome: Mutex<Outcome>,
    /// Those with nothing to do: each rents with an account of its own.
    pub idle_riders: Mutex<Vec<Rider>>,
}

/// An account and its token.
#[derive(Clone, Debug)]
pub struct Rider {
    pub token: String,
}

/// One rider's way.
pub struct Way {
    town: Arc<Town>,
    chance: StdRng,
    token: Option<String>,
    /// Until the first request only: that is timed from when it was planned.
    planned: Option<Instant>,
}

impl Town {
    pub fn note(&self, step: Step, took: Duration, end: &End) {
        let at = self.begin.elapsed();
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.note(step, at, took, end);
    }

    fn station(&self, chance: &mut StdRng) -> u32 {
        chance.random_range(1..=self.stations)
    }
}

/// Sends one rider on the way; ends when the rider is done.
pub async fn go(town: Arc<Town>, journey: Journey, seed: u64, planned: Instant) {
    let chance = StdRng::seed_from_u64(seed);
    let mut way = Way { town: Arc::clone(&town), chance, token: None, planned: Some(planned) };
    let Journey::Rent { keep_s } = journey else { return way.browse().await };
    let rider = town.idle_riders.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let Some(rider) = rider else {
        let end = End::Refused("no_rider_is_free".to_owned());
        return town.note(Step::Start, Duration::ZERO, &end);
    };
    way.token = Some(rider.token.clone());
    way.browse().await;
    let keep = Duration::from_secs(u64::from(way.chance.random_range(keep_s)));
    if way.rent(keep).await {
        town.idle_riders.lock().unwrap_or_else(PoisonError::into_inner).push(rider);
    }
}

impl Way {
    async fn browse(&mut self) {
        let station = self.town.station(&mut self.chance);
        self.get(Step::List, "/api/stations?page_size=20").await;
        self.get(Step::Nearby, "/api/stations/nearby?lat=27.7064&lng=85.315&radius=1").await;
        self.get(Step::Detail, &format!("/api/stations/{}", serial(station))).await;
    }

    /// Whether the rider is free again.
    async fn rent(&mut self, keep: Duration) -> bool {
        let from = self.town.station(&mut self.chance);
        let Some((id, sn)) = self.start(from).await else { return true };
        if !self.becomes(&id, &["ACTIVE"], SETTLED_MAX).await {
            return false;
        }
        let town = Arc::clone(&self.town);
        let Some(cabinets) = &town.cabinets else { return false };
        let bank = cabinets.get(from).and_then(|cabinet| cabinet.take(&sn));
        sleep(keep).await;
        let Some(bank) = bank else {
            let end = End::Fault("the bank is not in the opening".to_owned());
            town.note(Step::Return, Duration::ZERO, &end);
            return false;
        };
        let inserted = Instant::now();
        let end = if !self.put_back(cabinets, from, bank) {
            End::Fault("no slot is free anywhere".to_owned())
        } else if self.becomes(&id, &["COMPLETED", "CANCELLED"], SETTLED_MAX).await {
            End::Done
        } else {
            End::Fault("the rental did not end".to_owned())
        };
        let ended = matches!(end, End::Done);
        town.note(Step::Return, inserted.elapsed(), &end);
        ended
    }

    /// The rental and its bank.
    async fn start(&mut self, from: u32) -> Option<(String, Sn)> {
        let body = json!({
            "station_sn": serial(from), "package_id": PACKAGE, "payment_mode": "wallet",
        });
        let path = "/api/rentals/start";
        let key = Uuid::new_v4();
        let address = self.town.pool.address();
        let request = post(
            address,
            path,
            self.token.as_deref(),
            &body.to_string(),
            &[("idempotency-key", &key.to_string())],
        );
        let answer = self.send(Step::Start, &request).await?;
        let data = &answer["data"];
        let id = data["rental_id"].as_str()?.to_owned();
        let sn = Sn(data["power_bank"]["serial_number"].as_str()?.to_owned());
        self.town.outcome.lock().unwrap_or_else(PoisonError::into_inner).told.push(id.clone());
        Some((id, sn))
    }

    /// Looks at the rental until it has one of these states.
    async fn becomes(&mut self, id: &str, wanted: &[&str], within: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < within {
            let seen = self.get(Step::Poll, &format!("/api/rentals/{id}")).await;
            let status = seen.as_ref().and_then(|seen| seen["data"]["status"].as_str());
            match status {
                Some(status) if wanted.contains(&status) => return true,
                Some("COMPLETED" | "CANCELLED") => return false,
                Some(_) | None => sleep(POLL).await,
            }
        }
        false
    }

    /// At another station, whichever has a free slot.
    fn put_back(&mut self, cabinets: &Cabinets, from: u32, bank: Bank) -> bool {
        for _ in 0..100 {
            let to = self.town.station(&mut self.chance);
            let cabinet = cabinets.get(to).filter(|_| to != from);
            if let Some(cabinet) = cabinet
                && cabinet.insert(bank.clone(), None).is_ok()
            {
                return true;
            }
        }
        false
    }

    async fn get(&mut self, step: Step, path: &str) -> Option<Value> {
        let request = get(self.town.pool.address(), path, self.token.as_deref());
        self.send(step, &request).await
    }

    /// The answer if it is a success.
    async fn send(&mut self, step: Step, request: &[u8]) -> Option<Value> {
        let begun = self.planned.take().unwrap_or_else(Instant::now);
        let answer = self.town.pool.ask(request).await;
        let took = begun.elapsed();
        let (end, body) = match answer {
            Err(error) => (End::Fault(error.to_string()), None),
            Ok(answer) => match serde_json::from_slice::<Value>(&answer.body) {
                Err(_) => (End::Fault(format!("{} without JSON", answer.status)), None),
                Ok(body) if (200..300).contains(&answer.status) => (End::Done, Some(body)),
                Ok(body) => {
                    let code = body["error"]["code"].as_str().unwrap_or("no code").to_owned();
                    let internal = answer.status == 500;
                    (if internal { End::Fault(code) } else { End::Refused(code) }, None)
                }
            },
        };
        self.town.note(step, took, &end);
        body
    }
}

//! What one rider does, request by request, as the app would: looks, rents, polls, returns the
//! bank at another station. Tells the outcome of each request; decides nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cabinet::Bank;
use cabinet::numbered::serial;
use domain::ids::Sn;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::io::Errno;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::outcome::{End, Outcome, Step};
use super::scenario::Journey;
use crate::fixture::{PACKAGE, place};
use crate::fleet::Cabinets;
use crate::pool::Pool;
use crate::wire::{get, post};

mod follow;

use follow::Following;

/// How long a rider looks at an answer before the next touch of the screen.
const GLANCE: Duration = Duration::from_millis(200);
/// Between two looks at a rental.
const POLL: Duration = Duration::from_millis(500);
/// What the service says when it may have done what it was asked for.
const UNCLEAR: [&str; 3] = ["service_unavailable", "internal_error", "no code"];
/// Between two tries of a start that nobody answered.
const AGAIN: Duration = Duration::from_secs(1);

/// What all riders share.
pub struct Town {
    pub pool: Pool,
    pub begin: Instant,
    pub stations: u32,
    /// None against a service of somebody else.
    pub cabinets: Option<Arc<Cabinets>>,
    pub outcome: Mutex<Outcome>,
    /// Those with nothing to do: each rents with an account of its own.
    pub idle_riders: Mutex<Vec<Rider>>,
    /// Longest wait for a rental to become active, or to end after the bank is back.
    pub patience: Duration,
    /// Whether riders ask again, with the same key, until they know what became of their start.
    pub insists: bool,
}

/// What is known of a request that did not succeed.
enum Known {
    /// It was refused.
    No,
    Nothing,
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
    /// When the next touch is meant to be. A slow answer delays the rider, not the plan: what
    /// comes late by it is timed from here all the same.
    meant: Instant,
}

impl Town {
    pub fn note(&self, step: Step, took: Duration, end: &End) {
        let at = self.begin.elapsed();
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.note(step, at, took, end);
    }

    fn was_late(&self, by: Duration) {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).late.record(by);
    }

    fn station(&self, chance: &mut StdRng) -> u32 {
        chance.random_range(1..=self.stations)
    }
}

/// Sends one rider on the way; ends when the rider is done.
pub async fn go(town: Arc<Town>, journey: Journey, seed: u64, planned: Instant) {
    town.was_late(planned.elapsed());
    let chance = StdRng::seed_from_u64(seed);
    let mut way = Way { town: Arc::clone(&town), chance, token: None, meant: planned };
    let Journey::Rent { keep_s, followed } = journey else { return way.browse().await };
    let rider = town.idle_riders.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let Some(rider) = rider else {
        let end = End::Unsent("no rider is free".to_owned());
        return town.note(Step::Start, Duration::ZERO, &end);
    };
    way.token = Some(rider.token.clone());
    way.browse().await;
    let keep = Duration::from_secs(u64::from(way.chance.random_range(keep_s)));
    let is_followed = way.chance.random_bool(followed);
    if way.rent(keep, is_followed).await {
        town.idle_riders.lock().unwrap_or_else(PoisonError::into_inner).push(rider);
    }
}

impl Way {
    async fn browse(&mut self) {
        let station = self.town.station(&mut self.chance);
        let (lat, lng) = place(station, self.town.stations);
        let nearby = format!("/api/stations/nearby?lat={lat:.4}&lng={lng:.4}&radius=1");
        self.touch(Step::List, "/api/stations?page_size=20").await;
        self.touch(Step::Nearby, &nearby).await;
        self.touch(Step::Detail, &format!("/api/stations/{}", serial(station))).await;
    }

    /// Whether the rider is free again.
    async fn rent(&mut self, keep: Duration, is_followed: bool) -> bool {
        let from = self.town.station(&mut self.chance);
        let Some((id, sn)) = self.start(from).await else { return true };
        let town = Arc::clone(&self.town);
        let mut following = is_followed.then(|| Following::new(&town, &id, self.token.clone()));
        if !self.becomes(&id, &["ACTIVE"], &mut following).await {
            return false;
        }
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
        } else if self.becomes(&id, &["COMPLETED", "CANCELLED"], &mut following).await {
            End::Done
        } else {
            End::Fault("the rental did not end".to_owned())
        };
        let ended = matches!(end, End::Done);
        if is_followed && ended {
            town.note(Step::Told, inserted.elapsed(), &end);
        }
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
        let mut meant = self.next_touch().await;
        let patient = Instant::now() + self.town.patience;
        let answer = loop {
            match self.sent(Step::Start, &request, meant).await {
                Ok(answer) => break answer,
                Err(Known::No) => return None,
                Err(Known::Nothing) if !self.town.insists || Instant::now() > patient => {
                    return None;
                }
                Err(Known::Nothing) => sleep(AGAIN).await,
            }
            meant = Instant::now();
        };
        let data = &answer["data"];
        let id = data["rental_id"].as_str()?.to_owned();
        let sn = Sn(data["power_bank"]["serial_number"].as_str()?.to_owned());
        self.town.outcome.lock().unwrap_or_else(PoisonError::into_inner).told.push(id.clone());
        Some((id, sn))
    }

    /// Follows the rental, or looks at it again and again, until it has one of these states.
    async fn becomes(
        &mut self,
        id: &str,
        wanted: &[&str],
        following: &mut Option<Following>,
    ) -> bool {
        let (begun, within) = (Instant::now(), self.town.patience);
        if let Some(following) = following {
            return following.becomes(wanted, within).await;
        }
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

    /// Waits until the next touch is due, if it is not yet; when it was meant to be.
    async fn next_touch(&mut self) -> Instant {
        let meant = self.meant;
        self.meant += GLANCE;
        sleep_until(meant).await;
        meant
    }

    async fn touch(&mut self, step: Step, path: &str) {
        let meant = self.next_touch().await;
        let request = get(self.town.pool.address(), path, self.token.as_deref());
        self.send(step, &request, meant).await;
    }

    async fn get(&mut self, step: Step, path: &str) -> Option<Value> {
        let request = get(self.town.pool.address(), path, self.token.as_deref());
        self.send(step, &request, Instant::now()).await
    }

    async fn send(&mut self, step: Step, request: &[u8], meant: Instant) -> Option<Value> {
        self.sent(step, request, meant).await.ok()
    }

    /// The answer if it is a success; it is timed from when it was meant to be asked for.
    async fn sent(&mut self, step: Step, request: &[u8], meant: Instant) -> Result<Value, Known> {
        let answer = self.town.pool.ask(request).await;
        let took = meant.elapsed();
        let (end, known) = match answer {
            Err(error) if is_ours(&error) => (End::Unsent(error.to_string()), Err(Known::Nothing)),
            Err(error) => (End::Fault(error.to_string()), Err(Known::Nothing)),
            Ok(answer) => match serde_json::from_slice::<Value>(&answer.body) {
                Err(_) => {
                    (End::Fault(format!("{} without JSON", answer.status)), Err(Known::Nothing))
                }
                Ok(body) if (200..300).contains(&answer.status) => (End::Done, Ok(body)),
                Ok(body) => {
                    let code = body["error"]["code"].as_str().unwrap_or("no code").to_owned();
                    let end = if answer.status == 500 { End::Fault } else { End::Refused };
                    let is_clear = answer.status < 500 || !UNCLEAR.contains(&&*code);
                    let known = if is_clear { Known::No } else { Known::Nothing };
                    (end(code), Err(known))
                }
            },
        };
        self.town.note(step, took, &end);
        known
    }
}

/// Whether it is this process that has no port or no file left.
fn is_ours(error: &anyhow::Error) -> bool {
    let Some(error) = error.downcast_ref::<std::io::Error>() else { return false };
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::ADDRNOTAVAIL))
}

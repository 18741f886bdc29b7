//! The stream of one rental: what it is, each time it changes, until it is over.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::response::sse::Event;
use chrono::{DateTime, Utc};
use domain::ids::{RentalId, RiderId};
use domain::rental::{Phase, Rental, Status};
use serde::Serialize;
use tokio::sync::watch::{self, Receiver};
use utoipa::ToSchema;

use super::event::{Mark, Why, beat, event, reset, retry};
use super::seats::{Pause, Seat};
use crate::actors::directory::Stored;
use crate::http::App;
use crate::http::error::{ApiError, Code};
use crate::store;

#[cfg(test)]
mod tests;

/// One event `rental`: all that a rider waits to hear of.
#[derive(Debug, Serialize, ToSchema)]
pub struct RentalNews {
    #[schema(value_type = uuid::Uuid)]
    rental_id: RentalId,
    #[schema(value_type = String, example = "ACTIVE")]
    status: Status,
    /// When the bank came out.
    started_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    /// When the bank was back, or the rental was cancelled.
    ended_at: Option<DateTime<Utc>>,
}

impl RentalNews {
    fn new(rental: &Rental) -> RentalNews {
        let (started_at, due_at, ended_at) = match &rental.phase {
            Phase::Dispensing => (None, None, None),
            Phase::Active { since, due_at } | Phase::Overdue { since, due_at } => {
                (Some(*since), Some(*due_at), None)
            }
            Phase::Completed { since, due_at, ended } => {
                (Some(*since), Some(*due_at), Some(ended.at))
            }
            Phase::Cancelled { at, .. } => (None, None, Some(*at)),
        };
        let (rental_id, status) = (rental.id, rental.status());
        RentalNews { rental_id, status, started_at, due_at, ended_at }
    }
}

/// The states of a rider's rental; of one that is over, its last one.
pub async fn states(
    app: &App,
    rider: RiderId,
    id: RentalId,
) -> Result<Receiver<Arc<Stored>>, ApiError> {
    let states = match app.rentals.watch(id) {
        Some(states) => states,
        None => match app.store.rental(id).await {
            Ok(stored) => watch::channel(Arc::new(stored)).1,
            Err(store::Error::NotFound) => return Err(not_found()),
            Err(error) => return Err(ApiError::away("a rental was not read", &error)),
        },
    };
    let is_theirs = states.borrow().rental.rider == rider;
    if is_theirs { Ok(states) } else { Err(not_found()) }
}

pub fn not_found() -> ApiError {
    ApiError::new(Code::RentalNotFound, "Rental not found")
}

/// The client knows how it ended: there is nothing more to tell.
pub fn is_told(states: &Receiver<Arc<Stored>>, epoch: i64, last: Option<Mark>) -> bool {
    let stored = states.borrow();
    !stored.rental.is_open() && last == Some(Mark::of(epoch, &stored))
}

impl Mark {
    /// A rental's place is its version.
    fn of(epoch: i64, stored: &Stored) -> Mark {
        Mark { epoch, seq: u64::try_from(stored.version).unwrap_or(0) }
    }
}

/// A rider who follows a rental.
pub struct Following {
    seat: Seat,
    epoch: i64,
    opening: VecDeque<Event>,
    states: Receiver<Arc<Stored>>,
    told: Option<Mark>,
    is_over: bool,
}

impl Following {
    pub fn new(
        seat: Seat,
        epoch: i64,
        states: Receiver<Arc<Stored>>,
        last: Option<Mark>,
    ) -> Following {
        let mut opening = VecDeque::from([retry(seat.entropy())]);
        let told = last.filter(|last| last.epoch == epoch);
        if let (Some(last), None) = (last, told) {
            opening.push_back(reset(Why::after(last, epoch)));
        }
        Following { seat, epoch, opening, states, told, is_over: false }
    }

    /// The next event; none when the stream is at its end.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.find().await;
        self.seat.spoke();
        event
    }

    async fn find(&mut self) -> Option<Event> {
        if let Some(event) = self.opening.pop_front() {
            return Some(event);
        }
        loop {
            if let Some(event) = self.news() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            tokio::select! {
                biased;
                pause = self.seat.pause() => match pause {
                    Pause::Silence => return Some(beat(None)),
                    Pause::End => return None,
                },
                // without a sender the last state is what is left to tell
                changed = self.states.changed() => self.is_over = changed.is_err(),
            }
        }
    }

    /// The state, unless it was told.
    fn news(&mut self) -> Option<Event> {
        let stored = Arc::clone(&self.states.borrow_and_update());
        let mark = Mark::of(self.epoch, &stored);
        self.is_over |= !stored.rental.is_open();
        (self.told.replace(mark) != Some(mark))
            .then(|| event("rental", Some(mark), &RentalNews::new(&stored.rental)))
    }
}

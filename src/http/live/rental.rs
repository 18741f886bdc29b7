//! The stream of one rental: what it is, each time it changes, until it is over.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::response::sse::Event;
use domain::ids::{RentalId, RiderId};
use tokio::sync::watch::{self, Receiver};

use super::event::{Mark, Why, beat, event, reset, retry};
use super::seats::{Pause, Seat};
use crate::actors::availability::Availability;
use crate::actors::directory::Stored;
use crate::http::App;
use crate::http::board::Board;
use crate::http::error::{ApiError, Code};
use crate::http::rentals::body::RentalBody;
use crate::store;

#[cfg(test)]
mod tests;

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
    /// Names the stations.
    network: Availability,
    opening: VecDeque<Event>,
    states: Receiver<Arc<Stored>>,
    told: Option<Mark>,
    is_over: bool,
}

impl Following {
    pub fn new(
        board: &Board,
        seat: Seat,
        states: Receiver<Arc<Stored>>,
        last: Option<Mark>,
    ) -> Following {
        let (epoch, network) = (board.feed.epoch(), board.availability.clone());
        let mut opening = VecDeque::from([retry(seat.entropy())]);
        let told = last.filter(|last| last.epoch == epoch);
        if let (Some(last), None) = (last, told) {
            opening.push_back(reset(Why::after(last, epoch)));
        }
        Following { seat, epoch, network, opening, states, told, is_over: false }
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
        if self.told.replace(mark) == Some(mark) {
            return None;
        }
        let name = |id| self.network.get(id).map(|view| (&*view.info).into());
        let body = RentalBody::of(&stored.rental, name, self.seat.clock().now());
        Some(event("rental", Some(mark), &body))
    }
}

//! The stream of stations: a snapshot, then each station that changed, whole.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::response::sse::Event;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use super::event::{Mark, Why, beat, event, reset, retry};
use super::filter::Filter;
use super::seats::{Pause, Seat};
use crate::actors::availability::StationView;
use crate::actors::feed::{Beginning, Update};
use crate::http::board::Board;
use crate::http::stations::body::StationBody;

/// Stations of one `snapshot` event; a large network takes several.
const PART: usize = 200;

/// One event `snapshot`: the stations as they are. What a client knew before the first part
/// is forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct Snapshot<'a> {
    stations: Vec<StationBody<'a>>,
    /// False while more parts follow.
    is_last: bool,
}

/// One event `gone`: this station is not shown any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gone<'a> {
    serial_number: &'a str,
}

/// A client that follows the stations.
pub struct Following {
    seat: Seat,
    filter: Filter,
    epoch: i64,
    /// The last update that was told, or was not for this client.
    seq: u64,
    opening: VecDeque<Event>,
    snapshot: Option<std::vec::IntoIter<Arc<StationView>>>,
    missed: VecDeque<Update>,
    updates: Receiver<Update>,
    is_lost: bool,
}

enum Heard {
    Update(Update),
    Silence,
    /// The client was too slow.
    Gap,
    End,
}

impl Following {
    pub fn new(board: &Board, seat: Seat, filter: Filter, last: Option<Mark>) -> Following {
        let epoch = board.feed.epoch();
        let (beginning, updates) = board.feed.subscribe(last.map(|mark| (mark.epoch, mark.seq)));
        let mut opening = VecDeque::from([retry(seat.entropy())]);
        let (seq, snapshot, missed) = match beginning {
            Beginning::Resume(missed) => (last.map_or(0, |mark| mark.seq), None, missed.into()),
            Beginning::Reset { seq } => {
                opening.extend(last.map(|last| reset(Why::after(last, epoch))));
                let shown = |view: &Arc<StationView>| !view.maintenance && filter.admits(view);
                let views: Vec<_> = board.availability.all().filter(shown).collect();
                (seq, Some(views.into_iter()), VecDeque::new())
            }
        };
        let is_lost = false;
        Following { seat, filter, epoch, seq, opening, snapshot, missed, updates, is_lost }
    }

    /// The next event; none when the stream is at its end.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.find().await;
        self.seat.spoke();
        event
    }

    async fn find(&mut self) -> Option<Event> {
        if let Some(event) = self.opening.pop_front().or_else(|| self.part()) {
            return Some(event);
        }
        while !self.is_lost {
            match self.hear().await {
                Heard::Update(update) => {
                    self.seq = update.seq;
                    if self.filter.admits(&update.view) {
                        return Some(self.told(&update.view));
                    }
                }
                Heard::Silence => return Some(beat(Some(self.mark()))),
                Heard::Gap => {
                    self.is_lost = true;
                    return Some(reset(Why::Behind));
                }
                Heard::End => return None,
            }
        }
        None
    }

    async fn hear(&mut self) -> Heard {
        if let Some(update) = self.missed.pop_front() {
            return Heard::Update(update);
        }
        tokio::select! {
            biased;
            // before the updates: those for others must not keep this client waiting
            pause = self.seat.pause() => match pause {
                Pause::Silence => Heard::Silence,
                Pause::End => Heard::End,
            },
            update = self.updates.recv() => match update {
                Ok(update) => Heard::Update(update),
                Err(RecvError::Lagged(_)) => Heard::Gap,
                Err(RecvError::Closed) => Heard::End,
            },
        }
    }

    /// The next part of the snapshot. Only the last one has an id: who loses the stream before
    /// it begins again.
    fn part(&mut self) -> Option<Event> {
        let views = self.snapshot.as_mut()?;
        let part: Vec<_> = views.by_ref().take(PART).collect();
        let is_last = views.as_slice().is_empty();
        if is_last {
            self.snapshot = None;
        }
        let stations = part.iter().map(|view| StationBody::new(view, None)).collect();
        let mark = is_last.then(|| self.mark());
        Some(event("snapshot", mark, &Snapshot { stations, is_last }))
    }

    fn told(&self, view: &StationView) -> Event {
        if view.maintenance {
            let gone = Gone { serial_number: view.info.serial.as_str() };
            return event("gone", Some(self.mark()), &gone);
        }
        event("station", Some(self.mark()), &StationBody::new(view, None))
    }

    fn mark(&self) -> Mark {
        Mark { epoch: self.epoch, seq: self.seq }
    }
}

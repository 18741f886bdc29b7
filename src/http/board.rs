//! What the reads of stations need: the read model and its changes, both in memory. They work
//! while the database is away.

use axum::extract::FromRef;

use super::App;
use super::live::Streams;
use crate::actors::availability::Availability;
use crate::actors::feed::Feed;

#[cfg(test)]
pub mod tests;

/// Clones share it.
#[derive(Clone)]
pub struct Board {
    pub availability: Availability,
    pub feed: Feed,
    pub streams: Streams,
}

impl FromRef<App> for Board {
    fn from_ref(app: &App) -> Board {
        app.board.clone()
    }
}

//! A rider who follows a rental over its stream, as the app does while it is open: hears each state
//! once, and asks for the stream again from the last word when it is lost.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::outcome::{End, Step};
use super::{AGAIN, Town};
use crate::wire::events::{Events, Followed};
use crate::wire::{Connection, get_from};

/// One rider's stream, open or about to be.
pub struct Following {
    town: Arc<Town>,
    path: String,
    token: Option<String>,
    events: Option<Events>,
    /// The place of the last word.
    last: Option<String>,
    /// What was heard last.
    status: String,
}

impl Following {
    pub fn new(town: &Arc<Town>, rental: &str, token: Option<String>) -> Following {
        let (town, path) = (Arc::clone(town), format!("/api/rentals/{rental}/live"));
        Following { town, path, token, events: None, last: None, status: String::new() }
    }

    /// Waits until the rental is said to have one of these states.
    pub async fn becomes(&mut self, wanted: &[&str], within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while !wanted.contains(&&*self.status) {
            if matches!(&*self.status, "COMPLETED" | "CANCELLED") {
                return false;
            }
            match timeout_at(deadline, self.hear()).await {
                Ok(true) => {}
                Ok(false) => sleep_until(deadline.min(Instant::now() + AGAIN)).await,
                Err(_) => return false,
            }
            if Instant::now() >= deadline {
                return false;
            }
        }
        true
    }

    /// The next word; false when there is no stream at this moment.
    async fn hear(&mut self) -> bool {
        let Some(events) = &mut self.events else { return self.open().await };
        let Ok(Some(event)) = events.next().await else {
            self.events = None;
            return false;
        };
        let told = serde_json::from_str::<Value>(&event.data).ok();
        if let Some(status) = told.as_ref().and_then(|told| told["status"].as_str()) {
            status.clone_into(&mut self.status);
            self.last = event.id;
        }
        true
    }

    /// Asks for it, from the last word on.
    async fn open(&mut self) -> bool {
        let begun = Instant::now();
        let opened = timeout_at(begun + super::super::PATIENCE, self.opened()).await;
        let end = match opened {
            Err(_) => End::Fault("no stream in time".to_owned()),
            Ok(Err(error)) if super::is_ours(&error) => End::Unsent(error.to_string()),
            Ok(Err(error)) => End::Fault(error.to_string()),
            Ok(Ok(Followed::Stream(events))) => {
                self.events = Some(events);
                End::Done
            }
            Ok(Ok(Followed::Answer(answer))) => End::Refused(answer.status.to_string()),
        };
        self.town.note(Step::Follow, begun.elapsed(), &end);
        matches!(end, End::Done)
    }

    async fn opened(&self) -> anyhow::Result<Followed> {
        let address = self.town.pool.address();
        let connection = Connection::open(address).await?;
        let last = self.last.as_deref();
        connection.follow(&get_from(address, &self.path, self.token.as_deref(), last)).await
    }
}

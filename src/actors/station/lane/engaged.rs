//! Banks that a rental has which could not be read when the service started: the database
//! refused a start with them, and would refuse every other. Nothing is decided about them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::Sn;

use crate::actors::station::State;

/// How long such a bank is not offered; then one start may find out that it is free.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Holds no more than the banks of one cabinet.
#[derive(Default)]
pub struct Engaged {
    until: BTreeMap<Sn, DateTime<Utc>>,
}

impl Engaged {
    pub fn note(&mut self, sn: Sn, now: DateTime<Utc>) {
        self.until.retain(|_, until| now < *until);
        self.until.insert(sn, now + PAUSE);
    }

    pub fn has(&self, sn: &Sn, now: DateTime<Utc>) -> bool {
        self.until.get(sn).is_some_and(|until| now < *until)
    }
}

impl State {
    /// It is not offered to the next start.
    pub fn set_aside(&mut self, sn: Sn) {
        tracing::warn!(bank = %sn, "a bank has a rental that is not known here");
        let now = self.now();
        self.lane.engaged.note(sn, now);
    }
}

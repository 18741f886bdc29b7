//! A moment by both clocks of the machine, for what is owned for a time only.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Clock;

#[cfg(test)]
mod tests;

/// A moment as both clocks of the machine have it. A machine that is paused from outside counts
/// nothing, and only its wall is set right afterwards: whoever owns something for a time only
/// must believe either that the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// As `Clock::running` counts.
    running: Duration,
    wall: DateTime<Utc>,
}

impl Moment {
    pub fn of(clock: &Clock) -> Moment {
        Moment { running: clock.running(), wall: clock.wall() }
    }

    #[must_use]
    pub fn after(self, expiry: Duration) -> Moment {
        let by = TimeDelta::from_std(expiry).unwrap_or(TimeDelta::MAX);
        let wall = self.wall.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Moment { running: self.running.saturating_add(expiry), wall }
    }

    /// From `now` on, by the clock that says less.
    pub fn left(self, now: Moment) -> Duration {
        let counted = self.running.saturating_sub(now.running);
        counted.min((self.wall - now.wall).to_std().unwrap_or_default())
    }
}

//! What time it is, and waiting for a time. The only reader of system time in the service.
//!
//! A clock reads the wall once, when it is made, and counts on from there with the monotonic
//! clock of the runtime: `now()` never goes back, and a paused or simulated runtime carries it
//! along. It never decides what is due; it only tells and waits.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

mod moment;
mod wall;

#[cfg(test)]
mod tests;

pub use moment::Moment;
use wall::{TRIFLE, Wall, up};

/// Longest single wait of a timer; longer waits are made of several.
const NAP_MAX: Duration = Duration::from_hours(24);

/// A handle on one time line. Clones share it: who advances one, advances all.
#[derive(Clone, Debug)]
pub struct Clock {
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    /// Time on the wall at `started`.
    base: DateTime<Utc>,
    started: Instant,
    /// How far the line was moved forward since, never negative; a change wakes all sleepers.
    moved: watch::Sender<TimeDelta>,
    wall: Mutex<Wall>,
    /// How far the wall is off beside a manual clock.
    skew: Mutex<TimeDelta>,
    manual: bool,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Clock {
        Clock::from(wall(), false)
    }

    /// A clock that starts at the machine's time, runs on, and can be advanced.
    pub fn manual() -> Clock {
        Clock::from(wall(), true)
    }

    /// A clock that starts at `base`, runs on, and can be advanced.
    pub fn manual_at(base: DateTime<Utc>) -> Clock {
        Clock::from(base, true)
    }

    #[expect(clippy::disallowed_methods, reason = "home of the clock")]
    fn from(base: DateTime<Utc>, manual: bool) -> Clock {
        let (moved, _) = watch::channel(TimeDelta::zero());
        let (wall, skew) = (Mutex::new(Wall::new(up())), Mutex::new(TimeDelta::zero()));
        Clock { line: Arc::new(Line { base, started: Instant::now(), moved, wall, skew, manual }) }
    }

    /// The time, to the microsecond (what the database keeps). Never less than before.
    pub fn now(&self) -> DateTime<Utc> {
        let line = &self.line;
        let counted = TimeDelta::from_std(line.started.elapsed()).unwrap_or(TimeDelta::MAX);
        let now = line.base + counted + *line.moved.borrow();
        now.with_nanosecond(now.nanosecond() / 1_000 * 1_000).unwrap_or(now)
    }

    /// How long the clock has run. It follows the wall forward, so time in which the machine
    /// slept counts, but `advance` does not move it: leases and waits for an answer of the
    /// database must outlive a test that jumps ahead.
    pub fn running(&self) -> Duration {
        let line = &self.line;
        let moved = if line.manual { TimeDelta::zero() } else { *line.moved.borrow() };
        line.started.elapsed() + moved.to_std().unwrap_or_default()
    }

    /// What the machine's own clock shows at this moment, believed or not; `advance` does not
    /// move it. For what must rather end too early than too late, and for nothing that is billed.
    pub fn wall(&self) -> DateTime<Utc> {
        wall() + *self.line.skew.lock()
    }

    /// The time to tell those who compare it with a clock of their own: the later of `now` and
    /// the wall. A wall that was set forward is not billed yet, but it is most likely right.
    pub fn told(&self) -> DateTime<Utc> {
        let now = self.now();
        let wall = if self.line.manual { now + *self.line.skew.lock() } else { wall() };
        now.max(wall)
    }

    /// Waits until `at`; at once if it has passed.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut moved = self.line.moved.subscribe();
        loop {
            let Ok(left) = (at - self.now()).to_std() else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                biased;
                _ = moved.changed() => {}
                () = tokio::time::sleep(left.min(NAP_MAX)) => {}
            }
        }
    }

    /// Waits for `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        let duration = TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(36_500));
        self.sleep_until(self.now() + duration).await;
    }

    /// The answer of `future`, or nothing when `bound` of this clock's time passes first.
    pub async fn within<F: Future>(&self, bound: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(bound) => None,
        }
    }

    /// Moves a manual clock forward and wakes whoever sleeps. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        if self.line.manual {
            self.move_forward(TimeDelta::from_std(by).unwrap_or(TimeDelta::zero()));
        }
    }

    /// Sets the wall beside a manual clock forward or back, as a machine that was paused from
    /// outside has it afterwards. That of a system clock is not moved.
    pub fn skew_wall(&self, by: TimeDelta) {
        if self.line.manual {
            *self.line.skew.lock() += by;
        }
    }

    /// Compares a system clock with the wall and follows it forward, as far as it is believed:
    /// `Wall` says how far that is. Answers wall minus clock after that: what is negative stays,
    /// because time must not go back, and what is positive is not believed yet. A manual clock
    /// answers zero.
    pub fn follow_wall(&self) -> TimeDelta {
        let line = &self.line;
        if line.manual {
            return TimeDelta::zero();
        }
        // one look at a time: two would move the line twice
        let mut believed = line.wall.lock();
        let ahead = wall() - self.now();
        let told = (ahead > TRIFLE).then(up).flatten();
        let by = believed.judge(ahead, line.started.elapsed(), told);
        if by > TimeDelta::zero() {
            self.move_forward(by);
        }
        ahead - by
    }

    fn move_forward(&self, by: TimeDelta) {
        self.line.moved.send_modify(|moved| *moved += by);
    }
}

#[expect(clippy::disallowed_methods, reason = "home of the clock")]
fn wall() -> DateTime<Utc> {
    DateTime::from(SystemTime::now())
}

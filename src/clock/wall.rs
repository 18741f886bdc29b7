//! How far a wall that runs ahead is believed. A machine that slept has lost that time, and it
//! counts at once. A wall that was set forward may have been set wrongly: nobody is to be billed
//! for time that did not pass, so it is followed only after it has stood still for a while.

use std::time::Duration;

use chrono::TimeDelta;

#[cfg(test)]
mod tests;

/// What a wall may differ and be followed at once: clocks that are kept by the network are
/// moved in steps smaller than this.
const STEP: TimeDelta = TimeDelta::seconds(1);
/// What is not worth a correction.
pub(super) const TRIFLE: TimeDelta = TimeDelta::milliseconds(100);
/// How long a wall that was set forward must stay so: time for a person, or for the program
/// that keeps the clock, to put it right.
const HOLD: Duration = Duration::from_mins(10);

/// What was seen of the wall.
#[derive(Debug)]
pub(super) struct Wall {
    /// How long the machine had been up when the line began, sleep included, if it tells.
    up: Option<Duration>,
    /// Of the time that it slept since, what the line has followed.
    slept: TimeDelta,
    /// How far it was ahead, and since when on the line's own count.
    doubt: Option<(TimeDelta, Duration)>,
}

impl Wall {
    pub fn new(up: Option<Duration>) -> Wall {
        Wall { up, slept: TimeDelta::zero(), doubt: None }
    }

    /// How far to follow a wall that is `ahead`. `counted` is what the monotonic clock has
    /// counted since the line began, which stands still while the machine sleeps; `up` does not.
    /// A machine that does not tell is believed at once: an owner that slept must notice.
    pub fn judge(
        &mut self,
        ahead: TimeDelta,
        counted: Duration,
        up: Option<Duration>,
    ) -> TimeDelta {
        if ahead <= TRIFLE {
            self.doubt = None;
            return TimeDelta::zero();
        }
        let Some(slept) = self.slept_since(counted, up) else { return ahead };
        self.slept += slept;
        let rest = ahead - slept;
        if rest <= STEP || self.stood_still(rest, counted) {
            self.doubt = None;
            return ahead;
        }
        slept
    }

    /// How long the machine slept and the line has not followed yet.
    fn slept_since(&self, counted: Duration, up: Option<Duration>) -> Option<TimeDelta> {
        let passed = TimeDelta::from_std(up?.checked_sub(self.up?)?).ok()?;
        let asleep = passed - TimeDelta::from_std(counted).ok()? - self.slept;
        Some(if asleep > STEP { asleep } else { TimeDelta::zero() })
    }

    fn stood_still(&mut self, rest: TimeDelta, counted: Duration) -> bool {
        let same = self.doubt.filter(|(before, _)| (rest - *before).abs() <= STEP);
        if let Some((_, since)) = same {
            return counted.saturating_sub(since) >= HOLD;
        }
        tracing::error!(
            ahead_s = rest.num_seconds(),
            "the machine's clock was set forward; it is followed in 10 minutes, if it stays so",
        );
        self.doubt = Some((rest, counted));
        false
    }
}

/// How long the machine has been up, sleep included; nothing where the system does not say.
pub(super) fn up() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

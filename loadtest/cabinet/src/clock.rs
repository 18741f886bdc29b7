//! The only reader of time in this package: wall time, which cabinets need for nothing but the
//! time limit of an eject, and the runtime's clock, on which all periods run.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since 1970, UTC.
pub type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> WallClock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The runtime's clock.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// One instant, as the machine is told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the cabinet was started; never goes back.
    pub up: Duration,
    pub unix_ms: i64,
}

//! What is done on purpose to the service, to the parts it needs and to cabinets: its names, and
//! the log of what came of each.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::trouble::Mark;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The service ends between two instructions, and is started again.
    Kill,
    /// It ends in order, and is started again.
    Restart,
    /// It stands still, and knows of nothing.
    Pause(Duration),
    /// Another instance is started beside it on the same database.
    SecondInstance(Duration),
    /// Nothing gets to the database.
    CutDatabase(Duration),
    /// One commit breaks after it was done, the next before it arrived.
    ResetDatabase,
    /// Every process of Postgres ends at once, and it is started again.
    DatabaseCrash,
    /// The disk of Postgres has no byte left.
    DiskFull(Duration),
    /// Nothing gets to the broker; cabinets do.
    CutBroker(Duration),
    /// The broker is started again, or another one in its place that knows nothing.
    BrokerRestart { keep: bool },
    /// So many cabinets, of all, keep their connections and say nothing.
    Freeze { share: f64, lasts: Duration },
    /// So many lose all connections at once and come back one by one.
    Storm { share: f64, within: Duration },
}

impl Fault {
    /// The service and its parts are left alone.
    pub fn is_of_cabinets(&self) -> bool {
        matches!(self, Fault::Freeze { .. } | Fault::Storm { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| share * 100.0;
        match self {
            Fault::Kill => write!(f, "kill"),
            Fault::Restart => write!(f, "restart"),
            Fault::Pause(lasts) => write!(f, "pause for {lasts:?}"),
            Fault::SecondInstance(lasts) => write!(f, "second instance for {lasts:?}"),
            Fault::CutDatabase(lasts) => write!(f, "database cut for {lasts:?}"),
            Fault::ResetDatabase => write!(f, "database reset in two commits"),
            Fault::DatabaseCrash => write!(f, "database crash"),
            Fault::DiskFull(lasts) => write!(f, "database's disk full for {lasts:?}"),
            Fault::CutBroker(lasts) => write!(f, "broker cut for {lasts:?}"),
            Fault::BrokerRestart { keep: true } => write!(f, "broker restart"),
            Fault::BrokerRestart { keep: false } => write!(f, "broker replaced by an empty one"),
            Fault::Freeze { share, lasts } => {
                write!(f, "{:.0} % of cabinets frozen for {lasts:?}", percent(share))
            }
            Fault::Storm { share, within } => {
                write!(f, "{:.0} % of cabinets back within {within:?}", percent(share))
            }
        }
    }
}

/// One that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Struck {
    pub what: String,
    /// From the begin of the run, in seconds.
    pub at_s: f64,
    /// When the service could be used again.
    pub over_s: Option<f64>,
    /// What there is to say of it.
    pub said: String,
    /// What was asked of the books after it, and whether all of it held.
    #[serde(default)]
    pub verdict: String,
}

/// A cheap handle; clones write the same notes.
#[derive(Clone)]
pub struct Log {
    begin: Instant,
    all: Arc<Mutex<Vec<Struck>>>,
}

/// A note that is not finished.
pub struct Open {
    log: Log,
    index: usize,
}

impl Log {
    pub fn new(begin: Instant) -> Log {
        Log { begin, all: Arc::default() }
    }

    /// A fault begins.
    pub fn begin(&self, what: String) -> Open {
        let at_s = self.begin.elapsed().as_secs_f64();
        let mut all = self.lock();
        all.push(Struck { what, at_s, over_s: None, said: String::new(), verdict: String::new() });
        Open { log: self.clone(), index: all.len() - 1 }
    }

    /// Of all that was done since the last one.
    pub fn judge(&self, verdict: &str) {
        let mut all = self.lock();
        let since = all.iter_mut().rev().take_while(|struck| struck.verdict.is_empty());
        since.for_each(|struck| verdict.clone_into(&mut struck.verdict));
    }

    pub fn all(&self) -> Vec<Struck> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Struck>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The service can be used again.
    pub fn over(self, said: String) {
        let over_s = Some(self.log.begin.elapsed().as_secs_f64());
        if let Some(struck) = self.log.lock().get_mut(self.index) {
            (struck.over_s, struck.said) = (over_s, said);
        }
    }
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Struck { what, at_s, over_s, said, verdict } = self;
        write!(f, "{at_s:8.3} s  {what}")?;
        match over_s {
            Some(over_s) => write!(f, "; usable after {:.1} s", over_s - at_s)?,
            None => write!(f, "; not usable again in time")?,
        }
        for more in [said, verdict].into_iter().filter(|more| !more.is_empty()) {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}

/// What is drawn into the plots.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a run")]
pub fn marks(struck: &[Struck]) -> impl Iterator<Item = Mark> {
    struck.iter().flat_map(|Struck { what, at_s, over_s, .. }| {
        let begun = Mark { second: *at_s as u32, what: what.clone() };
        let over = over_s.map(|over| over as u32).filter(|second| *second > begun.second);
        let over = over.map(|second| Mark { second, what: format!("{what}: over") });
        std::iter::once(begun).chain(over)
    })
}

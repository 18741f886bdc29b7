//! A run beside an earlier one: the figures of each step, then and now. Compares; judges nothing,
//! because two machines, or two hours of one, are not alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::result::Result;

/// One figure of both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Such as `start p90, ms`.
    pub figure: String,
    pub before: f64,
    pub now: f64,
}

/// All figures that both runs can tell.
pub fn changes(earlier: &Result, now: &Result) -> Vec<Change> {
    let mut changes = Vec::new();
    for step in &now.steps {
        let Some(then) = earlier.steps.iter().find(|then| then.step == step.step) else { continue };
        let name = step.step.as_str();
        let mut row = |figure: &str, before: Option<f64>, now: Option<f64>| {
            if let (Some(before), Some(now)) = (before, now) {
                changes.push(Change { figure: format!("{name} {figure}"), before, now });
            }
        };
        let count = |done: u64| u32::try_from(done).ok().map(f64::from);
        row("done", count(then.done), count(step.done));
        for (percentile, ms) in &step.told.percentiles_ms {
            let before = then.told.percentiles_ms.get(percentile).copied();
            row(&format!("{percentile}, ms"), before, Some(*ms));
        }
        row("max, ms", then.told.max_ms, step.told.max_ms);
    }
    changes
}

impl Change {
    pub fn ratio(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.now / self.before)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { figure, before, now } = self;
        write!(f, "{figure}: {before:.1}, now {now:.1}")?;
        self.ratio().map_or(Ok(()), |ratio| write!(f, " ({ratio:.2} ×)"))
    }
}

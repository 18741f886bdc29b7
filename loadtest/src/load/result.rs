//! The result of a run: what happened, what it cost, what held. Written as it is to
//! `result.json`; shown as text and as a page.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::against::Change;
use super::fault::{self, Struck};
use super::gate::Verdict;
use super::invariants::Finding;
use super::outcome::{Outcome, Second, Step, Tally, Windows};
use super::sampler::Sample;
use super::scenario::Scenario;
use super::trouble::{Mark, marks};
use crate::latency::{Latencies, PERCENTILES, name};
use crate::machine::Facts;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Result {
    pub about: String,
    /// As it was typed.
    pub command: String,
    /// How long riders were to come.
    pub planned_s: u32,
    pub machine: Facts,
    /// Ended before its time, by a person.
    pub cut: bool,
    /// How long after its planned instant the harness sent somebody on the way: what is high
    /// here is the harness's, not the service's.
    pub late: Told,
    pub steps: Vec<StepResult>,
    pub gates: Vec<GateResult>,
    pub promises: Vec<Finding>,
    /// What was done on purpose.
    pub marks: Vec<Mark>,
    /// What was done to the service and its parts, and what came of it.
    #[serde(default)]
    pub faults: Vec<Struck>,
    /// Beside an earlier run, if one was given.
    pub changes: Vec<Change>,
    pub windows: Vec<Window>,
    pub seconds: Vec<Second>,
    pub samples: Vec<Sample>,
}

/// Latencies of what was begun from one second on, until the next window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window {
    pub from_s: u32,
    pub steps: BTreeMap<Step, Told>,
}

impl Window {
    fn all(windows: &Windows) -> Vec<Window> {
        let each = windows.all.iter().zip((0..).step_by(windows.width_s.max(1) as usize));
        let told = each.map(|(steps, from_s)| Window {
            from_s,
            steps: steps.iter().map(|(step, all)| (*step, Told::of(all))).collect(),
        });
        told.collect()
    }
}

/// All that is known of a run when it is over.
#[derive(Debug, Default)]
pub struct Done {
    pub outcome: Outcome,
    pub samples: Vec<Sample>,
    pub promises: Vec<Finding>,
    pub faults: Vec<Struck>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All riders came, and went home.
    Whole,
    /// Before its time, by a person.
    Cut,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepResult {
    pub step: Step,
    pub done: u64,
    pub refused: BTreeMap<String, u64>,
    pub failed: BTreeMap<String, u64>,
    /// For a reason of the harness's own.
    pub unsent: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub told: Told,
}

/// What may be told of many durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// In milliseconds, those with enough samples beyond them.
    pub percentiles_ms: BTreeMap<String, f64>,
    pub max_ms: Option<f64>,
}

impl Told {
    pub fn of(latencies: &Latencies) -> Told {
        let each = PERCENTILES
            .iter()
            .filter_map(|percentile| Some((name(*percentile), millis(latencies.at(*percentile)?))));
        Told { percentiles_ms: each.collect(), max_ms: latencies.max().map(millis) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GateResult {
    pub fails_if: String,
    pub found: Option<f64>,
    pub failed: bool,
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, found) in &self.percentiles_ms {
            write!(f, " {name} {found:.1} ms")?;
        }
        write!(f, " max {:.1} ms", self.max_ms.unwrap_or_default())
    }
}

impl StepResult {
    fn of(step: Step, tally: &Tally) -> StepResult {
        StepResult {
            step,
            done: tally.latencies.count(),
            refused: tally.refusals.clone(),
            failed: tally.faults.clone(),
            unsent: tally.unsent.clone(),
            told: Told::of(&tally.latencies),
        }
    }
}

impl Result {
    pub fn new(scenario: &Scenario, machine: Facts, done: Done, ending: Ending) -> Result {
        let Done { outcome, samples, promises, faults } = done;
        let gates = scenario.gates.iter().map(|gate| {
            let (found, failed) = match gate.judge(outcome.tallies(gate.span()), &faults) {
                Verdict::Held(found) => (Some(found), false),
                Verdict::Failed(found) => (Some(found), true),
                Verdict::Untold => (None, false),
            };
            GateResult { fails_if: gate.to_string(), found, failed }
        });
        Result {
            about: scenario.about.clone(),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            planned_s: scenario.seconds,
            machine,
            cut: ending == Ending::Cut,
            gates: gates.collect(),
            late: Told::of(&outcome.late),
            steps: outcome.steps.iter().map(|(step, tally)| StepResult::of(*step, tally)).collect(),
            promises,
            marks: marks(&scenario.flaws).into_iter().chain(fault::marks(&faults)).collect(),
            faults,
            changes: Vec::new(),
            windows: Window::all(&outcome.windows),
            seconds: outcome.seconds,
            samples,
        }
    }

    pub fn is_good(&self) -> bool {
        !self.gates.iter().any(|gate| gate.failed) && self.promises.iter().all(|f| f.broken == 0)
    }

    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.about, self.command);
        for StepResult { step, done, refused, failed, unsent, told } in &self.steps {
            let count = |all: &BTreeMap<String, u64>| all.values().sum::<u64>();
            let (refusals, faults, kept) = (count(refused), count(failed), count(unsent));
            let step = step.as_str();
            let _ = write!(text, "{step:>8}: {done} done, {refusals} refused, {faults} failed, ");
            let _ = writeln!(text, "{kept} unsent;{told}");
            for (code, count) in refused.iter().chain(failed).chain(unsent) {
                let _ = writeln!(text, "{count:>14} × {code}");
            }
        }
        let _ = writeln!(text, "    sent: so long after it was planned:{}", self.late);
        for GateResult { fails_if, found, failed } in &self.gates {
            let word = if *failed { "FAILED" } else { "held" };
            let found = found.map_or("too few samples".to_owned(), |found| format!("{found:.1}"));
            let _ = writeln!(text, "    gate: {word}: {fails_if} ({found})");
        }
        for Finding { promise, what, broken, of, which } in &self.promises {
            let _ = writeln!(text, "      {promise}: {broken} of {of} {what}");
            for one in which {
                let _ = writeln!(text, "          {one}");
            }
        }
        for struck in &self.faults {
            let _ = writeln!(text, "   fault: {struck}");
        }
        for change in &self.changes {
            let _ = writeln!(text, " earlier: {change}");
        }
        if self.cut {
            text += "ended before its time\n";
        }
        text
    }
}

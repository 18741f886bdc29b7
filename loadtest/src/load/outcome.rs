//! What became of every request of a run: by step, as a whole and second by second. Only
//! counts; judges nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::latency::Latencies;

/// One kind of request of a rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    List,
    Nearby,
    Detail,
    Start,
    Poll,
    /// From the bank's insertion to the rental's end, as the rider sees it.
    Return,
}

pub const STEPS: [Step; 6] =
    [Step::List, Step::Nearby, Step::Detail, Step::Start, Step::Poll, Step::Return];

impl Step {
    pub fn as_str(self) -> &'static str {
        match self {
            Step::List => "list",
            Step::Nearby => "nearby",
            Step::Detail => "detail",
            Step::Start => "start",
            Step::Poll => "poll",
            Step::Return => "return",
        }
    }

    pub fn named(name: &str) -> Option<Step> {
        STEPS.into_iter().find(|step| step.as_str() == name)
    }
}

/// All of one step.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Of those that were done.
    pub latencies: Latencies,
    /// Clear answers that say no, by their code.
    pub refusals: BTreeMap<String, u64>,
    /// No answer, or one that makes no sense.
    pub faults: BTreeMap<String, u64>,
    /// Planned, and not sent for a reason of the harness's own.
    pub unsent: BTreeMap<String, u64>,
}

impl Tally {
    pub fn refusal(&mut self, code: &str) {
        *self.refusals.entry(code.to_owned()).or_default() += 1;
    }

    pub fn fault(&mut self, text: &str) {
        *self.faults.entry(text.to_owned()).or_default() += 1;
    }

    pub fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }

    pub fn unsent(&self) -> u64 {
        self.unsent.values().sum()
    }

    pub fn failed(&self) -> u64 {
        self.faults.values().sum()
    }

    pub fn add(&mut self, other: &Tally) {
        self.latencies.add(&other.latencies);
        for (code, count) in &other.refusals {
            *self.refusals.entry(code.clone()).or_default() += count;
        }
        for (text, count) in &other.faults {
            *self.faults.entry(text.clone()).or_default() += count;
        }
        for (text, count) in &other.unsent {
            *self.unsent.entry(text.clone()).or_default() += count;
        }
    }
}

/// One second of a run, for the plots.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Second {
    pub done: u64,
    pub refused: u64,
    pub failed: u64,
    pub unsent: u64,
    /// The longest of each step that ended in this second, in milliseconds.
    pub longest_ms: BTreeMap<Step, u64>,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub steps: BTreeMap<Step, Tally>,
    pub seconds: Vec<Second>,
    /// Rentals that a rider was told of: none of them may be lost.
    pub told: Vec<String>,
    /// How long after its planned instant the harness sent somebody on the way.
    pub late: Latencies,
}

/// How a request ended.
pub enum End {
    Done,
    Refused(String),
    Fault(String),
    Unsent(String),
}

impl Outcome {
    /// `at` is when it ended, from the begin of the run.
    pub fn note(&mut self, step: Step, at: Duration, took: Duration, end: &End) {
        let index = usize::try_from(at.as_secs()).unwrap_or(usize::MAX).min(1 << 16);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        let (second, tally) = (&mut self.seconds[index], self.steps.entry(step).or_default());
        match end {
            End::Done => {
                tally.latencies.record(took);
                second.done += 1;
                let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                let longest = second.longest_ms.entry(step).or_default();
                *longest = millis.max(*longest);
            }
            End::Refused(code) => {
                tally.refusal(code);
                second.refused += 1;
            }
            End::Fault(text) => {
                tally.fault(text);
                second.failed += 1;
            }
            End::Unsent(text) => {
                *tally.unsent.entry(text.clone()).or_default() += 1;
                second.unsent += 1;
            }
        }
    }
}

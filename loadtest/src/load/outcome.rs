//! What became of every request of a run: by step, as a whole and second by second. Only
//! counts; judges nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::scenario::Span;
use crate::latency::Latencies;

#[cfg(test)]
mod tests;

/// Shortest window of latencies over time, and how many a run is cut into at most.
const WINDOW_S: u32 = 5;
const WINDOWS: u32 = 240;

/// Most words of one kind that are told apart; what a service says may be another thing each time.
const KINDS: usize = 100;
const OTHERS: &str = "others";

/// One kind of request of a rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    List,
    Nearby,
    Detail,
    Start,
    Poll,
    /// From the bank's insertion to the rental's end, as the rider sees it.
    Return,
    /// From the wish to follow a rental to a stream that is open.
    Follow,
    /// From the bank's insertion to the event that says that the rental ended.
    Told,
}

pub const STEPS: [Step; 8] = [
    Step::List,
    Step::Nearby,
    Step::Detail,
    Step::Start,
    Step::Poll,
    Step::Return,
    Step::Follow,
    Step::Told,
];

impl Step {
    pub fn as_str(self) -> &'static str {
        match self {
            Step::List => "list",
            Step::Nearby => "nearby",
            Step::Detail => "detail",
            Step::Start => "start",
            Step::Poll => "poll",
            Step::Return => "return",
            Step::Follow => "follow",
            Step::Told => "told",
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
    fn note(&mut self, took: Duration, end: &End) {
        let (counts, text) = match end {
            End::Done => return self.latencies.record(took),
            End::Refused(code) => (&mut self.refusals, code.as_str()),
            End::Fault(text) => (&mut self.faults, text.as_str()),
            End::Unsent(text) => (&mut self.unsent, text.as_str()),
        };
        let is_room = counts.len() < KINDS || counts.contains_key(text);
        let text = if is_room { text } else { OTHERS };
        *counts.entry(text.to_owned()).or_default() += 1;
    }

    #[cfg(test)]
    pub fn fault(&mut self, text: &str) {
        self.note(Duration::ZERO, &End::Fault(text.to_owned()));
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Second {
    pub done: u64,
    pub refused: u64,
    pub failed: u64,
    pub unsent: u64,
    /// The longest of each step that ended in this second, in milliseconds.
    pub longest_ms: BTreeMap<Step, u64>,
}

/// Latencies over time: few enough windows that the longest run fits into memory.
#[derive(Clone, Debug)]
pub struct Windows {
    pub width_s: u32,
    pub all: Vec<BTreeMap<Step, Latencies>>,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { width_s: WINDOW_S, all: Vec::new() }
    }
}

impl Windows {
    fn record(&mut self, step: Step, begun_s: u32, took: Duration) {
        let index = usize::try_from(begun_s / self.width_s).unwrap_or(usize::MAX);
        let index = index.min(2 * WINDOWS as usize);
        if self.all.len() <= index {
            self.all.resize_with(index + 1, BTreeMap::new);
        }
        self.all[index].entry(step).or_insert_with(Latencies::coarse).record(took);
    }
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub steps: BTreeMap<Step, Tally>,
    /// The same of what was begun in these parts of the run.
    pub parts: Vec<(Span, BTreeMap<Step, Tally>)>,
    pub seconds: Vec<Second>,
    /// What was begun in each window of a run, one after the other.
    pub windows: Windows,
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
    /// Of so many seconds, with parts that are looked at by themselves.
    pub fn of_parts(seconds: u32, spans: impl IntoIterator<Item = Span>) -> Outcome {
        let parts = spans.into_iter().map(|span| (span, BTreeMap::new()));
        let windows = Windows { width_s: WINDOW_S.max(seconds / WINDOWS), ..Windows::default() };
        Outcome { parts: parts.collect(), windows, ..Outcome::default() }
    }

    /// All of it, or of one of the parts.
    pub fn tallies(&self, span: Option<Span>) -> &BTreeMap<Step, Tally> {
        let part = self.parts.iter().find(|(part, _)| Some(*part) == span);
        part.map_or(&self.steps, |(_, tallies)| tallies)
    }

    /// `at` is when it ended, from the begin of the run.
    pub fn note(&mut self, step: Step, at: Duration, took: Duration, end: &End) {
        let index = usize::try_from(at.as_secs()).unwrap_or(usize::MAX).min(1 << 16);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        self.steps.entry(step).or_default().note(took, end);
        let begun = u32::try_from(at.saturating_sub(took).as_secs()).unwrap_or(u32::MAX);
        for (_, steps) in self.parts.iter_mut().filter(|(span, _)| span.contains(begun)) {
            steps.entry(step).or_default().note(took, end);
        }
        let second = &mut self.seconds[index];
        match end {
            End::Done => {
                self.windows.record(step, begun, took);
                second.done += 1;
                let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                let longest = second.longest_ms.entry(step).or_default();
                *longest = millis.max(*longest);
            }
            End::Refused(_) => second.refused += 1,
            End::Fault(_) => second.failed += 1,
            End::Unsent(_) => second.unsent += 1,
        }
    }
}

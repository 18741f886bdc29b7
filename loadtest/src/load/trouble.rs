//! Breaks and mends cabinets on the clock of the run, as its scenario says; says when it did.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cabinet::Cut;
use cabinet::numbered::uuid;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::journey::Town;
use super::scenario::cabinets::{Flaw, Kind};

/// Something that was done on purpose, for the plots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub second: u32,
    pub what: String,
}

pub struct Trouble {
    town: Arc<Town>,
    flaws: Vec<Flaw>,
    task: JoinHandle<()>,
}

impl Trouble {
    pub fn start(town: &Arc<Town>, flaws: &[Flaw]) -> Trouble {
        let (town, flaws) = (Arc::clone(town), flaws.to_vec());
        let task = tokio::spawn(play(Arc::clone(&town), flaws.clone()));
        Trouble { town, flaws, task }
    }

    /// Nothing is wrong with any cabinet any more.
    pub fn stop(self) {
        self.task.abort();
        apply(&self.town, &self.flaws, None);
    }
}

/// What was done when.
pub fn marks(flaws: &[Flaw]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for flaw in flaws {
        let what = format!("{} cabinets {}", flaw.count, flaw.kind.says());
        let ends = flaw.span.to_s.map(|second| Mark { second, what: format!("{what}: over") });
        marks.push(Mark { second: flaw.span.from_s, what });
        marks.extend(ends);
    }
    marks.sort_by_key(|mark| mark.second);
    marks
}

/// The uuids of cabinets that were made not to answer.
pub fn deaf(flaws: &[Flaw]) -> Vec<String> {
    let deaf = flaws.iter().filter(|flaw| flaw.kind.is_deaf());
    (1..=deaf.map(|flaw| flaw.count).max().unwrap_or(0)).map(uuid).collect()
}

async fn play(town: Arc<Town>, flaws: Vec<Flaw>) {
    let seconds: BTreeSet<u32> = marks(&flaws).iter().map(|mark| mark.second).collect();
    for second in seconds {
        sleep_until(town.begin + Duration::from_secs(u64::from(second))).await;
        apply(&town, &flaws, Some(second));
    }
}

/// What is wrong with each cabinet in this second, and nothing else.
fn apply(town: &Town, flaws: &[Flaw], second: Option<u32>) {
    let Some(cabinets) = &town.cabinets else { return };
    let now = flaws.iter().filter(|flaw| second.is_some_and(|second| flaw.span.contains(second)));
    let now: Vec<&Flaw> = now.collect();
    let touched = flaws.iter().map(|flaw| flaw.count).max().unwrap_or(0);
    for number in 1..=touched {
        let Some(cabinet) = cabinets.get(number) else { continue };
        let kinds = now.iter().filter(|flaw| number <= flaw.count).map(|flaw| flaw.kind);
        let kinds: Vec<Kind> = kinds.collect();
        let is_frozen = kinds.contains(&Kind::Frozen);
        let was_frozen = cabinet.faults(|faults| {
            let was_frozen = faults.switches.half_open;
            faults.clear();
            kinds.iter().filter_map(|kind| kind.rule()).for_each(|rule| faults.add(rule));
            faults.switches.half_open = is_frozen;
            was_frozen
        });
        match (was_frozen, is_frozen) {
            (false, true) => cabinet.cut(Cut::Both),
            (true, false) => cabinet.restore(),
            (true, true) | (false, false) => {}
        }
    }
}

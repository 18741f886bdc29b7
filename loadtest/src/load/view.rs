//! What a person sees while a run goes on: how much is done each second, how long starts take, what
//! waits, and what is broken next. A few lines that change on a terminal, one line every five
//! seconds elsewhere. Looks on; nothing of it is in the result.

use std::io::IsTerminal;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::journey::Town;
use super::outcome::{Outcome, Step};
use super::sampler::Sample;
use super::scenario::Scenario;
use super::trouble::marks;
use crate::progress::{bar, line};

#[cfg(test)]
mod tests;

/// Between two looks, on a terminal and elsewhere.
const SCREEN: Duration = Duration::from_secs(1);
const LINES: Duration = Duration::from_secs(5);

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Quiet,
    /// For a log.
    Lines,
    Screen,
}

impl Manner {
    pub fn of(is_quiet: bool) -> Manner {
        match (is_quiet, std::io::stderr().is_terminal()) {
            (true, _) => Manner::Quiet,
            (false, false) => Manner::Lines,
            (false, true) => Manner::Screen,
        }
    }
}

/// What the service costs at this moment; never anything where it is not ours.
pub type Latest = watch::Receiver<Option<Sample>>;

pub struct View {
    /// Of those who are to come.
    pub bar: ProgressBar,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl View {
    pub fn start(manner: Manner, scenario: &Scenario, town: &Arc<Town>, latest: Latest) -> View {
        let (stop, stopped) = oneshot::channel();
        let screen = MultiProgress::new();
        if manner == Manner::Quiet {
            return View { bar: ProgressBar::hidden(), stop, task: tokio::spawn(async {}) };
        }
        let bar = screen.add(bar("riders come", 0));
        let rows: [ProgressBar; 3] = std::array::from_fn(|_| screen.add(line()));
        let eyes = Eyes {
            town: Arc::clone(town),
            latest,
            seconds: scenario.seconds,
            script: script(scenario),
            answers: 0,
            starts: 0,
            at: Instant::now(),
        };
        View { bar, stop, task: tokio::spawn(show(manner, eyes, rows, stopped)) }
    }

    pub async fn stop(self) {
        let _ = self.stop.send(()); // a quiet one has ended
        let _ = self.task.await; // nothing depends on what was shown
        self.bar.finish_and_clear();
    }
}

/// What is done on purpose, by its second.
fn script(scenario: &Scenario) -> Vec<(Duration, String)> {
    let flaws = marks(&scenario.flaws).into_iter();
    let flaws = flaws.map(|mark| (Duration::from_secs(u64::from(mark.second)), mark.what));
    let faults = scenario.faults.iter().map(|timed| (timed.at, timed.fault.to_string()));
    let mut script: Vec<(Duration, String)> = flaws.chain(faults).collect();
    script.sort();
    script
}

async fn show(
    manner: Manner,
    mut eyes: Eyes,
    rows: [ProgressBar; 3],
    mut stopped: oneshot::Receiver<()>,
) {
    let mut ticks = interval(if manner == Manner::Screen { SCREEN } else { LINES });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        let told = eyes.look().rows();
        match manner {
            Manner::Quiet => {}
            Manner::Lines => eprintln!("{}", told.join("; ")),
            Manner::Screen => {
                rows.iter().zip(told).for_each(|(row, told)| row.set_message(told));
            }
        }
    }
    for row in rows {
        row.finish_and_clear();
    }
}

/// Whoever looks, and what was seen last.
struct Eyes {
    town: Arc<Town>,
    latest: Latest,
    seconds: u32,
    script: Vec<(Duration, String)>,
    answers: u64,
    starts: u64,
    at: Instant,
}

impl Eyes {
    fn look(&mut self) -> Seen {
        let since = self.at.elapsed().as_secs_f64().max(0.001);
        self.at = Instant::now();
        let second = self.town.begin.elapsed();
        let mut seen = {
            let outcome = self.town.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            Seen::of(&outcome)
        };
        seen.answers_per_s = rate(seen.answers.saturating_sub(self.answers), since);
        seen.starts_per_s = rate(seen.starts.saturating_sub(self.starts), since);
        (self.answers, self.starts) = (seen.answers, seen.starts);
        let online = self.town.cabinets.as_ref().map(|cabinets| {
            let all = cabinets.all();
            (all.iter().filter(|cabinet| cabinet.is_online()).count(), all.len())
        });
        let next = self.script.iter().find(|(at, _)| *at > second);
        let next = next.map(|(at, what)| (at.saturating_sub(second).as_secs(), what.clone()));
        let (second, of, open) = (second.as_secs(), self.seconds, self.town.pool.open());
        Seen { second, of, open, online, next, sample: *self.latest.borrow(), ..seen }
    }
}

fn rate(count: u64, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
}

/// What is so at one moment.
#[derive(Clone, Debug, Default)]
struct Seen {
    second: u64,
    of: u32,
    answers: u64,
    starts: u64,
    answers_per_s: f64,
    starts_per_s: f64,
    refused: u64,
    failed: u64,
    unsent: u64,
    /// Of starts; none with too few of them.
    p50: Option<Duration>,
    p99: Option<Duration>,
    open: u64,
    /// Of how many.
    online: Option<(usize, usize)>,
    sample: Option<Sample>,
    /// In so many seconds.
    next: Option<(u64, String)>,
}

impl Seen {
    fn of(outcome: &Outcome) -> Seen {
        let mut seen = Seen::default();
        for (step, tally) in &outcome.steps {
            seen.answers += tally.latencies.count() + tally.refused() + tally.failed();
            seen.refused += tally.refused();
            seen.failed += tally.failed();
            seen.unsent += tally.unsent();
            if *step == Step::Start {
                seen.starts = tally.latencies.count();
                (seen.p50, seen.p99) = (tally.latencies.at(5000), tally.latencies.at(9900));
            }
        }
        seen
    }

    fn rows(&self) -> [String; 3] {
        let Seen { second, of, refused, failed, unsent, open, .. } = self;
        let rates = format!(
            "second {second} of {of}: {:.1} answers/s, {:.1} starts/s, {open} open; so far \
             {refused} refused, {failed} failed, {unsent} unsent",
            self.answers_per_s, self.starts_per_s,
        );
        let ms = |took: Option<Duration>| {
            took.map_or("–".to_owned(), |took| format!("{:.0} ms", took.as_secs_f64() * 1e3))
        };
        let online =
            self.online.map(|(online, all)| format!(", {online} of {all} cabinets online"));
        let online = online.unwrap_or_default();
        let starts = format!("start p50 {}, p99 {}{online}", ms(self.p50), ms(self.p99));
        let service = self.sample.as_ref().map(|sample| {
            let cores = f64::from(u32::try_from(sample.service_millicores).unwrap_or(0)) / 1e3;
            format!("service {cores:.2} cores, {} MB", sample.service_mb)
        });
        let next = self.next.as_ref().map(|(seconds, what)| format!("in {seconds} s: {what}"));
        let rest: Vec<String> = service.into_iter().chain(next).collect();
        [rates, starts, rest.join(", ")]
    }
}

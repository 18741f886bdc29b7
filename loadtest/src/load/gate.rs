//! What must hold at the end of a run, as text such as `p99(start) > 50ms from 70s`: a
//! comparison that, when it is true, fails the run. A percentile that cannot be told fails no run and is said.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Struck;
use super::outcome::{Step, Tally};
use super::scenario::Span;

#[cfg(test)]
mod tests;

#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    figure: Figure,
    /// The steps that are looked at together.
    step: Option<Step>,
    above: bool,
    bound: f64,
    /// Only what was begun in this part of the run.
    span: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    /// In hundredths of a percent; found in milliseconds.
    Percentile(u16),
    Longest,
    /// Neither done nor refused.
    Failed,
    Refused,
    /// Planned, and could not be sent by the harness.
    Unsent,
    Done,
    /// From the begin of a fault until it was over, the longest; found in milliseconds.
    Mended,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Held(f64),
    Failed(f64),
    /// Too few samples.
    Untold,
}

impl Gate {
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// By what its span has.
    pub fn judge(&self, tallies: &BTreeMap<Step, Tally>, faults: &[Struck]) -> Verdict {
        let mut all = Tally::default();
        for (_, tally) in tallies.iter().filter(|(step, _)| self.step.is_none_or(|s| s == **step)) {
            all.add(tally);
        }
        let millis = |took: Duration| took.as_secs_f64() * 1e3;
        let found = match self.figure {
            Figure::Percentile(percentile) => all.latencies.at(percentile).map(millis),
            Figure::Longest => all.latencies.max().map(millis),
            Figure::Failed => Some(count(all.failed())),
            Figure::Refused => Some(count(all.refused())),
            Figure::Unsent => Some(count(all.unsent())),
            Figure::Done => Some(count(all.latencies.count())),
            Figure::Mended => faults.iter().map(|fault| mended(fault) * 1e3).reduce(f64::max),
        };
        let Some(found) = found else { return Verdict::Untold };
        let fails = if self.above { found > self.bound } else { found < self.bound };
        if fails { Verdict::Failed(found) } else { Verdict::Held(found) }
    }

    fn is_time(&self) -> bool {
        matches!(self.figure, Figure::Percentile(_) | Figure::Longest | Figure::Mended)
    }
}

/// In seconds; one that never was lasts for ever.
fn mended(fault: &Struck) -> f64 {
    fault.over_s.map_or(f64::INFINITY, |over| over - fault.at_s)
}

#[expect(clippy::cast_precision_loss, reason = "2^53 requests are enough")]
fn count(number: u64) -> f64 {
    number as f64
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Gate, String> {
        let form = || "write for example p99(start) > 50ms, failed(any) > 0, done(start) < 100";
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (words, span) = match words[..] {
            [.., "from", from, "to", to] => (&words[..words.len() - 4], Some((from, Some(to)))),
            [.., "from", from] => (&words[..words.len() - 2], Some((from, None))),
            _ => (&words[..], None),
        };
        let span = span.map(|(from, to)| part(from, to)).transpose()?;
        let &[what, sign, bound] = words else { return Err(form().to_owned()) };
        let (figure, step) = what
            .strip_suffix(')')
            .and_then(|what| what.split_once('('))
            .ok_or_else(|| form().to_owned())?;
        let step = match step {
            "any" => None,
            name => Some(Step::named(name).ok_or_else(|| format!("no step is called {name}"))?),
        };
        let above = match sign {
            ">" => true,
            "<" => false,
            _ => return Err(format!("compare by > or <, not by {sign}")),
        };
        let figure =
            Figure::named(figure).ok_or_else(|| format!("no figure is called {figure}"))?;
        if figure == Figure::Mended && (step.is_some() || span.is_some()) {
            return Err("a fault has no step and no part of a run: write mended(any)".to_owned());
        }
        let mut gate = Gate { figure, step, above, bound: 0.0, span };
        gate.bound = if gate.is_time() { time(bound) } else { bound.parse().ok() }
            .ok_or_else(|| format!("{bound} is not a bound of {what}; {}", form()))?;
        Ok(gate)
    }
}

/// Of a run, as in `from 70s to 90s`.
fn part(from: &str, to: Option<&str>) -> Result<Span, String> {
    let second = |text: &str| {
        let second = text.strip_suffix('s').and_then(|digits| digits.parse().ok());
        second.ok_or_else(|| format!("{text} is no second of the run, such as 70s"))
    };
    let span = Span { from_s: second(from)?, to_s: to.map(second).transpose()? };
    let ends_first = span.to_s.is_some_and(|to| to <= span.from_s);
    if ends_first { Err(format!("nothing is from {from} to an earlier second")) } else { Ok(span) }
}

/// In milliseconds.
fn time(text: &str) -> Option<f64> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse().ok();
    }
    Some(text.strip_suffix('s')?.parse::<f64>().ok()? * 1e3)
}

impl Figure {
    fn named(name: &str) -> Option<Figure> {
        match name {
            "max" => Some(Figure::Longest),
            "failed" => Some(Figure::Failed),
            "refused" => Some(Figure::Refused),
            "unsent" => Some(Figure::Unsent),
            "done" => Some(Figure::Done),
            "mended" => Some(Figure::Mended),
            _ => {
                let (whole, part) =
                    name.strip_prefix('p')?.split_once('.').unwrap_or((&name[1..], "0"));
                let digits = format!("{part:0<2}");
                let part = (digits.len() == 2).then(|| digits.parse::<u16>().ok())??;
                let percentile = whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(part)?;
                (percentile < 10_000).then_some(Figure::Percentile(percentile))
            }
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = match self.figure {
            Figure::Percentile(percentile) => crate::latency::name(percentile),
            Figure::Longest => "max".to_owned(),
            Figure::Failed => "failed".to_owned(),
            Figure::Refused => "refused".to_owned(),
            Figure::Unsent => "unsent".to_owned(),
            Figure::Done => "done".to_owned(),
            Figure::Mended => "mended".to_owned(),
        };
        let step = self.step.map_or("any", Step::as_str);
        let (sign, unit) =
            (if self.above { '>' } else { '<' }, if self.is_time() { "ms" } else { "" });
        write!(f, "{figure}({step}) {sign} {}{unit}", self.bound)?;
        let Some(Span { from_s, to_s }) = self.span else { return Ok(()) };
        write!(f, " from {from_s}s")?;
        to_s.map_or(Ok(()), |to| write!(f, " to {to}s"))
    }
}

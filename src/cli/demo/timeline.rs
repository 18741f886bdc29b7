//! What the demo says: a line for each step with its time, or a JSON line.

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::moment;
use crate::clock::Clock;

#[cfg(test)]
mod tests;

/// Where a line's text begins.
const INDENT: &str = "                   ";

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    Service,
    Rider,
    Cabinet,
    Operator,
}

impl Who {
    fn word(self) -> &'static str {
        match self {
            Who::Service => "service",
            Who::Rider => "rider",
            Who::Cabinet => "cabinet",
            Who::Operator => "operator",
        }
    }

    /// The colour of its lines, as terminals number them.
    fn colour(self) -> u8 {
        match self {
            Who::Service => 34,
            Who::Rider => 36,
            Who::Cabinet => 33,
            Who::Operator => 35,
        }
    }
}

/// Prints as it goes, and counts the checks.
pub struct Timeline {
    clock: Clock,
    started: DateTime<Utc>,
    last: DateTime<Utc>,
    style: Style,
    checks: u32,
    failed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Json,
    Plain,
    Coloured,
}

impl Timeline {
    /// Starts the time.
    pub fn new(clock: Clock, json: bool) -> Timeline {
        let started = clock.now();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = match json {
            true => Style::Json,
            false if io::stdout().is_terminal() && !no_colour => Style::Coloured,
            false => Style::Plain,
        };
        Timeline { clock, started, last: started, style, checks: 0, failed: 0 }
    }

    /// A head over what follows; people only.
    pub fn chapter(&self, title: &str) {
        if self.style != Style::Json {
            say(&format!("\n{}", self.paint(1, title)));
        }
    }

    /// Something happened; it took the time since the last step.
    pub fn step(&mut self, who: Who, text: impl AsRef<str>) {
        self.step_with(who, text, Value::Null);
    }

    /// The same, with what programs may want to know.
    pub fn step_with(&mut self, who: Who, text: impl AsRef<str>, data: Value) {
        let now = self.clock.now();
        let (at, took) = (now - self.started, now - self.last);
        self.last = now;
        let text = text.as_ref();
        if self.style == Style::Json {
            say_json(&json!({
                "event": "demo.step", "at_ms": at.num_milliseconds(),
                "took_ms": took.num_milliseconds(), "who": who, "text": text, "data": data,
            }));
        } else {
            let name = self.paint(who.colour(), &format!("{:<8}", who.word()));
            let took = self.paint(2, &format!("(+{})", moment::span(took)));
            say(&format!("{:>8}  {name} {text} {took}", seconds(at)));
        }
    }

    /// Lines below the last step; people only.
    pub fn detail(&self, text: &str) {
        if self.style != Style::Json {
            for line in text.lines() {
                say(&format!("{INDENT}{line}"));
            }
        }
    }

    /// A document for programs, with the name of what it is.
    pub fn document(&self, name: &str, document: &Value) {
        if self.style == Style::Json {
            say_json(&json!({ "event": name, "document": document }));
        }
    }

    /// Something that must hold; `seen` says how it is.
    pub fn check(&mut self, holds: bool, what: &str, seen: &str) {
        self.checks += 1;
        self.failed += u32::from(!holds);
        if self.style == Style::Json {
            say_json(&json!({ "event": "demo.check", "ok": holds, "what": what, "seen": seen }));
            return;
        }
        let mark = if holds { self.paint(32, "✓") } else { self.paint(31, "✗") };
        let seen = self.paint(2, seen);
        say(&format!("  {mark} {what}  {seen}"));
    }

    /// The end of the story; answers whether everything was as it should be.
    pub fn end(&self) -> bool {
        let took = self.clock.now() - self.started;
        let good = self.failed == 0;
        if self.style == Style::Json {
            say_json(&json!({
                "event": "demo.end", "ok": good, "checks": self.checks, "failed": self.failed,
                "took_ms": took.num_milliseconds(),
            }));
            return good;
        }
        let text = match self.failed {
            0 => format!("all {} checks hold", self.checks),
            failed => format!("{failed} of {} checks do not hold", self.checks),
        };
        let text = self.paint(if good { 32 } else { 31 }, &text);
        say(&format!("\n{text}, after {}", moment::span(took)));
        good
    }

    fn paint(&self, code: u8, text: &str) -> String {
        match self.style {
            Style::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Style::Plain | Style::Json => text.to_owned(),
        }
    }
}

/// Tenths: `12.3 s`, with the tenths of all lines below each other.
fn seconds(at: TimeDelta) -> String {
    let tenths = at.num_milliseconds() / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn say_json(line: &Value) {
    say(&line.to_string());
}

/// A reader that went away ends nothing: the story goes on to its end.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

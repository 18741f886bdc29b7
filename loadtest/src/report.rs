//! What was measured, and how it is shown: a table on the terminal, JSON, or the generated part
//! of a document between two markers. Never measures.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::machine::Facts;

#[cfg(test)]
mod tests;

/// Several measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
    pub runs: usize,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let (min, max) = (*samples.first()?, *samples.last()?);
        let middle = samples.len() / 2;
        let median = if samples.len().is_multiple_of(2) {
            f64::midpoint(samples[middle - 1], samples[middle])
        } else {
            samples[middle]
        };
        Some(Spread { min, median, max, runs: samples.len() })
    }
}

/// One figure, and the limit of the same part where there is one.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub ours: Spread,
    pub limit: Option<Spread>,
    /// Ours of the limit's, pair by pair as they were measured in turns.
    pub ratio: Option<Spread>,
}

/// One part of the service, measured.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Of its place in a document.
    pub name: String,
    pub title: String,
    /// How it was measured, and with what settings.
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
}

impl Section {
    pub fn new(name: &'static str, title: &'static str) -> Section {
        Section {
            name: name.to_owned(),
            title: title.to_owned(),
            notes: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds a figure, if there is one.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        ours: impl IntoIterator<Item = f64>,
        limit: impl IntoIterator<Item = f64>,
    ) {
        let (all, limits): (Vec<f64>, Vec<f64>) =
            (ours.into_iter().collect(), limit.into_iter().collect());
        if let Some(ours) = Spread::of(all.iter().copied()) {
            let (limit, ratio) = (Spread::of(limits.iter().copied()), ratio(&all, &limits));
            self.rows.push(Row { what: what.into(), unit, ours, limit, ratio });
        }
    }

    /// Columns of equal width, for people.
    pub fn text(&self) -> String {
        let mut lines = vec![heads().map(str::to_owned)];
        lines.extend(self.rows.iter().map(cells));
        let width =
            |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        let mut text = format!("{}\n", self.title);
        for line in &lines {
            let cells = line.iter().zip(widths).enumerate().map(|(at, (cell, width))| match at {
                0 | 1 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }

    /// The same for a document.
    fn markdown(&self, facts: &Facts, command: &str) -> String {
        let mut text = format!("| {} |\n", heads().join(" | "));
        text += "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n";
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", cells(row).join(" | "));
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        let _ = writeln!(text, "- `{command}`, {}", facts.sentence());
        text
    }
}

/// The pairs' own ratios, if each of ours has its limit; else that of the medians.
fn ratio(ours: &[f64], limits: &[f64]) -> Option<Spread> {
    let paired = ours.len() == limits.len() && limits.iter().all(|limit| *limit > 0.0);
    if paired {
        return Spread::of(ours.iter().zip(limits).map(|(ours, limit)| ours / limit));
    }
    let (ours, limit) = (Spread::of(ours.iter().copied())?, Spread::of(limits.iter().copied())?);
    (limit.median > 0.0).then(|| Spread::of([ours.median / limit.median]))?
}

fn heads() -> [&'static str; 7] {
    ["figure", "unit", "min", "median", "max", "limit", "of the limit"]
}

fn cells(row: &Row) -> [String; 7] {
    let Row { what, unit, ours, limit, ratio } = row;
    let told = |share: f64| {
        if share < 2.0 { format!("{:.0} %", share * 100.0) } else { format!("{share:.1}×") }
    };
    let share = ratio.map(|ratio| match ratio.runs {
        1 => told(ratio.median),
        _ => format!("{} ({} to {})", told(ratio.median), told(ratio.min), told(ratio.max)),
    });
    [
        what.clone(),
        (*unit).to_owned(),
        number(ours.min),
        number(ours.median),
        number(ours.max),
        limit.map(|limit| number(limit.median)).unwrap_or_default(),
        share.unwrap_or_default(),
    ]
}

/// Three digits that mean something, thousands apart.
fn number(value: f64) -> String {
    let plain = match value.abs() {
        small if small < 10.0 => return format!("{value:.2}"),
        middle if middle < 100.0 => return format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let mut text = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Replaces the parts of a document that these sections own.
pub fn record(
    path: &Path,
    sections: &[Section],
    facts: &Facts,
    command: &str,
) -> anyhow::Result<()> {
    let mut text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    for section in sections {
        text = replaced(&text, &section.name, &section.markdown(facts, command))?;
    }
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

fn replaced(text: &str, name: &str, part: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- bench:{name} -->\n"), format!("<!-- /bench:{name} -->"));
    let missing = || format!("the document has no place for {name}: {begin}…{end}");
    let (before, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}\n{part}\n{end}{after}"))
}

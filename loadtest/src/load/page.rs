//! The result as one page that needs nothing else: tables, and plots drawn here as SVG.

use std::fmt::Write;

use super::fault::Struck;
use super::outcome::{STEPS, Step};
use super::result::Result;
use super::sampler::Queues;
use super::trouble::Mark;

#[cfg(test)]
mod tests;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 56.0;
const COLOURS: [&str; 6] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"];
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;\
padding:0 1em;color:#222}table{border-collapse:collapse;margin:.5em 0 1.5em}td,th{padding:.2em \
.8em;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}\
.bad{color:#b00;font-weight:bold}.good{color:#070}svg{width:100%;height:auto;background:#fafafa}\
small{color:#666}";

/// A named line of a plot, point by point.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

pub fn render(result: &Result) -> String {
    let (word, class) = if result.is_good() { ("passed", "good") } else { ("failed", "bad") };
    let about = escaped(&result.about);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{about}</title>\
         <style>{STYLE}</style><h1>{about}</h1><p class=\"{class}\">{word}{}</p><p><small>{}<br>\
         <code>{}</code></small></p>",
        if result.cut { ", ended before its time" } else { "" },
        escaped(&result.machine.sentence()),
        escaped(&result.command),
    );
    page += &steps(result);
    page += &judged(result);
    page += &changes(result);
    page += &plots(result);
    page.push_str("</html>\n");
    page
}

fn steps(result: &Result) -> String {
    let mut html = "<h2>Requests</h2><table><tr><th>step<th>done<th>refused<th>failed<th>\
                    unsent<th>percentiles, ms<th>max, ms</tr>"
        .to_owned();
    for step in &result.steps {
        let told = step.told.percentiles_ms.iter().map(|(name, ms)| format!("{name} {ms:.1}"));
        let told: Vec<String> = told.collect();
        let counts = |all: &std::collections::BTreeMap<String, u64>| {
            let each = all.iter().map(|(code, count)| format!("{count} × {}", escaped(code)));
            each.collect::<Vec<_>>().join("<br>")
        };
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{}<td class=\"bad\">{}<td>{}<td>{}<td>{:.1}</tr>",
            step.step.as_str(),
            step.done,
            counts(&step.refused),
            counts(&step.failed),
            counts(&step.unsent),
            told.join("<br>"),
            step.told.max_ms.unwrap_or_default(),
        );
    }
    let late = escaped(&result.late.to_string());
    html + "</table><p>Sent so long after it was planned:" + &late + "</p>"
}

fn judged(result: &Result) -> String {
    let mut html = "<h2>Gates and promises</h2><table>".to_owned();
    let mut row = |what: &str, found: &str, bad: bool| {
        let (class, word) = if bad { ("bad", "failed") } else { ("good", "held") };
        let what = escaped(what);
        let _ = write!(html, "<tr><td>{what}<td>{found}<td class=\"{class}\">{word}</tr>");
    };
    for gate in &result.gates {
        let found = gate.found.map_or("too few samples".to_owned(), |found| format!("{found:.1}"));
        row(&format!("fails if {}", gate.fails_if), &found, gate.failed);
    }
    for finding in &result.promises {
        let found = format!("{} of {}", finding.broken, finding.of);
        let which: Vec<String> = finding.which.iter().map(|one| format!("; {one}")).collect();
        let what = format!("{}: {}{}", finding.promise, finding.what, which.concat());
        row(&what, &found, finding.broken != 0);
    }
    html += "</table>";
    for mark in &result.marks {
        let _ = write!(html, "<p>Second {}: {}</p>", mark.second, escaped(&mark.what));
    }
    html + &faults(&result.faults)
}

/// Each with its instant and what came of it.
fn faults(faults: &[Struck]) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let head = "<h2>Faults</h2><table><tr><th>fault<th>second<th>usable after, s<th><th>books</tr>";
    let mut html = head.to_owned();
    for Struck { what, at_s, over_s, said, verdict } in faults {
        let after = over_s.map_or("never".to_owned(), |over| format!("{:.1}", over - at_s));
        let (what, said, verdict) = (escaped(what), escaped(said), escaped(verdict));
        let _ = write!(html, "<tr><td>{what}<td>{at_s:.3}<td>{after}<td>{said}<td>{verdict}</tr>");
    }
    html + "</table>"
}

fn changes(result: &Result) -> String {
    if result.changes.is_empty() {
        return String::new();
    }
    let head = "<h2>Beside the earlier run</h2><table><tr><th>figure<th>before<th>now<th>now of \
                before</tr>";
    let mut html = head.to_owned();
    for change in &result.changes {
        let ratio = change.ratio().map_or(String::new(), |ratio| format!("{ratio:.2} ×"));
        let (figure, before, now) = (escaped(&change.figure), change.before, change.now);
        let _ = write!(html, "<tr><td>{figure}<td>{before:.1}<td>{now:.1}<td>{ratio}</tr>");
    }
    html + "</table>"
}

/// Percentiles of each step over time; a window with too few samples has no point.
fn percentiles(result: &Result) -> String {
    let line = |step: Step, name: &str| Line {
        name: name.to_owned(),
        points: result
            .windows
            .iter()
            .filter_map(|window| {
                let told = window.steps.get(&step)?;
                Some((f64::from(window.from_s), *told.percentiles_ms.get(name)?))
            })
            .collect(),
    };
    let plots = STEPS.map(|step| {
        let lines = ["p50", "p90", "p95", "p99", "p99.9"].map(|name| line(step, name));
        if lines.iter().all(|line| line.points.is_empty()) {
            return String::new();
        }
        plot(&format!("{}: percentiles over time, ms", step.as_str()), &lines, &result.marks)
    });
    plots.concat()
}

/// What waits in the service.
fn queues(result: &Result) -> String {
    let line = |name: &str, of: &dyn Fn(&Queues) -> u64| Line {
        name: name.to_owned(),
        points: result
            .samples
            .iter()
            .filter_map(|sample| Some((number(sample.second), number(of(&sample.queues?)))))
            .collect(),
    };
    let lines = [
        line("facts", &|q| q.facts),
        line("messages", &|q| q.messages),
        line("acks", &|q| q.acks),
        line("requests", &|q| q.requests),
    ];
    plot("What waits in the service", &lines, &result.marks)
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn plots(result: &Result) -> String {
    let second = |at: usize| f64::from(u32::try_from(at).unwrap_or(u32::MAX));
    let each = |name: &str, of: &dyn Fn(&super::outcome::Second) -> u64| Line {
        name: name.to_owned(),
        points: (0..).zip(&result.seconds).map(|(at, s)| (second(at), number(of(s)))).collect(),
    };
    let answers = [
        each("done", &|s| s.done),
        each("failed", &|s| s.failed),
        each("refused", &|s| s.refused),
        each("unsent", &|s| s.unsent),
    ];
    let longest = STEPS.map(|step| Line {
        name: step.as_str().to_owned(),
        points: (0..)
            .zip(&result.seconds)
            .filter_map(|(at, s)| Some((second(at), number(*s.longest_ms.get(&step)?))))
            .collect(),
    });
    let sampled = |name: &str, of: &dyn Fn(&super::sampler::Sample) -> u64| Line {
        name: name.to_owned(),
        points: result.samples.iter().map(|s| (number(s.second), number(of(s)))).collect(),
    };
    let cores = [
        sampled("service and broker", &|s| s.service_millicores),
        sampled("database", &|s| s.database_millicores),
        sampled("harness", &|s| s.harness_millicores),
    ];
    let memory = [sampled("service", &|s| s.service_mb), sampled("database", &|s| s.database_mb)];
    [
        plot("Answers per second", &answers, &result.marks),
        plot("Longest answer of each second, ms", &longest, &result.marks),
        percentiles(result),
        plot("Processor, thousandths of a core", &cores, &result.marks),
        plot("Memory, MB", &memory, &result.marks),
        queues(result),
    ]
    .concat()
}

/// Lines over the seconds of a run, and what was done on purpose in them.
fn plot(title: &str, lines: &[Line], marks: &[Mark]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let right = points().map(|point| point.0).fold(1.0, f64::max);
    let top = points().map(|point| point.1).fold(1.0, f64::max);
    let x = |value: f64| LEFT + value / right * (WIDTH - LEFT);
    let y = |value: f64| HEIGHT - value / top * (HEIGHT - 10.0);
    let (total, below) = (HEIGHT + 40.0, HEIGHT + 16.0);
    let mut svg = format!("<h3>{}</h3><svg viewBox=\"0 0 {WIDTH} {total}\">", escaped(title));
    for part in [0.0, 0.5, 1.0] {
        let (value, height) = (top * part, y(top * part));
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{height:.1}\" y2=\"{height:.1}\" \
             stroke=\"#ddd\"/><text x=\"0\" y=\"{height:.1}\" font-size=\"11\">{value:.0}</text>\
             <text x=\"{:.1}\" y=\"{below}\" font-size=\"11\" text-anchor=\"end\">{:.0} s</text>",
            x(right * part),
            right * part,
        );
    }
    for mark in marks {
        let across = x(f64::from(mark.second).min(right));
        let _ = write!(
            svg,
            "<line x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"10\" y2=\"{HEIGHT}\" stroke=\"#b00\" \
             stroke-dasharray=\"3 3\"><title>{}</title></line>",
            escaped(&mark.what),
        );
    }
    let drawn = lines.iter().filter(|line| !line.points.is_empty());
    for ((line, colour), at) in drawn.zip(COLOURS.iter().cycle()).zip(0_u16..) {
        let points = line.points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1)));
        let points: Vec<String> = points.collect();
        let (left, down) = (LEFT + f64::from(at) * 130.0, HEIGHT + 34.0);
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>\
             <text x=\"{left}\" y=\"{down}\" font-size=\"12\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            escaped(&line.name),
        );
    }
    svg + "</svg>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! What a person who waits is shown: how far it is, or that it goes on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Between two looks of a bar at the clock.
const TICK: Duration = Duration::from_millis(500);
const TURN: Duration = Duration::from_millis(200);

/// So many steps of something that has a name.
pub fn bar(what: &str, steps: usize) -> ProgressBar {
    let template = "{msg:<28} [{wide_bar}] {pos}/{len} {elapsed_precise}";
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

/// Something without steps.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_owned());
    bar.enable_steady_tick(TURN);
    bar
}

/// A line of text below a bar.
pub fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}");
    let line = ProgressBar::new_spinner();
    line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    line
}

//! The page alone: what it shows, and that it needs nothing else.

use std::time::Duration;

use super::*;
use crate::load::outcome::{End, Outcome, Step};
use crate::load::result::Ending;
use crate::load::scenario::Scenario;
use crate::machine::Facts;

fn result(end: End) -> Result {
    let scenario = include_str!("../../../scenarios/smoke.toml");
    let scenario =
        Scenario::parse(&scenario.replace("a little", "<a little>"), &|_| Ok(String::new()))
            .unwrap();
    let mut outcome = Outcome::default();
    let took = Duration::from_millis(20);
    (0..60).for_each(|n| outcome.note(Step::Start, Duration::from_secs(n), took, &End::Done));
    outcome.note(Step::List, Duration::from_secs(3), took, &end);
    Result::new(&scenario, Facts::read(), outcome, Vec::new(), Vec::new(), Ending::Whole)
}

#[test]
fn a_page_needs_nothing_else_and_shows_what_happened() {
    let page = render(&result(End::Done));
    assert!(page.contains("passed") && page.contains("<polyline"));
    assert!(page.contains("&lt;a little&gt;"));
    let outside = ["http:", "https:", "src=", "href=", "@import"];
    assert!(!outside.iter().any(|word| page.contains(word)), "{page}");
}

#[test]
fn a_failed_request_fails_the_gate_and_the_page() {
    let failed = result(End::Fault("no answer".to_owned()));
    assert!(!failed.is_good());
    assert!(render(&failed).contains("no answer"));
    assert!(failed.text().contains("FAILED: failed(any) > 0"));
}

#[test]
fn a_run_without_a_sample_is_still_a_page() {
    let scenario =
        Scenario::parse(include_str!("../../../scenarios/smoke.toml"), &|_| Ok(String::new()))
            .unwrap();
    let outcome = Outcome::default();
    let empty = Result::new(&scenario, Facts::read(), outcome, Vec::new(), Vec::new(), Ending::Cut);
    assert!(render(&empty).contains("ended before its time"));
    assert!(empty.text().contains("too few samples"));
}

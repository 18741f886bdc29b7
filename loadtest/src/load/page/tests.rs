//! The page alone: what it shows, and that it needs nothing else.

use std::time::Duration;

use super::*;
use crate::load::against::changes;
use crate::load::outcome::{End, Outcome, Step};
use crate::load::result::{Done, Ending};
use crate::load::sampler::{Queues, Sample};
use crate::load::scenario::Scenario;
use crate::machine::Facts;

fn result(end: End) -> Result {
    let scenario = include_str!("../../../scenarios/smoke.toml");
    let scenario =
        Scenario::parse(&scenario.replace("a little", "<a little>"), &|_| Ok(String::new()))
            .unwrap();
    let mut outcome = Outcome::default();
    let took = Duration::from_millis(20);
    for second in (0..60).map(Duration::from_secs) {
        outcome.note(Step::Start, second, took, &End::Done);
        outcome.note(Step::Told, second, took, &End::Done);
    }
    outcome.note(Step::List, Duration::from_secs(3), took, &end);
    Result::new(&scenario, Facts::read(), Done { outcome, ..Done::default() }, Ending::Whole)
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
    let empty = Result::new(&scenario, Facts::read(), Done::default(), Ending::Cut);
    assert!(render(&empty).contains("ended before its time"));
    assert!(empty.text().contains("too few samples"));
}

#[test]
fn an_earlier_run_is_shown_beside_this_one() {
    let earlier = result(End::Done);
    let text = serde_json::to_string(&earlier).unwrap();
    let earlier: Result = serde_json::from_str(&text).unwrap();
    let mut now = result(End::Done);
    now.steps[0].told.max_ms = now.steps[0].told.max_ms.map(|ms| ms * 2.0);
    now.changes = changes(&earlier, &now);
    assert!(now.changes.iter().any(|change| change.ratio() == Some(2.0)), "{:?}", now.changes);
    assert!(now.text().contains("(2.00 ×)"));
    assert!(render(&now).contains("Beside the earlier run"));
}

#[test]
fn percentiles_queues_and_marks_are_drawn_over_time() {
    let mut run = result(End::Done);
    let queues = Some(Queues { facts: 7, ..Queues::default() });
    run.samples = vec![Sample { second: 3, queues, ..Sample::default() }];
    run.marks = vec![Mark { second: 5, what: "2 cabinets silent".to_owned() }];
    let page = render(&run);
    assert!(page.contains("What waits in the service") && page.contains(">facts<"));
    assert!(page.contains("Second 5: 2 cabinets silent") && page.contains("stroke-dasharray"));
    assert!(!page.contains("start: percentiles over time"), "one a second is too few to tell");
    let mut busy = Outcome::default();
    let (at, took) = (Duration::from_secs(2), Duration::from_millis(30));
    (0..100).for_each(|_| busy.note(Step::Start, at, took, &End::Done));
    let scenario = include_str!("../../../scenarios/smoke.toml");
    let scenario = Scenario::parse(scenario, &|_| Ok(String::new())).unwrap();
    let done = Done { outcome: busy, ..Done::default() };
    let run = Result::new(&scenario, Facts::read(), done, Ending::Whole);
    assert!(render(&run).contains("start: percentiles over time"));
}

#[test]
fn faults_are_told_with_their_instants_and_marked_in_the_plots() {
    let scenario = include_str!("../../../scenarios/smoke.toml");
    let scenario = Scenario::parse(scenario, &|_| Ok(String::new())).unwrap();
    let struck = |at_s, over_s| Struck {
        what: "kill <now>".to_owned(),
        at_s,
        over_s,
        said: "it came back".to_owned(),
        verdict: "9 questions, all held".to_owned(),
    };
    let faults = vec![struck(7.25, Some(12.75)), struck(20.0, None)];
    let done = Done { faults, ..Done::default() };
    let run = Result::new(&scenario, Facts::read(), done, Ending::Whole);
    let seconds: Vec<u32> = run.marks.iter().map(|mark| mark.second).collect();
    assert_eq!(seconds, [7, 12, 20]);
    let page = render(&run);
    assert!(
        page.contains("<td>kill &lt;now&gt;<td>7.250<td>5.5<td>it came back<td>9 questions"),
        "{page}"
    );
    assert!(page.contains("<td>20.000<td>never<td>"), "{page}");
    assert!(run.text().contains("7.250 s  kill <now>; usable after 5.5 s"), "{}", run.text());
}

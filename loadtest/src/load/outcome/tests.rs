//! What is counted where.

use super::*;

#[test]
fn a_part_of_a_run_has_what_was_begun_in_it() {
    let late = Span { from_s: 10, to_s: None };
    let early = Span { from_s: 0, to_s: Some(10) };
    let mut outcome = Outcome::of_parts(30, [late, early]);
    let second = Duration::from_secs;
    // begun in second 8, over in second 11
    outcome.note(Step::Start, second(11), second(3), &End::Done);
    outcome.note(Step::Start, second(12), second(1), &End::Fault("no answer".to_owned()));
    assert_eq!(outcome.tallies(None)[&Step::Start].latencies.count(), 1);
    assert_eq!(outcome.tallies(Some(early))[&Step::Start].latencies.count(), 1);
    let late = &outcome.tallies(Some(late))[&Step::Start];
    assert_eq!((late.latencies.count(), late.failed()), (0, 1));
}

#[test]
fn what_was_not_sent_is_neither_done_nor_failed() {
    let mut outcome = Outcome::default();
    let end = End::Unsent("no rider is free".to_owned());
    outcome.note(Step::Start, Duration::from_secs(2), Duration::ZERO, &end);
    let tally = &outcome.steps[&Step::Start];
    assert_eq!((tally.unsent(), tally.failed(), tally.refused()), (1, 0, 0));
    assert_eq!((outcome.seconds[2].unsent, outcome.seconds[2].done), (1, 0));
}

#[test]
fn windows_have_what_was_begun_in_them_and_grow_with_the_run() {
    let mut outcome = Outcome::of_parts(30, []);
    let second = Duration::from_secs;
    outcome.note(Step::List, second(11), second(2), &End::Done);
    let counts = outcome.windows.all.iter().map(BTreeMap::len);
    assert_eq!(counts.collect::<Vec<_>>(), [0, 1]);
    assert_eq!(Outcome::of_parts(7200, []).windows.width_s, 30);
}

#[test]
fn a_service_that_says_no_in_a_new_way_each_time_fills_no_memory() {
    let mut tally = Tally::default();
    for number in 0..1_000 {
        tally.note(Duration::ZERO, &End::Refused(format!("code {number}")));
    }
    assert_eq!((tally.refused(), tally.refusals.len()), (1_000, KINDS + 1));
    assert_eq!(tally.refusals[OTHERS], 900);
}

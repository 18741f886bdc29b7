//! What fails a run, and how gates are written.

use super::*;

fn tallies(millis: impl IntoIterator<Item = u64>, failed: u64) -> BTreeMap<Step, Tally> {
    let mut tally = Tally::default();
    millis.into_iter().for_each(|ms| tally.latencies.record(Duration::from_millis(ms)));
    for _ in 0..failed {
        tally.fault("no answer in time");
    }
    BTreeMap::from([(Step::Start, tally)])
}

fn judge(gate: &str, tallies: &BTreeMap<Step, Tally>) -> Verdict {
    gate.parse::<Gate>().unwrap().judge(tallies, &[])
}

#[test]
fn a_percentile_above_its_bound_fails() {
    let starts = tallies(1..=2000, 0);
    assert!(matches!(judge("p99(start) > 50ms", &starts), Verdict::Failed(_)));
    assert!(matches!(judge("p99(start) > 2s", &starts), Verdict::Held(_)));
    assert!(matches!(judge("p99(any) > 2.5s", &starts), Verdict::Held(_)));
}

#[test]
fn too_few_samples_tell_nothing() {
    assert_eq!(judge("p99(start) > 50ms", &tallies(1..=900, 0)), Verdict::Untold);
    assert_eq!(judge("p50(list) > 50ms", &tallies(1..=900, 0)), Verdict::Untold);
}

#[test]
fn failures_and_too_little_work_fail() {
    let starts = tallies(1..=20, 1);
    assert_eq!(judge("failed(start) > 0", &starts), Verdict::Failed(1.0));
    assert_eq!(judge("failed(list) > 0", &starts), Verdict::Held(0.0));
    assert_eq!(judge("done(start) < 100", &starts), Verdict::Failed(20.0));
    assert_eq!(judge("unsent(any) > 0", &starts), Verdict::Held(0.0));
}

#[test]
fn a_gate_is_shown_as_it_is_written() {
    for text in [
        "p99.9(start) > 50ms",
        "p99.99(start) > 50ms",
        "unsent(any) > 0",
        "p99(start) > 50ms from 70s",
        "failed(any) > 0 from 70s to 90s",
        "failed(any) > 0",
        "done(start) < 100",
    ] {
        assert_eq!(text.parse::<Gate>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_gate_is_refused_with_a_reason() {
    let refused = |text: &str| text.parse::<Gate>().unwrap_err();
    assert!(refused("p99 > 50ms").contains("for example"));
    assert!(refused("p99(start) > 50ms from 70").contains("70s"));
    assert!(refused("p99(start) > 50ms from 9s to 9s").contains("earlier"));
    assert!(refused("p99(start) > 50ms to 9s").contains("for example"));
    assert!(refused("p99(begin) > 50ms").contains("begin"));
    assert!(refused("p99.999(start) > 50ms").contains("p99.999"));
    assert!(refused("p100(start) > 50ms").contains("p100"));
    assert!(refused("p99(start) >= 50ms").contains(">="));
    assert!(refused("p99(start) > 50").contains("50"));
    assert!(refused("mean(start) > 50ms").contains("mean"));
}

#[test]
fn a_fault_that_lasts_too_long_fails_the_run_and_one_without_an_end_always_does() {
    let gate: Gate = "mended(any) > 75s".parse().unwrap();
    assert_eq!(gate.to_string(), "mended(any) > 75000ms");
    let lasting = |over_s| Struck {
        what: "storm".to_owned(),
        at_s: 20.0,
        over_s,
        said: String::new(),
        verdict: String::new(),
    };
    let judge = |faults: &[Struck]| gate.judge(&BTreeMap::new(), faults);
    assert_eq!(judge(&[lasting(Some(90.0))]), Verdict::Held(70_000.0));
    assert_eq!(judge(&[lasting(Some(30.0)), lasting(Some(96.0))]), Verdict::Failed(76_000.0));
    assert_eq!(judge(&[lasting(None)]), Verdict::Failed(f64::INFINITY));
    assert_eq!(judge(&[]), Verdict::Untold);
    assert!("mended(start) > 1s".parse::<Gate>().is_err());
}

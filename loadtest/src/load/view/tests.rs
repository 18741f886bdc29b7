//! What is shown of a run at one moment.

use super::super::outcome::End;
use super::*;

#[test]
fn what_is_shown_says_how_it_goes_and_what_comes() {
    let mut outcome = Outcome::default();
    let second = Duration::from_secs(1);
    for _ in 0..1_000 {
        outcome.note(Step::Start, second, Duration::from_millis(20), &End::Done);
    }
    outcome.note(Step::List, second, second, &End::Fault("no answer".to_owned()));
    outcome.note(Step::Start, second, second, &End::Unsent("no rider is free".to_owned()));
    let seen = Seen {
        second: 12,
        of: 30,
        starts_per_s: 2.0,
        open: 7,
        online: Some((59, 60)),
        sample: Some(Sample { service_millicores: 410, service_mb: 88, ..Sample::default() }),
        next: Some((8, "kill".to_owned())),
        ..Seen::of(&outcome)
    };
    assert_eq!((seen.answers, seen.starts), (1_001, 1_000));
    let [rates, starts, service] = seen.rows();
    assert!(rates.starts_with("second 12 of 30: 0.0 answers/s, 2.0 starts/s, 7 open"), "{rates}");
    assert!(rates.ends_with("0 refused, 1 failed, 1 unsent"), "{rates}");
    assert_eq!(starts, "start p50 20 ms, p99 20 ms, 59 of 60 cabinets online");
    assert_eq!(service, "service 0.41 cores, 88 MB, in 8 s: kill");
}

#[test]
fn too_few_starts_have_no_percentile_and_a_service_of_somebody_else_no_cost() {
    let [_, starts, service] = Seen::of(&Outcome::default()).rows();
    assert_eq!((&*starts, &*service), ("start p50 –, p99 –", ""));
}

#[test]
fn who_wants_quiet_is_shown_nothing() {
    assert_eq!(Manner::of(true), Manner::Quiet);
    assert_ne!(Manner::of(false), Manner::Quiet);
}

//! Which percentiles are told, and that they are those of the samples.

use super::*;

fn of(millis: impl IntoIterator<Item = u64>) -> Latencies {
    let mut all = Latencies::default();
    millis.into_iter().for_each(|ms| all.record(Duration::from_millis(ms)));
    all
}

#[test]
fn a_percentile_needs_ten_samples_beyond_it() {
    assert!(of(1..=999).at(9900).is_none());
    assert!(of(1..=1000).at(9900).is_some());
    assert!(of(1..=1000).at(9990).is_none());
    assert!(of(1..=19).at(5000).is_none());
    assert!(of(1..=20).at(5000).is_some());
    assert!(of((0..99_999).map(|n| n % 7)).at(9999).is_none());
    assert!(of((0..100_000).map(|n| n % 7)).at(9999).is_some());
}

#[test]
fn percentiles_are_those_of_the_samples() {
    let p90 = of(1..=1000).at(9000).unwrap();
    assert!(p90.abs_diff(Duration::from_millis(900)) < Duration::from_millis(2), "{p90:?}");
    assert!(of([7]).max().unwrap() >= Duration::from_millis(7));
    assert_eq!(of([]).max(), None);
}

#[test]
fn what_two_histograms_counted_is_in_their_sum() {
    let mut all = of(1..=10);
    all.add(&of(100..=109));
    assert_eq!(all.count(), 20);
    assert!(all.max().unwrap() > Duration::from_millis(100));
}

#[test]
fn what_is_too_long_is_kept_as_the_longest() {
    let all = of([4_000_000]);
    assert!(all.max().unwrap() >= Duration::from_mins(10));
}

#[test]
fn names_have_tenths_only_where_they_matter() {
    assert_eq!(name(5000), "p50");
    assert_eq!(name(9990), "p99.9");
    assert_eq!(name(9999), "p99.99");
    assert_eq!(name(9905), "p99.05");
}

//! Where planned arrivals lie.

use super::*;

fn within(instants: &[Duration], from: f64, to: f64) -> usize {
    let (from, to) = (Duration::from_secs_f64(from), Duration::from_secs_f64(to));
    instants.iter().filter(|at| (from..to).contains(*at)).count()
}

fn gaps(instants: &[Duration]) -> impl Iterator<Item = Duration> {
    instants.windows(2).map(|two| two[1].saturating_sub(two[0]))
}

#[test]
fn an_even_rate_has_equal_gaps() {
    let instants = plan(&[Stretch::even(10.0, 20.0)], Spread::Even);
    assert_eq!(instants.len(), 200);
    let gaps: Vec<Duration> = gaps(&instants).collect();
    assert!(gaps.iter().all(|gap| gap.abs_diff(Duration::from_millis(50)).as_micros() < 2));
}

#[test]
fn a_ramp_has_three_quarters_of_its_arrivals_in_its_second_half() {
    let instants = plan(&[Stretch { seconds: 20.0, from: 0.0, to: 100.0 }], Spread::Even);
    assert_eq!(instants.len(), 1000);
    assert_eq!(within(&instants, 0.0, 10.0), 250);
}

#[test]
fn a_spike_lies_where_it_was_planned() {
    let spike = [Stretch::even(5.0, 10.0), Stretch::even(1.0, 200.0), Stretch::even(5.0, 10.0)];
    let instants = plan(&spike, Spread::Even);
    assert_eq!(within(&instants, 5.0, 6.0), 200);
    assert_eq!(within(&instants, 0.0, 5.0), 50);
    assert_eq!(instants.len(), 300);
    assert!(instants.is_sorted());
}

#[test]
fn a_stretch_of_nothing_has_no_arrivals() {
    let instants = plan(&[Stretch::even(5.0, 0.0), Stretch::even(1.0, 10.0)], Spread::Even);
    assert_eq!(within(&instants, 0.0, 5.0), 0);
    assert_eq!(instants.len(), 10);
}

#[test]
fn poisson_arrivals_keep_the_rate_and_vary() {
    let instants = plan(&[Stretch::even(100.0, 50.0)], Spread::Poisson(7));
    assert!((4_700..5_300).contains(&instants.len()), "{}", instants.len());
    let short = gaps(&instants).filter(|gap| *gap < Duration::from_millis(10));
    // 1 - exp(-0.5) of exponential gaps are shorter than half of their mean
    let share = short.count() * 100 / instants.len();
    assert!((36..43).contains(&share), "{share} %");
    assert_eq!(instants, plan(&[Stretch::even(100.0, 50.0)], Spread::Poisson(7)));
    assert_ne!(instants, plan(&[Stretch::even(100.0, 50.0)], Spread::Poisson(8)));
}

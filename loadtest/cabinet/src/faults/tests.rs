//! Rules strike as often as they say.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

fn rng() -> SmallRng {
    SmallRng::seed_from_u64(7)
}

fn lose() -> Fault {
    Fault::Lose { frame: FrameKind::Return }
}

#[test]
fn a_counted_rule_strikes_that_often_after_the_skipped_ones() {
    let mut faults = Faults::default();
    faults.add(Rule::next(2, Fault::QueueFull).after(1));
    let mut rng = rng();

    let struck: Vec<bool> = (0..5).map(|_| faults.strikes(&mut rng, &Fault::QueueFull)).collect();

    assert_eq!(struck, [false, true, true, false, false]);
    assert!(faults.rules().is_empty());
}

#[test]
fn two_losses_of_one_frame_lose_two_frames() {
    let mut faults = Faults::default();
    faults.next(1, lose());
    faults.next(1, lose());
    let mut rng = rng();

    let lost: Vec<bool> = (0..3).map(|_| faults.fate(&mut rng, FrameKind::Return).lost).collect();

    assert_eq!(lost, [true, true, false]);
}

#[test]
fn rules_strike_their_own_frames_only() {
    let mut faults = Faults::default();
    faults.always(lose());
    faults.always(Fault::Corrupt { frame: FrameKind::Any });
    let mut rng = rng();

    let returned = faults.fate(&mut rng, FrameKind::Return);
    let heartbeat = faults.fate(&mut rng, FrameKind::Heartbeat);

    assert!(returned.lost && returned.corrupt);
    assert!(!heartbeat.lost && heartbeat.corrupt);
    assert_eq!(faults.fate(&mut rng, FrameKind::Raw), Fate::default());
}

#[test]
fn chance_is_repeatable_by_seed_and_about_right() {
    let count = || {
        let mut faults = Faults::default();
        faults.add(Rule::always(Fault::TopFive).by_chance(100));
        let mut rng = rng();
        (0..10_000).filter(|_| faults.strikes(&mut rng, &Fault::TopFive)).count()
    };

    assert_eq!(count(), count());
    assert!((800..1200).contains(&count()), "{}", count());
}

//! Time that passed counts, time that was only set waits until it is believed.

use super::*;

#[test]
fn a_machine_that_slept_has_lost_that_time_at_once() {
    let mut wall = Wall::new(up_for(100));

    assert_eq!(wall.judge(s(3_600), secs(10), up_for(3_710)), s(3_600));
    assert_eq!(wall.judge(s(0), secs(11), up_for(3_711)), s(0));
}

#[test]
fn a_wall_that_was_set_forward_is_not_followed_before_it_has_stood_still() {
    let mut wall = Wall::new(up_for(100));

    for second in [0, 1, 300, 599] {
        assert_eq!(wall.judge(s(3_600), secs(second), up_for(100 + second)), s(0), "{second}");
    }
    assert_eq!(wall.judge(s(3_600), secs(600), up_for(700)), s(3_600));
}

#[test]
fn one_that_is_put_right_in_time_was_never_followed() {
    let mut wall = Wall::new(up_for(100));

    assert_eq!(wall.judge(s(3_600), secs(0), up_for(100)), s(0));
    assert_eq!(wall.judge(s(0), secs(300), up_for(400)), s(0));
    assert_eq!(wall.judge(s(3_600), secs(600), up_for(700)), s(0), "it begins again");
}

#[test]
fn one_that_moves_on_is_looked_at_from_then_on() {
    let mut wall = Wall::new(up_for(100));

    assert_eq!(wall.judge(s(3_600), secs(0), up_for(100)), s(0));
    assert_eq!(wall.judge(s(7_200), secs(500), up_for(600)), s(0));
    assert_eq!(wall.judge(s(7_200), secs(700), up_for(800)), s(0));
    assert_eq!(wall.judge(s(7_200), secs(1_100), up_for(1_200)), s(7_200));
}

#[test]
fn sleep_counts_while_a_step_is_in_doubt() {
    let mut wall = Wall::new(up_for(100));
    assert_eq!(wall.judge(s(3_600), secs(0), up_for(100)), s(0));

    assert_eq!(wall.judge(s(3_660), secs(10), up_for(170)), s(60));
    assert_eq!(wall.judge(s(3_600), secs(600), up_for(760)), s(3_600));
}

#[test]
fn small_corrections_are_followed_and_trifles_are_not() {
    let mut wall = Wall::new(up_for(100));
    let ms = TimeDelta::milliseconds;

    assert_eq!(wall.judge(ms(900), secs(1), up_for(101)), ms(900));
    assert_eq!(wall.judge(ms(50), secs(2), up_for(102)), ms(0));
    assert_eq!(wall.judge(s(-3_600), secs(3), up_for(103)), s(0), "time does not go back");
}

#[test]
fn a_machine_that_does_not_say_how_long_it_is_up_is_believed() {
    let mut wall = Wall::new(None);

    assert_eq!(wall.judge(s(3_600), secs(1), None), s(3_600));
}

#[test]
fn this_machine_says_how_long_it_is_up() {
    let Some(before) = up() else { return };
    assert!(up().is_some_and(|after| after >= before));
}

fn s(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::unnecessary_wraps, reason = "as the machine tells it")]
fn up_for(seconds: u64) -> Option<Duration> {
    Some(secs(seconds))
}

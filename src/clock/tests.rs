//! The clock runs forward only, and who sleeps on it is woken when it is moved.

use super::*;

#[tokio::test]
async fn time_has_microseconds_and_never_goes_back() {
    let clock = Clock::system();

    let times: Vec<_> = (0..1_000).map(|_| clock.now()).collect();

    assert!(times.is_sorted());
    assert!(times.iter().all(|time| time.nanosecond() % 1_000 == 0));
}

#[tokio::test]
async fn advancing_moves_every_clone_and_wakes_its_sleepers() {
    let clock = Clock::manual();
    let sleeper = clock.clone();
    let due = clock.now() + TimeDelta::days(2);
    let waiting = async { sleeper.sleep_until(due).await };
    let advancing = async { clock.advance(Duration::from_hours(72)) };

    tokio::join!(waiting, advancing);

    assert!(sleeper.now() >= due);
}

#[tokio::test]
async fn a_move_that_is_too_short_wakes_nobody_for_good() {
    let clock = Clock::manual();
    let asleep = clock.sleep(Duration::from_hours(1));
    tokio::pin!(asleep);
    assert!(futures::poll!(&mut asleep).is_pending());

    clock.advance(Duration::from_mins(50));
    assert!(futures::poll!(&mut asleep).is_pending());

    clock.advance(Duration::from_secs(601));
    assert!(futures::poll!(&mut asleep).is_ready());
}

#[tokio::test]
async fn a_time_that_has_passed_is_not_waited_for() {
    let clock = Clock::manual();

    clock.sleep_until(clock.now() - TimeDelta::seconds(1)).await;
    clock.sleep(Duration::ZERO).await;
}

#[tokio::test]
async fn a_bound_is_kept_and_a_ready_answer_wins() {
    let clock = Clock::manual();

    let late = clock.within(Duration::from_millis(1), std::future::pending::<()>()).await;
    let ready = clock.within(Duration::ZERO, std::future::ready(7)).await;

    assert_eq!(late, None);
    assert_eq!(ready, Some(7));
}

#[tokio::test]
async fn a_system_clock_cannot_be_advanced_and_stays_at_the_wall() {
    let clock = Clock::system();
    let before = clock.now();

    clock.advance(Duration::from_hours(1));

    assert!(clock.now() - before < TimeDelta::seconds(60));
    assert!(clock.follow_wall().abs() < TimeDelta::seconds(5));
}

#[tokio::test]
async fn a_manual_clock_can_start_at_any_time() {
    let base = DateTime::from_timestamp(1_000_000_000, 0).unwrap();

    let clock = Clock::manual_at(base);

    assert!(clock.now() - base < TimeDelta::seconds(60));
    assert_eq!(clock.follow_wall(), TimeDelta::zero());
}

#[tokio::test]
async fn how_long_it_runs_is_not_moved_by_a_jump() {
    let clock = Clock::manual();

    clock.advance(Duration::from_hours(1));

    assert!(clock.running() < Duration::from_mins(1));
}

#[tokio::test]
async fn others_are_told_the_later_of_the_time_and_the_wall() {
    let clock = Clock::manual();
    let ahead = |clock: &Clock| {
        let now = clock.now();
        (clock.told() - now, clock.wall() - now)
    };
    let near = |seconds: i64, by: TimeDelta| (by - TimeDelta::seconds(seconds)).num_seconds() == 0;

    assert!(near(0, ahead(&clock).0));

    clock.skew_wall(TimeDelta::seconds(20));
    let (told, wall) = ahead(&clock);
    assert!(near(20, told) && near(20, wall), "set forward, not believed yet: {told} {wall}");

    clock.skew_wall(TimeDelta::seconds(-60));
    assert!(near(0, ahead(&clock).0), "set back: time does not go back");
}

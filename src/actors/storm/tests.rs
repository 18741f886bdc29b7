//! Who is asked first, how fast, and what is told of it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::StationId;
use uuid::Uuid;

use super::line::{Line, Rank};
use super::tally::{Ended, Tally};

const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn at(milliseconds: i64) -> DateTime<Utc> {
    START + TimeDelta::milliseconds(milliseconds)
}

fn id(number: u128) -> StationId {
    StationId(Uuid::from_u128(number))
}

/// A line of four checks a second whose credit for the rest is spent.
fn busy_line() -> Line {
    let mut line = Line::new(4, START);
    for number in 1000.. {
        if !line.ask(id(number), Rank::Rest, START) {
            line.leave(id(number));
            break;
        }
        line.spare(id(number));
    }
    line
}

/// Everybody whose turn comes until then, in order.
fn turns(line: &mut Line, until: DateTime<Utc>) -> Vec<StationId> {
    let (mut all, mut now) = (Vec::new(), START);
    while let Some(next) = line.next_turn(now).filter(|next| *next <= until) {
        now = next;
        for turn in line.take_turns(now) {
            line.spare(turn);
            all.push(turn);
        }
    }
    all
}

#[test]
fn a_lone_cabinet_is_asked_at_once_however_slow_the_pace() {
    let mut line = Line::new(1, START);
    assert!(line.ask(id(1), Rank::Rest, START));
    assert_eq!(line.next_turn(START), None);
}

#[test]
fn commands_come_before_returns_and_returns_before_the_rest() {
    let mut line = busy_line();
    line.hurry(id(99), START); // nothing is left, for anybody
    for (number, rank) in [Rank::Rest, Rank::Return, Rank::Rest, Rank::Command].iter().enumerate() {
        assert!(!line.ask(id(number as u128), *rank, START));
    }
    assert_eq!(line.waiting(), [1, 1, 2]);

    assert_eq!(turns(&mut line, at(10_000)), [id(3), id(1), id(0), id(2)]);
    assert!(line.is_empty());
}

#[test]
fn one_that_asks_again_has_one_place_and_only_moves_up() {
    let mut line = busy_line();
    assert!(!line.ask(id(1), Rank::Rest, START));
    assert!(!line.ask(id(2), Rank::Rest, START));
    line.hurry(id(99), START);
    assert!(!line.ask(id(2), Rank::Return, START));
    assert!(!line.ask(id(2), Rank::Rest, START), "it keeps its rank");

    assert_eq!(turns(&mut line, at(10_000)), [id(2), id(1)]);
}

#[test]
fn the_rest_leaves_something_for_who_is_before_it() {
    let mut line = busy_line();
    assert!(!line.ask(id(1), Rank::Rest, START));
    assert!(line.ask(id(2), Rank::Command, START), "it does not wait behind the rest");
}

#[test]
fn checks_are_paced() {
    let mut line = busy_line();
    for number in 0..40 {
        assert!(!line.ask(id(number), Rank::Rest, START));
    }
    let first = turns(&mut line, at(5_000)).len();
    assert!((19..=21).contains(&first), "{first} checks in five seconds at four a second");
    assert_eq!(line.waiting(), [0, 0, 40 - first as u64]);
}

#[test]
fn the_rest_waits_for_answers_and_commands_do_not() {
    let mut line = Line::new(4, START);
    let mut now = START;
    for number in 0..8 {
        assert!(line.ask(id(number), Rank::Rest, now));
        now += TimeDelta::seconds(1);
    }
    assert!(!line.ask(id(8), Rank::Rest, now), "eight have not answered");
    assert_eq!(line.next_turn(now), Some(at(30_000)), "or when the first is given up");
    assert!(line.ask(id(9), Rank::Command, now));

    line.spare(id(0));
    line.spare(id(1));
    assert!(line.next_turn(now).is_some());
    assert_eq!(line.take_turns(now), [id(8)]);
}

#[test]
fn checks_that_nobody_ends_hold_the_rest_up_for_half_a_minute() {
    let mut line = Line::new(4, START);
    for number in 0..8 {
        assert!(line.ask(id(number), Rank::Rest, at(1_000 * i64::try_from(number).unwrap())));
    }
    assert!(!line.ask(id(8), Rank::Rest, at(8_000)));

    assert!(line.take_turns(at(29_999)).is_empty());
    assert_eq!(line.take_turns(at(30_000)), [id(8)]);
}

#[test]
fn a_clock_that_goes_back_stops_no_turn() {
    let mut line = busy_line();
    assert!(!line.ask(id(1), Rank::Rest, START));

    let earlier = START - TimeDelta::hours(1);
    assert!(line.next_turn(earlier).unwrap() < earlier + TimeDelta::seconds(3));
}

#[test]
fn who_leaves_is_not_called() {
    let mut line = busy_line();
    assert!(!line.ask(id(1), Rank::Rest, START));
    line.leave(id(1));
    assert!(line.take_turns(at(10_000)).is_empty());
}

#[test]
fn what_cannot_wait_is_paid_by_the_others_and_not_for_ever() {
    let mut line = Line::new(4, START);
    for number in 0..1_000 {
        line.hurry(id(number), START);
        line.spare(id(number));
    }
    assert!(!line.ask(id(1), Rank::Command, START));
    assert_eq!(line.take_turns(at(1_250)), [id(1)]);
}

#[test]
fn a_storm_lasts_from_the_first_that_waits_to_the_last_that_came_meanwhile() {
    let mut tally = Tally::default();
    tally.back(id(1), START);
    assert_eq!(tally.progress([0; 3]), None, "nobody has to wait");
    tally.back(id(2), at(10));
    tally.waits(id(2), at(10));
    tally.back(id(3), at(20));

    let progress = tally.progress([0, 0, 2]).unwrap();
    assert_eq!((progress.total, progress.reconciled, progress.since), (3, 0, START));
    assert_eq!(tally.over(id(1), Ended::Reconciled, at(30)), None);
    assert_eq!(tally.over(id(3), Ended::Gone, at(30)), None);
    assert_eq!(tally.line_is_empty(), None, "one is asked and has not answered");
    tally.back(id(4), at(35));
    let ended = tally.over(id(2), Ended::Reconciled, at(40)).unwrap();

    assert_eq!((ended.total, ended.reconciled, ended.ended), (3, 2, 3));
    assert_eq!(tally.progress([0; 3]), None);
    assert_eq!(tally.over(id(4), Ended::Reconciled, at(50)), None, "it is of no storm");
}

#[test]
fn one_that_only_has_a_question_makes_no_storm() {
    let mut tally = Tally::default();
    tally.waits(id(1), START);
    assert_eq!(tally.progress([0; 3]), None);
}

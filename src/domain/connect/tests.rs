//! A cabinet that started anew gets in, and nobody else while it is there.

use super::*;

#[test]
fn a_cabinet_that_is_not_there_is_let_in_at_once() {
    assert_eq!(Doubt::None.called(false, at(0)), Verdict::Admit);
    assert_eq!(Doubt::Answered { at: at(0) }.called(false, at(1)), Verdict::Admit);
}

#[test]
fn one_that_answers_over_its_session_has_not_called() {
    let mut doubt = Doubt::None;

    assert_eq!(doubt.called(true, at(0)), Verdict::Ask);
    assert_eq!(doubt.called(true, at(1)), Verdict::Wait);
    assert!(!doubt.heard(at(-1), at(2)), "said before it was asked");
    assert!(doubt.heard(at(3), at(3)));
    assert_eq!(doubt.due(), None);
}

#[test]
fn an_answer_holds_for_a_while_so_that_no_caller_has_it_asked_all_the_time() {
    let mut doubt = Doubt::Answered { at: at(0) };

    assert_eq!(doubt.called(true, at(9)), Verdict::Refuse);
    assert!(!doubt.heard(at(9), at(9)), "nobody waits");
    assert_eq!(doubt.called(true, at(10)), Verdict::Ask);
}

#[test]
fn one_that_started_anew_is_let_in_after_one_wait_and_then_at_once() {
    let mut doubt = Doubt::None;
    assert_eq!(doubt.called(true, at(0)), Verdict::Ask);

    assert!(!doubt.is_over(true, at(9)));
    assert_eq!(doubt.due(), Some(at(10)));
    assert!(doubt.is_over(true, at(10)));

    assert_eq!(doubt.called(true, at(70)), Verdict::Admit, "its own patience was shorter");
    assert!(!doubt.heard(at(75), at(75)));
    assert_eq!(doubt.called(true, at(80)), Verdict::Ask, "it is there again");
}

#[test]
fn one_that_comes_back_at_the_last_moment_still_has_time_to_answer() {
    let mut doubt = Doubt::None;
    assert_eq!(doubt.called(true, at(0)), Verdict::Ask);

    doubt.came_back(at(9));

    assert!(!doubt.is_over(true, at(10)));
    assert!(!doubt.heard(at(8), at(10)), "said before it came back");
    assert!(doubt.heard(at(10), at(10)));
}

#[test]
fn nobody_waits_for_a_session_that_is_over() {
    let mut doubt = Doubt::Asked { at: at(0) };

    assert!(doubt.is_over(false, at(1)));
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

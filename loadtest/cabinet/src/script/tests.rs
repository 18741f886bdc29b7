//! Scripts mean what the README shows, and mistakes are named.

use super::*;
use crate::faults::FrameKind;

#[test]
fn the_example_of_the_readme_is_a_script() {
    let readme = include_str!("../../README.md");
    let toml = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());

    let script = Script::parse(toml.expect("a TOML example")).expect("a valid example");

    assert!(script.steps.len() > 5);
}

#[test]
fn a_step_has_a_moment_and_an_act() {
    let script = Script::parse(
        r#"
        [[step]]
        at_ms = 5
        next = 2
        fault = { kind = "lose", frame = "eject_reply" }

        [[step]]
        on = "popup_sn"
        after_ms = 200
        cut = "both"

        [[step]]
        at_ms = 900
        insert = { sn = "40818048", slot = 3, level = 40 }
        "#,
    )
    .expect("a valid script");

    let lose = Fault::Lose { frame: FrameKind::EjectReply };
    assert_eq!(script.steps[0].act, Act::Rule(Rule::next(2, lose)));
    let when = When::On { command: "popup_sn".to_owned(), nth: 1, after_ms: 200 };
    assert_eq!(script.steps[1], Step { when, act: Act::Cut(Cut::Both) });
    let bank = Bank::new("40818048").at_level(40);
    let slot = Some(SlotKey::new(0, 3));
    assert_eq!(script.steps[2].act, Act::Insert { bank, slot });
}

#[test]
fn mistakes_are_named() {
    check("[[step]]\nat_ms = 1", "step 1: a step needs one thing to do");
    check("[[step]]\ncut = \"both\"", "step 1: a step needs either at_ms or on");
    check("[[step]]\nat_ms = 1\ncut = \"both\"\npower = false", "step 1: a step does one thing");
    check("[[step]]\nat_ms = 1\nnext = 1\npower = false", "step 1: next, skip and permille");
    check("[[step]]\nat_ms = 1\ncutt = \"both\"", "line 3");
    check("[[step]]\nat_ms = 1\nfault = { kind = \"jam\", code = 4, x = 1 }", "line 3");
}

fn check(text: &str, problem: &str) {
    let error = Script::parse(text).expect_err("an invalid script").to_string();
    assert!(error.contains(problem), "{error}");
}

//! The schedule, and that what was found once is not forgotten.

use clap::Parser;

use super::schedule::Counts;
use super::*;
use crate::load::fault::Fault;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    counts: Counts,
}

fn rounds(line: &str, seed: u64) -> Vec<Round> {
    let words = std::iter::once("chaos").chain(line.split_whitespace());
    Line::try_parse_from(words).unwrap().counts.rounds(seed)
}

fn count(rounds: &[Round], is_it: impl Fn(&Fault) -> bool) -> usize {
    rounds.iter().filter(|round| is_it(&round.fault)).count()
}

#[test]
fn a_seed_gives_its_schedule_again_and_another_seed_another() {
    assert_eq!(rounds("", 7), rounds("", 7));
    assert_ne!(rounds("", 7), rounds("", 8));
}

#[test]
fn the_short_form_and_the_long_one_have_what_they_say_and_more_where_it_is_named() {
    let is_kill = |fault: &Fault| *fault == Fault::Kill;
    let is_broker_cut = |fault: &Fault| matches!(fault, Fault::CutBroker(_));
    let is_database_cut = |fault: &Fault| matches!(fault, Fault::CutDatabase(_));
    let short = rounds("", 1);
    assert!(count(&short, is_kill) >= 5);
    assert!(count(&short, is_broker_cut) >= 1 && count(&short, is_database_cut) >= 1);
    let long = rounds("--long", 1);
    assert_eq!(count(&long, is_kill), 200);
    assert_eq!((count(&long, is_broker_cut), count(&long, is_database_cut)), (20, 20));
    let named = rounds("--kills 0 --pauses 2", 1);
    assert_eq!(count(&named, is_kill), 0);
    assert_eq!(count(&named, |fault| matches!(fault, Fault::Pause(_))), 2);
}

#[test]
fn what_one_round_found_stays_found_and_is_told_at_its_fault() {
    let sound = || Finding::new("P1", "rentals told and lost", 0, 5);
    let broken = || Finding::new("P1", "rentals told and lost", 2, 7);
    let mut found = Vec::new();
    add(&mut found, vec![sound()]);
    add(&mut found, vec![broken()]);
    add(&mut found, vec![sound()]);
    assert_eq!(found, [broken()]);
    let log = Log::new(Instant::now());
    log.begin("kill".to_owned()).over(String::new());
    log.judge(&verdict(&[sound(), sound()]));
    log.begin("pause".to_owned()).over(String::new());
    log.judge(&verdict(&[sound(), broken()]));
    let verdicts: Vec<String> = log.all().into_iter().map(|struck| struck.verdict).collect();
    assert_eq!(verdicts, ["2 questions, all held", "BROKEN: P1: 2 rentals told and lost"]);
}

#[test]
fn the_town_of_the_run_is_understood() {
    let town = Scenario::parse(include_str!("town.toml"), &|_| Ok(String::new())).unwrap();
    assert!(town.rents());
    assert!(town.arrivals.iter().all(|kind| kind.times.rate() > 0.0));
}

//! Questions, kinds and the page about the ledger know the same words.

use std::collections::BTreeSet;

use super::Kind;
use crate::store::verify::checks::STAGES;
use crate::store::verify::walk::KINDS;

const PAGE: &str = include_str!("../../../../docs/LEDGER.md");

#[test]
fn every_kind_is_answered_by_a_question_and_no_question_answers_another() {
    let asked = STAGES.iter().flat_map(|stage| answered(stage.body));
    let asked: BTreeSet<String> = asked.chain(KINDS.map(|kind| kind.to_string())).collect();

    let known: BTreeSet<String> = Kind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(asked, known);
}

#[test]
fn the_page_explains_every_kind() {
    for kind in Kind::ALL {
        let word = format!("`{kind}`");
        let explains = |line: &str| line.starts_with('|') && line.contains(&word);
        assert!(PAGE.lines().any(explains), "{word}");
    }
}

/// The words that stand where a question says what it found.
fn answered(sql: &str) -> Vec<String> {
    let words: Vec<&str> = sql.split('\'').skip(1).step_by(2).collect();
    let is_kind = |word: &&&str| Kind::ALL.iter().any(|kind| kind.as_str() == **word);
    let selected = sql.match_indices("' as kind").map(|(end, _)| {
        let start = sql[..end].rfind('\'').map_or(0, |quote| quote + 1);
        sql[start..end].to_owned()
    });
    let listed = words.iter().filter(is_kind).map(ToString::to_string);
    selected.chain(listed).collect()
}

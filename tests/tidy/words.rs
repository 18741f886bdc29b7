//! Words that must not stand in the tree.

use crate::tree::File;

/// Marks of unfinished work, in two halves so that this file has none.
const UNFINISHED: &[(&str, &str)] = &[
    ("TO", "DO"),
    ("FIX", "ME"),
    ("XX", "X"),
    ("to", "do!("),
    ("unimple", "mented!("),
    ("#[ig", "nore"),
];

/// What silences a lint or a test without a reason beside it.
const SHORTCUTS: &[(&str, &str)] =
    &[("#![ex", "pect("), ("#![al", "low("), ("#[al", "low("), ("dbg", "!(")];

/// Words about how or where it was written, and names that belong to no product.
const OUTSIDE: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("../sha", "red"),
    ("this ses", "sion"),
    ("in this sit", "ting"),
    ("as an A", "I"),
    ("per the iss", "ue"),
    ("issue", " #"),
    ("language mo", "del"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("registry.npmjs", ".org"),
    ("files.python", "hosted"),
    ("pypi", ".org"),
    ("deb.debian", ".org"),
];

/// What is spelt another way here, in two halves as above.
const SPELT: &[(&str, &str)] = &[("can n", "ot"), ("Can n", "ot")];

pub fn unfinished(files: &[File]) -> Vec<String> {
    let marks = files.iter().flat_map(|file| named(file, UNFINISHED));
    marks.filter(|complaint| !complaint.starts_with("LICENSE")).collect()
}

pub fn shortcuts(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        complaints.extend(named(file, SHORTCUTS));
        let code = if file.is_test() { Vec::new() } else { file.code() };
        for (number, _) in code.into_iter().filter(|(_, line)| line.contains(".unwrap()")) {
            complaints.push(format!("{}:{number}: `unwrap` outside tests", file.path));
        }
    }
    complaints
}

pub fn outside(files: &[File]) -> Vec<String> {
    let mut complaints: Vec<String> = files.iter().flat_map(|file| named(file, OUTSIDE)).collect();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if line.match_indices("/tmp/").any(|(at, _)| is_machine_path(&line[at + 5..])) {
                complaints.push(format!("{}:{}: a path of one machine", file.path, number + 1));
            }
        }
    }
    complaints
}

/// One spelling of a word. A migration that was applied stays as it is.
pub fn spelling(files: &[File]) -> Vec<String> {
    let ours = files.iter().filter(|file| !file.path.starts_with("migrations/"));
    ours.flat_map(|file| named(file, SPELT)).collect()
}

/// `name_..` after the folder for temporary files.
fn is_machine_path(rest: &str) -> bool {
    let name = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    name > 0 && rest[name..].starts_with('_')
}

fn named(file: &File, words: &[(&str, &str)]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(at, line)| Some((at + 1, words.iter().find(|word| says(line, word))?)))
        .map(|(number, word)| format!("{}:{number}: `{word}`", file.path))
        .collect()
}

/// Whole words only: a word's end is no letter's neighbour.
fn says(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let glued_before = letter(word.chars().next()) && letter(before.chars().next_back());
        let glued_after = letter(word.chars().next_back()) && letter(after.chars().next());
        !glued_before && !glued_after
    })
}

#[cfg(test)]
mod tests {
    use super::{OUTSIDE, SHORTCUTS, SPELT, UNFINISHED, outside, shortcuts, spelling, unfinished};
    use crate::{bad, silent, speaks};

    #[test]
    fn unfinished_work_is_seen() {
        for (head, tail) in UNFINISHED {
            let word = format!("{head}{tail}");
            speaks(unfinished(&bad("docs/API.md", &format!("a {word} b"))), &word);
        }
    }

    #[test]
    fn a_shortcut_is_seen() {
        for (head, tail) in SHORTCUTS {
            let word = format!("{head}{tail}");
            speaks(shortcuts(&bad("src/node.rs", &format!("{word}clippy::all)]"))), &word);
        }
        let unwrap = "let a = b.unwrap();";
        speaks(shortcuts(&bad("src/node.rs", unwrap)), "unwrap");
        silent(shortcuts(&bad("src/node/tests.rs", unwrap)));
        silent(shortcuts(&bad("src/node.rs", "// .unwrap()\nlet a = \".unwrap()\";")));
    }

    #[test]
    fn another_spelling_is_seen() {
        for (head, tail) in SPELT {
            let word = format!("{head}{tail}");
            speaks(spelling(&bad("src/node.rs", &format!("// {word} be"))), &word);
            silent(spelling(&bad("migrations/0001_core.sql", &format!("-- {word} be"))));
        }
    }

    #[test]
    fn a_word_from_outside_is_seen() {
        for (head, tail) in OUTSIDE {
            let word = format!("{head}{tail}");
            speaks(outside(&bad("README.md", &format!("see {word}"))), &word);
        }
        speaks(outside(&bad("README.md", concat!("/tmp/", "data_1/x"))), "one machine");
        silent(outside(&bad("run", concat!("mktemp -d /tmp/chargeghar.", "XX", "XX"))));
    }
}

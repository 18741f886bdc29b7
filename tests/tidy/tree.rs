//! The files of the project, and Rust text without its comments and literals.

use std::fs;
use std::path::Path;

pub struct File {
    /// From the project's folder, with `/`.
    pub path: String,
    pub text: String,
}

/// What holds nothing written by hand.
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];

pub fn tree() -> Vec<File> {
    let mut files = Vec::new();
    gather(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "not the project's folder");
    files
}

fn gather(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("folder is readable").filter_map(Result::ok).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            gather(&entry.path(), &format!("{path}/"), files);
        } else if name != "Cargo.lock"
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(File { path, text });
        }
    }
}

impl File {
    pub fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Tests, simulations and the tools that only tests use.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("/sim.rs")
            || self.path.split('/').any(|part| part == "tests")
    }

    pub fn is_under(&self, folder: &str) -> bool {
        self.path == format!("{folder}.rs") || self.path.starts_with(&format!("{folder}/"))
    }

    /// Lines of code with their numbers: comments and the insides of literals are blank.
    pub fn code(&self) -> Vec<(usize, String)> {
        blank(&self.text).lines().map(str::to_owned).enumerate().map(|(i, l)| (i + 1, l)).collect()
    }
}

/// The same lines, without comments and without what stands in string and char literals.
pub fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (taken, kept) = match literal(rest, out.chars().last()) {
            Some((length, quote)) => (length, quote),
            None => (first.len_utf8(), ""),
        };
        let (head, tail) = rest.split_at(taken);
        if taken == first.len_utf8() && kept.is_empty() {
            out.push(first);
        } else {
            out.push_str(kept);
            out.extend(head.chars().filter(|&c| c == '\n'));
            out.push_str(kept);
        }
        rest = tail;
    }
    out
}

/// Length of the comment or literal that `rest` starts with, and what stands for its ends.
fn literal(rest: &str, before: Option<char>) -> Option<(usize, &'static str)> {
    if rest.starts_with("//") {
        return Some((rest.find('\n').unwrap_or(rest.len()), " "));
    }
    if rest.starts_with("/*") {
        return Some((rest.find("*/").map_or(rest.len(), |end| end + 2), " "));
    }
    if rest.starts_with('"') {
        return Some((closed(rest, 1), "\""));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|length| (length, "'"));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if in_word || !rest.starts_with('r') {
        return None;
    }
    let hashes = rest[1..].chars().take_while(|&c| c == '#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some((2 + hashes + length, "\""))
}

/// Bytes up to and with the closing quote, escapes passed over.
fn closed(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(from) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A char literal, not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    if chars.next()?.1 == '\\' {
        return rest[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map(|(at, _)| at + 3);
    }
    let (at, quote) = chars.next()?;
    (quote == '\'').then_some(at + 1)
}

#[test]
fn comments_and_literals_are_blank() {
    let text = "let a = \"x // \\\" y\"; // tokio::spawn\nlet b = r#\"\n\"sql\"\n\"#;\nlet c: &'static str = b; let d = '\"'; let e = '\\'';";

    let blank = blank(text);

    assert_eq!(blank.lines().count(), text.lines().count());
    for hidden in ["tokio", "sql", "x /", "y\"", "\\"] {
        assert!(!blank.contains(hidden), "{hidden} in {blank}");
    }
    assert!(blank.contains("let c: &'static str = b; let d = "), "{blank}");
}

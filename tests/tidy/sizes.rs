//! How long a file and a function may be, and that each file starts with what it owns.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

use crate::tree::{File, blank};

/// Lines as they are, in whatever somebody writes and reads: code, scripts, migrations, pages.
const FILE_MAX: usize = 400;
/// Lines of code: blank lines, doc comments and attributes do not count.
const FUNCTION_MAX: usize = 60;

pub fn sizes(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| is_written(file)) {
        let lines = file.text.lines().count();
        if lines > FILE_MAX {
            let path = &file.path;
            complaints.push(format!("{path}: {lines} lines, at most {FILE_MAX}: split by family"));
        }
    }
    for file in files.iter().filter(|file| file.is_rust() && !file.is_test()) {
        let counted = counted(&file.text);
        for (start, body) in functions(&file.text) {
            let long = counted[body].iter().filter(|counts| **counts).count();
            if long > FUNCTION_MAX {
                let (path, line) = (&file.path, start + 1);
                complaints.push(format!(
                    "{path}:{line}: a function of {long} lines, at most {FUNCTION_MAX}"
                ));
            }
        }
    }
    complaints
}

pub fn headers(files: &[File]) -> Vec<String> {
    let owns = |file: &File| file.text.lines().count() > 1;
    let bare = |file: &&File| file.is_rust() && owns(file) && !file.text.starts_with("//! ");
    files.iter().filter(bare).map(|file| format!("{}: no `//!` on top", file.path)).collect()
}

/// By hand, to be read from top to bottom: not data, snapshots and lists of settings.
fn is_written(file: &File) -> bool {
    let extension = Path::new(&file.path).extension().and_then(OsStr::to_str);
    file.path == "run" || matches!(extension, Some("rs" | "sql" | "md"))
}

/// For each line, whether it counts.
fn counted(text: &str) -> Vec<bool> {
    let mut open = 0_usize;
    let mut counts = Vec::new();
    for line in text.lines().map(str::trim) {
        let attribute = open > 0 || line.starts_with("#[") || line.starts_with("#![");
        if attribute {
            open += line.matches('[').count();
            open = open.saturating_sub(line.matches(']').count());
        }
        counts.push(
            !attribute && !line.is_empty() && !line.starts_with("///") && !line.starts_with("//!"),
        );
    }
    counts
}

/// The lines between the braces of every function, by the indentation that rustfmt keeps.
fn functions(text: &str) -> Vec<(usize, Range<usize>)> {
    let code = blank(text);
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let mut found = Vec::new();
    for start in (0..lines.len()).filter(|&at| is_function(lines[at])) {
        let head = lines[start..].iter().position(|line| line.ends_with(['{', ';', '}']));
        let Some(head) = head.map(|offset| start + offset) else { continue };
        if !lines[head].ends_with('{') {
            continue;
        }
        let indent = lines[start].len() - lines[start].trim_start().len();
        let last = format!("{}}}", " ".repeat(indent));
        if let Some(offset) = lines[head..].iter().position(|line| *line == last) {
            found.push((start, head + 1..head + offset));
        }
    }
    found
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub")
            || ["async", "const", "default"].contains(word)
            || word.ends_with(')')
    });
    words.next() == Some("fn")
}

#[cfg(test)]
mod tests {
    use super::{headers, sizes};
    use crate::{bad, silent, speaks};

    #[test]
    fn a_long_file_is_seen() {
        let code = "const A: u8 = 1;\n";
        speaks(sizes(&bad("src/node.rs", &code.repeat(401))), "401 lines");
        speaks(sizes(&bad("src/node/tests.rs", &"\n".repeat(401))), "401 lines");
        speaks(sizes(&bad("run", &"# why\n".repeat(401))), "401 lines");
        silent(sizes(&bad("src/node.rs", &code.repeat(400))));
        silent(sizes(&bad("src/devices/a8/vectors.json", &"{}\n".repeat(401))));
    }

    #[test]
    fn a_long_function_is_seen() {
        let function = |lines| {
            format!(
                "    pub(crate) async fn a(\n    ) {{\n{}    }}\n",
                "        b();\n".repeat(lines)
            )
        };
        speaks(sizes(&bad("src/node.rs", &function(61))), "a function of 61 lines");
        silent(sizes(&bad("src/node.rs", &function(60))));
        silent(sizes(&bad("src/node/tests.rs", &function(61))));
    }

    #[test]
    fn a_file_without_a_header_is_seen() {
        speaks(headers(&bad("src/node.rs", "use std::fs;\n\nfn a() {}\n")), "no `//!`");
        silent(headers(&bad("src/node.rs", "//! Builds everything.\n")));
    }
}
